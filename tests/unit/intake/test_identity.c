/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "intake/identity.h"
#include "intake/problem.h"
#include "visit.h"
#include "web/certificate.h"

#include <stdio.h>

static struct house house;
static struct server server;
static struct links links_;

static int set_up(void **state)
{
	char *error = NULL;

	(void)state;
	house_build(&house);
	assert_int_equal(server_init(&server, &house.instance, &error), 0);
	links_init(&links_, server.queued_socket, server.signer_socket);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	links_done(&links_);
	server_done(&server);
	house_tear_down(&house);
	return 0;
}

static void expect_visit(const struct visit *v, int status, const char *code)
{
	struct answer a;

	visit(&server, &links_, v, &a);
	assert_int_equal(a.status, status);
	assert_string_equal(answer_text(&a, "code"), code);
	answer_done(&a);
}

static void expect(const struct person *who, int status, const char *code)
{
	struct visit v = { .who = who, .method = "GET", .uri = "/v1/status" };

	expect_visit(&v, status, code);
}

static void test_who_is_who(void **state)
{
	(void)state;
	expect(&house.kenya, 200, "");
	expect(&house.chile, 200, "");
	expect(&house.stranger, 403, "partner.unknown");
	expect(&house.suspended, 403, "partner.suspended");
	expect(&house.expired, 403, "partner.certificate");
	expect(&house.rogue, 403, "partner.certificate");
	expect(NULL, 403, "partner.certificate");
}

static void test_nginx_must_have_verified(void **state)
{
	static const char *const words[] = { "", "NONE", "FAILED:expired", "success",
		"SUCCESS " };

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct visit v = { .who = &house.kenya,
			.method = "GET",
			.uri = "/v1/status",
			.verify = words[i] };

		expect_visit(&v, 403, "partner.certificate");
	}
}

/* TLS 1.2 is for those whom policy lists, and nothing older for anybody. */
static void test_the_protocol_is_agreed(void **state)
{
	static const struct {
		const char *protocol;
		bool kenya, chile; /* chile is listed */
	} words[] = { { "TLSv1.3", true, true }, { "TLSv1.2", false, true },
		{ "TLSv1.1", false, false }, { "", false, false } };

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct visit v = { .method = "GET",
			.uri = "/v1/status",
			.protocol = words[i].protocol };

		v.who = &house.kenya;
		expect_visit(&v, words[i].kenya ? 200 : 403,
			words[i].kenya ? "" : "partner.tls");
		v.who = &house.chile;
		expect_visit(&v, words[i].chile ? 200 : 403,
			words[i].chile ? "" : "partner.tls");
	}
}

/* Unknown callers learn nothing about paths. */
static void test_identity_comes_first(void **state)
{
	struct visit v = { .who = &house.stranger, .method = "BREW", .uri = "/nowhere" };

	(void)state;
	expect_visit(&v, 403, "partner.unknown");
}

static void expect_no_certificate(const char *before, const char *after)
{
	char text[16384];
	struct person p = { .escaped = text };

	snprintf(text, sizeof(text), "%s%s%s", before, house.kenya.escaped, after);
	assert_null(web_certificate_parse(text));
	expect(&p, 403, "partner.certificate");
}

static void test_exactly_one_certificate(void **state)
{
	X509 *x = web_certificate_parse(house.kenya.escaped);

	(void)state;
	assert_non_null(x);
	X509_free(x);
	expect_no_certificate("x", "");
	expect_no_certificate("%0A", "");
	expect_no_certificate("", "x");
	expect_no_certificate("", "%");
	expect_no_certificate("", "%4");
	expect_no_certificate("", "%00");
	expect_no_certificate("", house.chile.escaped);
	expect_no_certificate(house.chile.escaped, "");
	assert_null(web_certificate_parse(
		"-----BEGIN CERTIFICATE-----%0A-----END CERTIFICATE-----%0A"));
	assert_null(web_certificate_parse(""));
}

static void look_again(void)
{
	snapshot_drop(snapshots_hold(&server.snapshots, true));
}

