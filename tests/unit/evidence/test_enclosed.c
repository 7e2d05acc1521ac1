/* SPDX-License-Identifier: EUPL-1.2 */
/* The certificate of receipts ends or is revoked, before a container is sealed over one
 * of its receipts and after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "evidence/augment.h"
#include "other.h"
#include "stamped.h"

/* As asked: valid, the indication of the whole, of the receipt, and what is said. */
static void expect(const struct answer *a, const char *indication, const char *receipt,
	const char *said)
{
	const json_t *evidence = json_object_get(a->report, "evidence");
	bool found = !said;

	for (size_t i = 0; !found && i < a->findings.count; i++)
		found = strstr(a->findings.list[i].message, said) != NULL;
	if (!found || strcmp(json_string_of(a->report, "indication"), indication) != 0)
		json_dumpf(a->report, stderr, JSON_INDENT(1));
	assert_true(found);
	assert_string_equal(json_string_of(a->report, "indication"), indication);
	assert_int_equal(a->valid, strcmp(indication, "TOTAL-PASSED") == 0);
	assert_string_equal(json_string_of(evidence, "receipt_signature"), receipt);
}

static void later(const struct other *o, int64_t at, const char *indication,
	const char *receipt, const char *said)
{
	_cleanup_answer_ struct answer a =
		verify(buf_span(&o->container), o->material, at);

	expect(&a, indication, receipt, said);
}

static void at_release(const struct other *o, int64_t at, const char *indication,
	const char *receipt, const char *said)
{
	_cleanup_answer_ struct answer a = verify_in(buf_span(&o->container),
		&(struct evidence_context){
			.material = o->material, .at = at, .fresh_revocation = true });

	expect(&a, indication, receipt, said);
}

static void revoked_since_the_seal(void **state)
{
	_cleanup_other_ struct other o = { 0 };

	(void)state;
	other_open(&o, 3650, SEAL_AS_USUAL, NOW);
	publish(&o, NOW + 11 * DAY, o.receipts, NOW + 10 * DAY);
	later(&o, NOW + 12 * DAY, "TOTAL-PASSED", "PASSED", NULL);
}

static void ended_since_the_seal(void **state)
{
	_cleanup_other_ struct other o = { 0 };

	(void)state;
	other_open(&o, 2, SEAL_AS_USUAL, NOW);
	/* What is published after the end says nothing about it. */
	publish(&o, NOW + 29 * DAY, NULL, 0);
	later(&o, NOW + 30 * DAY, "TOTAL-PASSED", "INDETERMINATE", "Receipts");
	publish(&o, NOW + DAY, NULL, 0);
	later(&o, NOW + 30 * DAY, "TOTAL-PASSED", "PASSED", NULL);
}

/* Nothing that could come changes it, so it is sealed, and told. */
static void ended_while_it_was_held(void **state)
{
	_cleanup_other_ struct other o = { 0 };

	(void)state;
	other_open(&o, 2, SEAL_AS_USUAL, NOW + 3 * DAY);
	at_release(&o, NOW + 3 * DAY + 60, "TOTAL-PASSED", "INDETERMINATE",
		"ended on 2026-06-07T12:00:00Z");
	publish(&o, NOW + DAY, NULL, 0);
	at_release(&o, NOW + 3 * DAY + 60, "TOTAL-PASSED", "INDETERMINATE",
		"At the time that the receipt names, 2026-06-05T12:00:00Z: it was in "
		"order.");
	later(&o, NOW + 30 * DAY, "TOTAL-PASSED", "INDETERMINATE", "it was in order");
}

static void revoked_while_it_was_held(void **state)
{
	_cleanup_other_ struct other o = { 0 };

	(void)state;
	other_open(&o, 3650, SEAL_AS_USUAL, NOW + DAY + 7000);
	publish(&o, NOW + DAY + 3600, o.receipts, NOW + DAY);
	at_release(&o, NOW + DAY + 7200, "TOTAL-PASSED", "INDETERMINATE",
		"was revoked on 2026-06-06T12:00:00Z");
	later(&o, NOW + 12 * DAY, "TOTAL-PASSED", "INDETERMINATE", "it was in order");
}

