/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/self_test.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/memfd.h"
#include "common/self_test.h"
#include "evidence/container.h"
#include "evidence/receipt.h"
#include "pki/certificate.h"
#include "seal/validation.h"
#include "xades/trial.h"

#include <errno.h>
#include <stdio.h>

#define AGAIN_MS 500
#define ID "00000000000000000000000000"
#define NOTHING "0000000000000000000000000000000000000000000000000000000000000000"

static const struct validation_subject SUBJECT = { "seal", ID };
static const char DOCUMENT[] = "<trial xmlns=\"urn:sealgate:self-test\"></trial>";

/* All that a container is made of. */
struct trial {
	struct trial_signer partner, gate, seal;
	struct buf document;
	char *report, *receipt;
	char sha256[SHA256_TEXT_SIZE];
	int64_t now;
};

static void trial_done(struct trial *t)
{
	trial_signer_done(&t->partner);
	trial_signer_done(&t->gate);
	trial_signer_done(&t->seal);
	buf_done(&t->document);
	free(t->report);
	free(t->receipt);
}

static int make_document(struct trial *t)
{
	int r = trial_sign(&t->partner, span_str(DOCUMENT), t->now, &t->document);

	if (r == 0)
		r = digest_sha256_text(buf_span(&t->document), t->sha256);
	return r;
}

static int make_report(struct trial *t)
{
	_cleanup_json_ json_t *report = json_pack("{s:s, s:[], s:s, s:s, s:[], s:s}",
		"decision", "accepted", "findings", "policy_digest", NOTHING, "sha256",
		t->sha256, "signatures", "store_version", NOTHING);

	t->report = json_canonical(report);
	return t->report ? 0 : -ENOMEM;
}

static int sign_receipt(struct trial *t, const struct receipt_claims *claims,
	struct receipt_signer *signer)
{
	uint8_t digest[SHA256_SIZE], value[TRIAL_VALUE_MAX];
	_cleanup_(freep) char *input = NULL;
	int r = receipt_signing_input(claims, signer, &input);

	if (r == 0)
		r = digest_sha256(span_str(input), digest);
	if (r == 0 && trial_value(&t->gate, span_of(digest, sizeof(digest)), value) !=
			      RECEIPT_SIGNATURE_SIZE)
		r = -EIO;
	return r < 0 ? r : receipt_assemble(input, value, &t->receipt);
}

static int make_receipt(struct trial *t, const struct seal_house *house)
{
	const struct receipt_claims claims = { .instance = house->instance_name,
		.test = house->test,
		.id = ID,
		.partner = "self-test",
		.sha256 = t->sha256,
		.size = t->document.len,
		.received = t->now,
		.state = "accepted",
		.hold_reason = "",
		.type = "",
		.number = "",
		.status = "",
		.country = "",
		.import_country = "",
		.policy_digest = NOTHING,
		.store_version = NOTHING,
		.audit_record_sha256 = NOTHING };
	struct receipt_signer *signer = NULL;
	unsigned char *der = NULL;
	int len = i2d_X509(t->gate.certificate, &der), r = -ENOMEM;

	if (len > 0)
		r = receipt_signer_new(span_of(der, (size_t)len), &signer);
	if (r == 0)
		r = sign_receipt(t, &claims, signer);
	receipt_signer_free(signer);
	OPENSSL_free(der);
	return r;
}

static int make_trial(struct trial *t, const struct seal_house *house)
{
	int r = trial_signer_make(TRIAL_P256, t->now, &t->partner);

	if (r == 0)
		r = trial_signer_make(TRIAL_P256, t->now, &t->gate);
	if (r == 0)
		r = trial_signer_make(TRIAL_P256, t->now, &t->seal);
	if (r == 0)
		r = make_document(t);
	if (r == 0)
		r = make_report(t);
	return r < 0 ? r : make_receipt(t, house);
}