static void test_revoked(void **state)
{
	(void)state;
	house_publish_crl(&house, &house.chile, 86400);
	look_again();
	expect(&house.chile, 403, "partner.certificate");
	expect(&house.kenya, 200, "");
}

/* Revocation data of the authority that ran out: nobody can say, so nobody is let in. */
static void test_stale_revocation_is_undecided(void **state)
{
	(void)state;
	house_publish_crl(&house, NULL, -3600);
	look_again();
	expect(&house.kenya, 503, "partner.revocation");
}

/* A CRL that is gone takes nobody's revocation back. */
static void test_no_revocation_data_is_undecided(void **state)
{
	(void)state;
	house_publish_crl(&house, &house.chile, 86400);
	look_again();
	house_withdraw_crl(&house);
	look_again();
	expect(&house.chile, 503, "partner.revocation");
	expect(&house.kenya, 503, "partner.revocation");
}

static void test_authority_that_issues_none(void **state)
{
	(void)state;
	server.revocation = WEB_REVOCATION_IF_PRESENT;
	house_publish_crl(&house, &house.chile, 86400);
	look_again();
	expect(&house.chile, 403, "partner.certificate");
	house_withdraw_crl(&house);
	look_again();
	expect(&house.chile, 200, "");
	server.revocation = WEB_REVOCATION_REQUIRED;
	expect(&house.chile, 503, "partner.revocation");
}

static void test_policy_is_read_again(void **state)
{
	struct snapshot *before = snapshots_hold(&server.snapshots, false);
	struct snapshot *after;

	(void)state;
	house_policy(&house, "partners/xx-new.cfg",
		"name = \"xx-new\"; country = \"XX\"; transport = ( \"%s\" ); signers = "
		"( );"
		" types = ( \"PHYTO\" );",
		house.stranger.sha256);
	after = snapshots_hold(&server.snapshots, true);
	assert_ptr_not_equal(before, after);
	assert_string_not_equal(
		policy_digest(before->policy), policy_digest(after->policy));
	snapshot_drop(before);
	snapshot_drop(after);
	expect(&house.stranger, 200, "");
}

static void test_unreadable_policy_leaves_the_old_one(void **state)
{
	struct snapshot *before = snapshots_hold(&server.snapshots, false);

	(void)state;
	house_policy(&house, "partners/xx-new.cfg", "nonsense");
	look_again();
	assert_ptr_equal(before, server.snapshots.now);
	snapshot_drop(before);
	expect(&house.kenya, 200, "");
}

/* What is at fault is told apart: policy, or the authorities of client certificates. */
static void test_the_fault_is_named(void **state)
{
	char path[PATH_MAX], aside[PATH_MAX + 8];
	struct snapshots s;
	char *error = NULL;

	(void)state;
	assert_int_equal(
		instance_path(&house.instance,
			config_string(house.instance.config, "tls.partner_ca"), path),
		0);
	snprintf(aside, sizeof(aside), "%s.aside", path);
	assert_int_equal(rename(path, aside), 0);
	assert_true(snapshots_init(&s, &house.instance, &error) < 0);
	assert_string_equal(s.fault, "intake.authorities");
	assert_non_null(strstr(error, path));
	free(error);
	assert_int_equal(rename(aside, path), 0);
	house_policy(&house, "partners/xx-new.cfg", "nonsense");
	assert_true(snapshots_init(&s, &house.instance, &error) < 0);
	assert_string_equal(s.fault, "intake.policy-unreadable");
	free(error);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_who_is_who),
		TEST(test_the_fault_is_named),
		TEST(test_nginx_must_have_verified),
		TEST(test_the_protocol_is_agreed),
		TEST(test_identity_comes_first),
		TEST(test_exactly_one_certificate),
		TEST(test_revoked),
		TEST(test_stale_revocation_is_undecided),
		TEST(test_no_revocation_data_is_undecided),
		TEST(test_authority_that_issues_none),
		TEST(test_policy_is_read_again),
		TEST(test_unreadable_policy_leaves_the_old_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