static void revoked_before_it_was_received(void **state)
{
	_cleanup_other_ struct other o = { 0 };

	(void)state;
	other_open(&o, 3650, SEAL_AS_USUAL, NOW);
	publish(&o, NOW + 30, o.receipts, NOW - 60);
	at_release(&o, NOW + 60, "TOTAL-PASSED", "INDETERMINATE",
		"2026-06-05T12:00:00Z: CN=Receipts,O=Test house,C=BE: it is revoked.");
}

/* What may come is waited for: it is neither wrong nor let through. */
static void a_list_that_is_late(void **state)
{
	_cleanup_other_ struct other o = { 0 };

	(void)state;
	other_open(&o, 3650, SEAL_AS_USUAL, NOW + 40 * DAY);
	at_release(&o, NOW + 40 * DAY + 60, "INDETERMINATE", "INDETERMINATE",
		"no revocation data");
	publish(&o, NOW, NULL, 0);
	at_release(
		&o, NOW + 40 * DAY + 60, "INDETERMINATE", "INDETERMINATE", "out of date");
	publish(&o, NOW + 40 * DAY, NULL, 0);
	at_release(&o, NOW + 40 * DAY + 60, "TOTAL-PASSED", "PASSED", NULL);
}

/* Who verifies later holds what was released, and is only told what is wanting. */
static void without_the_list(void **state)
{
	_cleanup_other_ struct other o = { 0 };

	(void)state;
	other_open(&o, 3650, SEAL_AS_USUAL, NOW);
	later(&o, NOW + 60, "TOTAL-PASSED", "INDETERMINATE", "no revocation data");
}

static void a_stranger_is_not_let_through(void **state)
{
	_cleanup_other_ struct other o = { 0 };

	(void)state;
	other_open(&o, 2, SEAL_ALONE, NOW + 3 * DAY);
	pki_material_free(o.material);
	o.material = house_material(&HOUSE_OF_TESTS);
	at_release(&o, NOW + 3 * DAY + 60, "INDETERMINATE", "INDETERMINATE",
		"no path leads");
}

/* That its certificate has ended excuses no signature that is wrong. */
static void a_forged_one_of_an_ended_certificate(void **state)
{
	struct house *h = &HOUSE_OF_TESTS;
	_cleanup_other_ struct other o = { 0 };
	_cleanup_(freep) char *receipt = NULL;
	struct container_plan plan = SEALED.plan;

	(void)state;
	other_open(&o, 2, SEAL_ALONE, NOW + 3 * DAY);
	publish(&o, NOW + DAY, NULL, 0);
	receipt =
		sealed_receipt(SEALED_DOCUMENT, "accepted", true, h->tsa_key, o.receipts);
	plan.receipt = span_str(receipt);
	plan.signing_time = NOW + 3 * DAY;
	buf_done(&o.container);
	sealed_make(h, &plan, h->seal_key, NOW + 3 * DAY + 1, &o.container);
	at_release(&o, NOW + 3 * DAY + 60, "TOTAL-FAILED", "FAILED", NULL);
	later(&o, NOW + 30 * DAY, "TOTAL-FAILED", "FAILED", NULL);
}

static void with_receipts_by(struct other *o, const char *usage, const char *extended)
{
	struct house *h = &HOUSE_OF_TESTS;
	_cleanup_(freep) char *receipt = NULL;
	struct container_plan plan = SEALED.plan;

	other_open(o, 2, SEAL_ALONE, NOW);
	X509_free(o->receipts);
	o->receipts = house_certificate_for(
		NOW, 2, o->key, "Keys", o->ca, o->ca_key, usage, extended);
	receipt = sealed_receipt(SEALED_DOCUMENT, "accepted", true, o->key, o->receipts);
	publish(o, NOW, NULL, 0);
	plan.receipt = span_str(receipt);
	buf_done(&o->container);
	sealed_make(h, &plan, h->seal_key, NOW + 1, &o->container);
}

/* A gate of an earlier version may have taken such a certificate: what it acknowledged is
 * sealed, and whoever verifies it is told. */
