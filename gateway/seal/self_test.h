/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whether this program seals, found out at its start: a document of its own, by keys that
 * are gone afterwards, is sealed and has to be judged right, whole and spoilt; never uses
 * a key of the token, never gives the container to anybody else.
 */
#ifndef SEALGATE_SEAL_SELF_TEST_H
#define SEALGATE_SEAL_SELF_TEST_H

#include "seal/attempt.h"

enum self_test {
	SELF_TEST_AWAY = 0, /* who judges does not answer: not known yet */
	SELF_TEST_PASSED,
	SELF_TEST_FAILED,
};

/* Seal and have it judged once. Return: enum self_test, with one line in ret_reason
 * unless passed. */
enum self_test self_test_once(
	const struct seal_house *house, char *ret_reason, size_t size);

/* Until it is known, or the daemon shall stop, then say it (common/self_test.h). arg:
 * struct seal_house. Return: NULL. */
void *self_test_run(void *arg);

#endif
