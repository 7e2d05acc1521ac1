/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The scene that most tests play in: a house, the three stand-ins, a server and one
 * thread's links; made anew for every test.
 */
#ifndef SEALGATE_TESTS_INTAKE_STAGE_H
#define SEALGATE_TESTS_INTAKE_STAGE_H

#include "fakes.h"
#include "visit.h"

extern struct house house;
extern struct fake_verify verify;
extern struct fake_queue queue;
extern struct fake_signer signer;
extern struct server server;
extern struct links thread_links;

int stage_set_up(void **state);
int stage_tear_down(void **state);

/* POST to uri, or to /v1/documents as Kenya. */
void post_as(
	const struct person *who, const char *uri, const char *body, struct answer *ret);
void post(const char *body, struct answer *ret);

/* Have verify refuse with findings, the content of a JSON array; or hold. */
void verify_refuses(const char *findings);
void verify_holds(const char *reason);

/* The answer is a whole problem document of the code. */
void expect_problem(const struct answer *a, int status, const char *code);

#define ON_STAGE(f) cmocka_unit_test_setup_teardown(f, stage_set_up, stage_tear_down)

#endif