static void one_for_tls(void **state)
{
	_cleanup_other_ struct other o = { 0 };

	(void)state;
	with_receipts_by(&o, "critical,digitalSignature", "clientAuth");
	at_release(&o, NOW + 60, "TOTAL-PASSED", "INDETERMINATE", "something else");
	later(&o, NOW + 60, "TOTAL-PASSED", "INDETERMINATE", "something else");
}

static void one_for_something_else(void **state)
{
	_cleanup_other_ struct other o = { 0 };

	(void)state;
	with_receipts_by(&o, "critical,keyEncipherment", NULL);
	at_release(&o, NOW + 60, "TOTAL-FAILED", "FAILED", NULL);
	later(&o, NOW + 30 * DAY, "TOTAL-FAILED", "FAILED", NULL);
}

/* Who has a CA's key makes revocation data, too: the seal's time-stamp is not about it.
 */
static void the_ca_is_revoked_since(void **state)
{
	struct house *h = &HOUSE_OF_TESTS;
	_cleanup_other_ struct other o = { 0 };
	EVP_PKEY *root_key = EVP_EC_gen("P-256");
	X509 *root = house_certificate(NOW, root_key, "Root", NULL, root_key,
		"critical,keyCertSign,cRLSign", NULL);
	X509 *ca;

	(void)state;
	other_open(&o, 3650, SEAL_AS_USUAL, NOW);
	ca = X509_dup(o.ca);
	X509_set_issuer_name(ca, X509_get_subject_name(root));
	X509_EXTENSION_free(X509_delete_ext(
		ca, X509_get_ext_by_NID(ca, NID_authority_key_identifier, -1)));
	house_extension(ca, root, NID_authority_key_identifier, "keyid");
	assert_true(X509_sign(ca, root_key, EVP_sha256()) > 0);
	pki_material_free(o.material);
	o.material = house_material(h);
	house_add_anchor(o.material, root);
	assert_int_equal(pki_material_add_x509(o.material, ca), 0);
	publish(&o, NOW + DAY, NULL, 0);
	house_add_list(o.material,
		&(struct house_list){ root, root_key, NOW + DAY, 30, NULL, 0 });
	later(&o, NOW + 2 * DAY, "TOTAL-PASSED", "PASSED", NULL);
	house_add_list(o.material, &(struct house_list){ root, root_key, NOW + 11 * DAY,
					   30, ca, NOW + 10 * DAY });
	later(&o, NOW + 12 * DAY, "TOTAL-PASSED", "INDETERMINATE",
		"of a CA above the receipt's was revoked on 2026-06-15T12:00:00Z");
	X509_free(ca);
	X509_free(root);
	EVP_PKEY_free(root_key);
}

/* Augmentation ---------------------------------------------------------------------- */

/* Both authorities' newest lists: the seal's is younger than it. */
static void publish_both(const struct other *o, int64_t issued)
{
	const struct house *h = &HOUSE_OF_TESTS;

	house_add_list(o->material,
		&(struct house_list){ h->ca, h->ca_key, issued, 30, NULL, 0 });
	publish(o, issued, NULL, 0);
}

static struct evidence_augment_plan plan_of(const struct other *o, int64_t at)
{
	return (struct evidence_augment_plan){ .container = buf_span(&o->container),
		.material = o->material,
		.at = at,
		.released = true };
}

static void take(struct other *o, struct buf *container)
{
	buf_done(&o->container);
	o->container = *container;
}

/* Level LT. */
static void add_data(struct other *o, int64_t at)
{
	struct evidence_augment_plan plan = plan_of(o, at);
	_cleanup_(freep) char *reason = NULL;
	struct buf lt;

	buf_init(&lt, LIMIT_CONTAINER);
	if (evidence_add_validation_data(&plan, &lt, &reason) != 1)
		fail_msg("%s", reason ? reason : "undecided");
	take(o, &lt);
}