static int seal(const struct trial *t, const struct seal_house *house, struct buf *ret)
{
	_cleanup_(container_freep) struct container *c = NULL;
	_cleanup_(freep) char *reason = NULL;
	uint8_t digest[64], value[TRIAL_VALUE_MAX];
	size_t len = 0;
	int r = container_prepare(
		&(struct container_plan){ .document = buf_span(&t->document),
			.report = span_str(t->report),
			.receipt = span_str(t->receipt),
			.level_b = true,
			.document_id = ID,
			.instance = house->instance_name,
			.test = house->test,
			.signer = t->seal.certificate,
			.mechanism = t->seal.method,
			.signing_time = t->now },
		&c, digest, &len, &reason);

	if (r < 0)
		return r;
	len = trial_value(&t->seal, span_of(digest, len), value);
	r = len ? container_set_value(c, span_of(value, len)) : -EIO;
	return r < 0 ? r : container_finish(c, ret);
}

static enum validation judge(
	const struct seal_house *house, struct span container, char *reason, size_t size)
{
	_cleanup_(closep) int fd = memfd_from("self-test", container);

	if (fd >= 0)
		return validate_container(house, &SUBJECT, fd, reason, size);
	(void)snprintf(reason, size, "no memory for a container");
	return VALIDATION_AWAY;
}

/* It is of somebody that nobody knows: whole but not proven is the only right answer. */
static enum self_test judge_whole(
	const struct seal_house *house, struct span container, char *reason, size_t size)
{
	char why[ATTEMPT_REASON_SIZE] = "it is taken for proven";

	switch (judge(house, container, why, sizeof(why))) {
	case VALIDATION_UNPROVEN:
		return SELF_TEST_PASSED;
	case VALIDATION_AWAY:
		(void)snprintf(reason, size, "%s", why);
		return SELF_TEST_AWAY;
	case VALIDATION_PASSED:
	case VALIDATION_FAILED:
	case VALIDATION_RECEIPT_UNPROVEN:
	default:
		(void)snprintf(reason, size, "a seal of a self-test: %s", why);
		return SELF_TEST_FAILED;
	}
}

/* One octet of the document is another, wherever it stands in the container. */
static enum self_test judge_spoilt(
	const struct seal_house *house, struct buf *container, char *reason, size_t size)
{
	uint8_t *at = memmem(container->data, container->len, "urn:sealgate", 12);
	char why[ATTEMPT_REASON_SIZE] = "";

	if (at)
		*at = 'U';
	switch (at ? judge(house, buf_span(container), why, sizeof(why))
		   : VALIDATION_PASSED) {
	case VALIDATION_FAILED:
		return SELF_TEST_PASSED;
	case VALIDATION_AWAY:
		(void)snprintf(reason, size, "%s", why);
		return SELF_TEST_AWAY;
	case VALIDATION_PASSED:
	case VALIDATION_UNPROVEN:
	case VALIDATION_RECEIPT_UNPROVEN:
	default:
		(void)snprintf(
			reason, size, "a spoilt seal of a self-test is not found out");
		return SELF_TEST_FAILED;
	}
}

enum self_test self_test_once(
	const struct seal_house *house, char *ret_reason, size_t size)
{
	_cleanup_(trial_done) struct trial t = { .now = clock_now() };
	_cleanup_buf_ struct buf container;
	enum self_test found;
	int r;

	buf_init(&t.document, LIMIT_DOCUMENT);
	buf_init(&container, LIMIT_CONTAINER);
	r = make_trial(&t, house);
	if (r == 0)
		r = seal(&t, house, &container);
	if (r < 0) {
		(void)snprintf(ret_reason, size, "a self-test cannot be sealed: %s",
			strerror(-r));
		return SELF_TEST_FAILED;
	}
	found = judge_whole(house, buf_span(&container), ret_reason, size);
	if (found == SELF_TEST_PASSED)
		found = judge_spoilt(house, &container, ret_reason, size);
	return found;
}

void *self_test_run(void *arg)
{
	const struct seal_house *house = arg;
	char reason[ATTEMPT_REASON_SIZE] = "";
	enum self_test found;
	int r;

	do
		found = self_test_once(house, reason, sizeof(reason));
	while (found == SELF_TEST_AWAY && !daemon_wait(house->daemon, AGAIN_MS));
	if (found == SELF_TEST_AWAY)
		return NULL;
	if (found == SELF_TEST_FAILED)
		log_event(LOG_CRIT, "seal.self-test", NULL, "%s", reason);
	r = self_test_tell(
		&house->daemon->instance, found == SELF_TEST_PASSED ? NULL : reason);
	if (r < 0)
		log_event(LOG_ERR, "seal.self-test", NULL,
			"what came of the self-test cannot be said: %s", strerror(-r));
	return NULL;
}