/* Level LTA, and again. */
static void archive(struct other *o, int64_t at)
{
	_cleanup_(evidence_archive_freep) struct evidence_archive *a = NULL;
	struct evidence_augment_plan plan = plan_of(o, at);
	_cleanup_(freep) char *reason = NULL;
	_cleanup_buf_ struct buf octets;
	uint8_t *token;
	struct buf lta;
	size_t len;

	buf_init(&octets, LIMIT_CONTAINER);
	buf_init(&lta, LIMIT_CONTAINER);
	if (evidence_archive_prepare(&plan, &a, &octets, &reason) != 1)
		fail_msg("%s", reason ? reason : "undecided");
	stamped(&HOUSE_OF_TESTS, buf_span(&octets), at, &token, &len);
	if (evidence_archive_finish(a, span_of(token, len), at + 1, &lta, &reason) != 1)
		fail_msg("%s", reason ? reason : "undecided");
	free(token);
	take(o, &lta);
}

static void with_anchors_alone(const struct other *o, int64_t at, const char *receipt)
{
	_cleanup_(pki_material_freep) struct pki_material *alone =
		pki_material_with_anchors_of(o->material);
	_cleanup_answer_ struct answer a = verify(buf_span(&o->container), alone, at);

	expect(&a, "TOTAL-PASSED", receipt, NULL);
}

static void what_proves_the_receipt_is_put_in(void **state)
{
	_cleanup_(pki_material_freep) struct pki_material *seals = NULL;
	_cleanup_other_ struct other o = { 0 };
	_cleanup_answer_ struct answer a = { 0 };

	(void)state;
	other_open(&o, 5, SEAL_AS_USUAL, NOW);
	publish(&o, NOW - 60, NULL, 0);
	house_add_list(
		o.material, &(struct house_list){ HOUSE_OF_TESTS.ca,
				    HOUSE_OF_TESTS.ca_key, NOW + DAY, 30, NULL, 0 });
	publish(&o, NOW + DAY, NULL, 0);
	add_data(&o, NOW + DAY + 60);
	with_anchors_alone(&o, NOW + DAY + 120, "PASSED");
	with_anchors_alone(&o, NOW + 30 * DAY, "PASSED");
	/* Who knows only the seal's authority is not told that it does not belong. */
	seals = house_material(&HOUSE_OF_TESTS);
	a = verify(buf_span(&o.container), seals, NOW + DAY + 120);
	expect(&a, "TOTAL-PASSED", "INDETERMINATE", "no path leads");
	assert_false(findings_have(&a.findings, "evidence.signature-file"));
}

/* What there was no list for gets it with its archive time-stamp; none of its end keeps
 * it from one. */
static void renewed_whatever_became_of_it(void **state)
{
	_cleanup_other_ struct other o = { 0 };
	const struct house *h = &HOUSE_OF_TESTS;

	(void)state;
	other_open(&o, 5, SEAL_AS_USUAL, NOW);
	house_add_list(o.material,
		&(struct house_list){ h->ca, h->ca_key, NOW + DAY, 30, NULL, 0 });
	add_data(&o, NOW + DAY + 60);
	with_anchors_alone(&o, NOW + DAY + 120, "INDETERMINATE");
	archive(&o, NOW + DAY + 180);
	with_anchors_alone(&o, NOW + DAY + 240, "INDETERMINATE");
	publish_both(&o, NOW + 2 * DAY);
	archive(&o, NOW + 2 * DAY + 60);
	with_anchors_alone(&o, NOW + 30 * DAY, "PASSED");
	publish(&o, NOW + 4 * DAY, o.receipts, NOW + 3 * DAY);
	archive(&o, NOW + 4 * DAY + 60);
	publish_both(&o, NOW + 29 * DAY);
	archive(&o, NOW + 30 * DAY);
	later(&o, NOW + 31 * DAY, "TOTAL-PASSED", "PASSED", NULL);
	with_anchors_alone(&o, NOW + 31 * DAY, "PASSED");
}

/* No list younger than the seal comes any more: that by which the receipt passed is the
 * best there is. */
static void its_authority_publishes_no_more(void **state)
{
	_cleanup_other_ struct other o = { 0 };
	const struct house *h = &HOUSE_OF_TESTS;

	(void)state;
	other_open(&o, 5, SEAL_AS_USUAL, NOW);
	publish(&o, NOW - 60, NULL, 0);
	house_add_list(o.material,
		&(struct house_list){ h->ca, h->ca_key, NOW + 60 * DAY, 30, NULL, 0 });
	add_data(&o, NOW + 60 * DAY + 60);
	with_anchors_alone(&o, NOW + 60 * DAY + 120, "PASSED");
	archive(&o, NOW + 60 * DAY + 180);
	with_anchors_alone(&o, NOW + 200 * DAY, "PASSED");
}

/* What the authority says after the certificate's end says nothing about it. */
static void its_authority_goes_on_without_it(void **state)
{
	_cleanup_other_ struct other o = { 0 };

	(void)state;
	other_open(&o, 5, SEAL_AS_USUAL, NOW);
	publish(&o, NOW - 60, NULL, 0);
	publish(&o, NOW + 4 * DAY, NULL, 0);
	publish_both(&o, NOW + 10 * DAY);
	add_data(&o, NOW + 10 * DAY + 60);
	with_anchors_alone(&o, NOW + 60 * DAY, "PASSED");
}

/* Whoever has no anchor of it is told, and goes by the path that is carried: but not
 * where none is, nor where the seal's certificate is not for commitments. */
static void its_anchor_is_nobodys(void **state)
{
	static const char *const usages[] = { SEAL_AS_USUAL,
		"critical,digitalSignature" };

	(void)state;
	for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++) {
		_cleanup_(pki_material_freep) struct pki_material *seals =
			house_material(&HOUSE_OF_TESTS);
		_cleanup_other_ struct other o = { 0 };
		_cleanup_answer_ struct answer bare = { 0 }, carried = { 0 };

		other_open(&o, 5, usages[i], NOW);
		bare = verify(buf_span(&o.container), seals, NOW + DAY);
		expect(&bare, "TOTAL-FAILED", "INDETERMINATE",
			"could be one for receipts");
		publish_both(&o, NOW + DAY);
		add_data(&o, NOW + DAY + 60);
		archive(&o, NOW + DAY + 180);
		carried = verify(buf_span(&o.container), seals, NOW + 20 * DAY);
		expect(&carried, i == 0 ? "TOTAL-PASSED" : "TOTAL-FAILED",
			"INDETERMINATE", i == 0 ? "no path leads" : "could be one for");
	}
}

/* Renewed by the gate, which released it when policy still had the anchor. */
static void its_anchor_is_taken_out(void **state)
{
	_cleanup_other_ struct other o = { 0 };

	(void)state;
	other_open(&o, 5, SEAL_AS_USUAL, NOW);
	publish_both(&o, NOW + DAY);
	add_data(&o, NOW + DAY + 60);
	archive(&o, NOW + DAY + 180);
	pki_material_free(o.material);
	o.material = house_material(&HOUSE_OF_TESTS);
	house_add_list(
		o.material, &(struct house_list){ HOUSE_OF_TESTS.ca,
				    HOUSE_OF_TESTS.ca_key, NOW + 29 * DAY, 30, NULL, 0 });
	archive(&o, NOW + 30 * DAY);
	house_add_anchor(o.material, o.ca);
	with_anchors_alone(&o, NOW + 200 * DAY, "PASSED");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(revoked_since_the_seal),
		cmocka_unit_test(ended_since_the_seal),
		cmocka_unit_test(ended_while_it_was_held),
		cmocka_unit_test(revoked_while_it_was_held),
		cmocka_unit_test(revoked_before_it_was_received),
		cmocka_unit_test(a_list_that_is_late),
		cmocka_unit_test(without_the_list),
		cmocka_unit_test(a_stranger_is_not_let_through),
		cmocka_unit_test(a_forged_one_of_an_ended_certificate),
		cmocka_unit_test(one_for_something_else),
		cmocka_unit_test(one_for_tls),
		cmocka_unit_test(the_ca_is_revoked_since),
		cmocka_unit_test(what_proves_the_receipt_is_put_in),
		cmocka_unit_test(renewed_whatever_became_of_it),
		cmocka_unit_test(its_authority_publishes_no_more),
		cmocka_unit_test(its_authority_goes_on_without_it),
		cmocka_unit_test(its_anchor_is_taken_out),
		cmocka_unit_test(its_anchor_is_nobodys),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
