/* SPDX-License-Identifier: EUPL-1.2 */
/* What people have a running signer do at its token. */
#include "hooks.h"
#include "running.h"

#include "common/json.h"
#include "common/memfd.h"
#include "pkcs11/client.h"

#include <poll.h>

static struct running running;

/* Token and keys, no certificate; the signer serves. */
static void start(void)
{
	char out[PATH_MAX];

	fixture_new(&running.f, CONF_STANDARD, ROLES_STANDARD);
	hook_module(&running.f);
	snprintf(out, sizeof(out), "%s/out", running.f.dir);
	assert_int_equal(
		setup_to(&running.f, out, 1, (const char *[]){ "init-token" }), 0);
	running_start(&running);
}

static void stop(void)
{
	running_stop(&running);
}

/* The answer, with what was said in a text that the next call replaces. */
static int order(enum signer_work work, const char *role, const char *text,
	struct span given, const char **ret_said)
{
	static char *said;
	_cleanup_(signer_disconnectp) struct signer *signer = NULL;
	struct signer_order o = { .work = work };
	int r;

	free(said);
	snprintf(o.role, sizeof(o.role), "%s", role);
	snprintf(o.text, sizeof(o.text), "%s", text);
	assert_int_equal(signer_connect(running.path, 20000, &signer), 0);
	r = signer_order(signer, &o, given, &said);
	*ret_said = said ? said : "";
	return r;
}

static void expect(enum signer_work work, const char *role, const char *text,
	enum signer_answer answer, const char *words)
{
	const char *said;

	assert_int_equal(order(work, role, text, span_of("", 0), &said), answer);
	if (!strstr(said, words))
		fail_msg("%s", said);
}

/* The JSON string of a role in the list; the caller frees. */
static char *listed(const char *role, const char *key)
{
	_cleanup_json_ json_t *all = NULL;
	const char *said;
	const json_t *one;
	char *text = NULL;
	size_t i;

	assert_int_equal(
		order(SIGNER_WORK_LIST, "", "", span_of("", 0), &said), SIGNER_SIGNED);
	all = json_read(span_str(said), 1 << 20);
	assert_non_null(all);
	json_array_foreach(json_object_get(all, "roles"), i, one)
	{
		if (strcmp(json_string_of(one, "role"), role) == 0 &&
			json_string_of(one, key))
			text = strdup(json_string_of(one, key));
	}
	return text;
}

/* A certificate for what was requested, with this usage and valid from then on, by an
 * authority whose own is with it or not. */
static int import_for(const char *role, const char *usage, long from_s, bool chain,
	const char **ret_said)
{
	const char *pem;
	X509 *ca = authority(), *own;
	BIO *bio, *out = BIO_new(BIO_s_mem());
	X509_REQ *req;
	char *data;
	long len;
	int r;

	assert_int_equal(order(SIGNER_WORK_REQUEST, role, "CN=a", span_of("", 0), &pem),
		SIGNER_SIGNED);
	bio = BIO_new_mem_buf(pem, -1);
	req = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	assert_non_null(req);
	own = issue(role, X509_REQ_get0_pubkey(req), ca, 86400);
	X509_gmtime_adj(X509_getm_notBefore(own), from_s);
	X509_EXTENSION_free(
		X509_delete_ext(own, X509_get_ext_by_NID(own, NID_key_usage, -1)));
	extend(own, ca, NID_key_usage, usage);
	assert_true(X509_sign(own, authority_key(), EVP_sha256()) > 0);
	PEM_write_bio_X509(out, own);
	if (chain)
		PEM_write_bio_X509(out, ca);
	len = BIO_get_mem_data(out, &data);
	r = order(SIGNER_WORK_IMPORT, role, "", span_of(data, (size_t)len), ret_said);
	X509_REQ_free(req);
	X509_free(own);
	X509_free(ca);
	BIO_free(bio);
	BIO_free(out);
	return r;
}

static int import_from(const char *role, long from_s, bool chain, const char **ret_said)
{
	return import_for(role, "critical,digitalSignature,nonRepudiation", from_s, chain,
		ret_said);
}

static int import(const char *role, bool chain, const char **ret_said)
{
	return import_from(role, -100, chain, ret_said);
}

static void from_keys_to_signatures(void **state)
{
	_cleanup_(freep) char *key = NULL;
	struct signer_result result;
	uint64_t before;
	const char *said;

	(void)state;
	start();
	before = count_log_count(running.f.log, "seal");
	expect(SIGNER_WORK_KEYS, "", "", SIGNER_SIGNED, "no key is missing");
	key = listed("seal", "key");
	assert_int_equal(strlen(key), 64);
	expect(SIGNER_WORK_TEST, "", "", SIGNER_REFUSED, "no certificate was imported");
	assert_int_equal(import("seal", true, &said), SIGNER_SIGNED);
	assert_int_equal(count_log_count(running.f.log, "seal"), before + 1);
	/* In use at once, without anybody looking for it. */
	assert_int_equal(sign(&running.f, "seal", &result), SIGNER_SIGNED);
	assert_null(strstr(said, "warning"));
	assert_int_equal(import("receipt", false, &said), SIGNER_SIGNED);
	assert_non_null(strstr(said, "warning: its certificate has nonRepudiation"));
	assert_int_equal(
		import_for("receipt", "critical,digitalSignature", -100, false, &said),
		SIGNER_SIGNED);
	assert_null(strstr(said, "warning"));
	expect(SIGNER_WORK_TEST, "", "", SIGNER_SIGNED, "receipt: signs");
	expect(SIGNER_WORK_REMOVE, "seal", key, SIGNER_REFUSED, "has a certificate");
	stop();
}

static void a_key_goes_by_its_name(void **state)
{
	_cleanup_(freep) char *seal = NULL, *receipt = NULL, *now = NULL;

	(void)state;
	start();
	seal = listed("seal", "key");
	receipt = listed("receipt", "key");
	expect(SIGNER_WORK_REMOVE, "seal", receipt, SIGNER_REFUSED, seal);
	expect(SIGNER_WORK_REMOVE, "seal", "", SIGNER_REFUSED, seal);
	expect(SIGNER_WORK_REMOVE, "seal", seal, SIGNER_SIGNED, "is removed");
	assert_null(listed("seal", "key"));
	expect(SIGNER_WORK_REMOVE, "seal", seal, SIGNER_REFUSED, "no public key");
	expect(SIGNER_WORK_REQUEST, "seal", "CN=a", SIGNER_REFUSED, "no public key");
	expect(SIGNER_WORK_KEYS, "seal", "", SIGNER_SIGNED, "seal: key of kind P-256");
	now = listed("seal", "key");
	assert_string_not_equal(now, seal);
	stop();
}

/* Somebody's tool stored the certificate under a label of its own, by the key's id. */
static int relabel(const struct key_place *place, void *data)
{
	CK_ATTRIBUTE a = { CKA_LABEL, data, 5 };
	CK_FUNCTION_LIST *f = place->module->f;
	CK_OBJECT_HANDLE found;
	size_t count = 0;

	if (object_find(f, place->session,
		    &(struct object_query){ CKO_CERTIFICATE, "seal", NULL, 0 }, &found, 1,
		    &count) != CKR_OK ||
		count != 1)
		return -ENOENT;
	return f->C_SetAttributeValue(place->session, found, &a, 1) == CKR_OK ? 0 : -EIO;
}

static void a_certificate_by_another_label(void **state)
{
	_cleanup_(freep) char *key = NULL;
	char why[TOKEN_TEXT_SIZE], label[] = "other";
	const char *said;

	(void)state;
	start();
	key = listed("seal", "key");
	assert_int_equal(import("seal", true, &said), SIGNER_SIGNED);
	assert_int_equal(token_work(running.f.token, relabel, label, why), 0);
	expect(SIGNER_WORK_REMOVE, "seal", key, SIGNER_REFUSED, "has a certificate");
	stop();
}

/* A generation that breaks off: nothing half is left that the next one would not mend. */
static CK_RV hook_generate(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
	CK_ATTRIBUTE_PTR public, CK_ULONG public_count, CK_ATTRIBUTE_PTR private,
	CK_ULONG private_count, CK_OBJECT_HANDLE_PTR ret_public,
	CK_OBJECT_HANDLE_PTR ret_private)
{
	CK_RV rv = original.C_GenerateKeyPair(session, mechanism, public, public_count,
		private, private_count, ret_public, ret_private);

	if (rv == CKR_OK)
		rv = original.C_DestroyObject(session, *ret_private);
	return rv == CKR_OK ? CKR_DEVICE_ERROR : rv;
}

static void a_generation_that_breaks_off(void **state)
{
	_cleanup_(freep) char *key = NULL, *again = NULL;

	(void)state;
	start();
	key = listed("seal", "key");
	expect(SIGNER_WORK_REMOVE, "seal", key, SIGNER_SIGNED, "is removed");
	module->C_GenerateKeyPair = hook_generate;
	expect(SIGNER_WORK_KEYS, "", "", SIGNER_REFUSED, "CKR_DEVICE_ERROR");
	module->C_GenerateKeyPair = original.C_GenerateKeyPair;
	again = listed("seal", "next");
	assert_string_equal(again, "hsm keys");
	expect(SIGNER_WORK_KEYS, "", "", SIGNER_SIGNED, "seal: key of kind P-256");
	stop();
}

static void what_is_refused(void **state)
{
	static const char JUNK[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END "
				   "CERTIFICATE-----\n";
	static const char KEY[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE "
				  "KEY-----\n";
	const char *said;

	(void)state;
	start();
	expect(SIGNER_WORK_KEYS, "nobody", "", SIGNER_REFUSED, "no role nobody");
	expect(SIGNER_WORK_REQUEST, "", "", SIGNER_REFUSED, "name of a role");
	expect(SIGNER_WORK_IMPORT, "seal", "", SIGNER_REFUSED, "nothing was given");
	expect(SIGNER_WORK_CUSTODY, "", "", SIGNER_REFUSED, "nothing was given");
	assert_int_equal(
		order(SIGNER_WORK_KEYS, "", "", span_str(JUNK), &said), SIGNER_REFUSED);
	assert_int_equal(order(SIGNER_WORK_IMPORT, "seal", "", span_str(JUNK), &said),
		SIGNER_REFUSED);
	assert_non_null(strstr(said, "not a PEM file"));
	assert_int_equal(order(SIGNER_WORK_IMPORT, "seal", "", span_str(KEY), &said),
		SIGNER_REFUSED);
	assert_non_null(strstr(said, "private key"));
	assert_int_equal(order(SIGNER_WORK_CUSTODY, "", "", span_str("{}"), &said),
		SIGNER_REFUSED);
	assert_non_null(strstr(said, "no closed PIN"));
	stop();
}

/* Of an authority that only has the name: its signature is not under the certificate. */
static void a_chain_is_proven(void **state)
{
	EVP_PKEY *other = EVP_EC_gen("P-256");
	X509 *ca = authority(), *impostor, *own;
	BIO *out = BIO_new(BIO_s_mem());
	const char *said, *pem;
	X509_REQ *req;
	BIO *bio;
	char *data;
	long len;

	(void)state;
	start();
	assert_int_equal(order(SIGNER_WORK_REQUEST, "seal", "CN=a", span_of("", 0), &pem),
		SIGNER_SIGNED);
	bio = BIO_new_mem_buf(pem, -1);
	req = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	own = issue("seal", X509_REQ_get0_pubkey(req), ca, 86400);
	impostor = issue("Unit CA", other, NULL, 86400);
	assert_int_equal(X509_check_issued(impostor, own), X509_V_OK);
	PEM_write_bio_X509(out, own);
	PEM_write_bio_X509(out, impostor);
	len = BIO_get_mem_data(out, &data);
	assert_int_equal(
		order(SIGNER_WORK_IMPORT, "seal", "", span_of(data, (size_t)len), &said),
		SIGNER_REFUSED);
	assert_non_null(strstr(said, "do not belong to the chain"));
	X509_REQ_free(req);
	X509_free(own);
	X509_free(ca);
	X509_free(impostor);
	EVP_PKEY_free(other);
	BIO_free(bio);
	BIO_free(out);
	stop();
}

/* One that is not valid yet takes no other's place: the role would stop. */
static void a_certificate_of_tomorrow(void **state)
{
	struct signer_result result;
	const char *said;

	(void)state;
	start();
	assert_int_equal(import("seal", true, &said), SIGNER_SIGNED);
	assert_int_equal(import_from("seal", 3600, true, &said), SIGNER_REFUSED);
	assert_non_null(strstr(said, "is not valid yet"));
	assert_int_equal(sign(&running.f, "seal", &result), SIGNER_SIGNED);
	stop();
}

/* A chain that was damaged is shown, and nothing of it is looked at. */
static void a_damaged_chain_is_listed(void **state)
{
	_cleanup_(freep) char *next = NULL;
	char good[4096] = "", *data;
	X509 *ca = authority();
	BIO *out = BIO_new(BIO_s_mem());
	const char *said;
	long len;

	(void)state;
	start();
	assert_int_equal(import("seal", true, &said), SIGNER_SIGNED);
	PEM_write_bio_X509(out, ca);
	len = BIO_get_mem_data(out, &data);
	snprintf(good, sizeof(good), "%.*s-----BEGIN CERTIFICATE-----\nAA\n", (int)len,
		data);
	put(running.f.dir, "state/signer/seal.chain.pem", good);
	next = listed("seal", "next");
	assert_non_null(next);
	assert_non_null(strstr(next, "once more"));
	X509_free(ca);
	BIO_free(out);
	stop();
}

#define SIGNERS 4

static atomic_bool signers_end;
static atomic_int signed_count, odd;

static void *keep_signing(void *data)
{
	struct signer_result result;

	(void)data;
	while (!atomic_load(&signers_end)) {
		enum signer_answer a = sign(&running.f, "seal", &result);

		if (a == SIGNER_SIGNED)
			atomic_fetch_add(&signed_count, 1);
		else if (a != SIGNER_AWAY)
			atomic_fetch_add(&odd, 1);
	}
	return NULL;
}

/* Whoever is signing comes to an end first, and goes on afterwards. */
static void work_beside_signatures(void **state)
{
	pthread_t threads[SIGNERS];
	const char *said;
	int before;

	(void)state;
	start();
	assert_int_equal(import("seal", true, &said), SIGNER_SIGNED);
	atomic_store(&hook.slow_us, 200000); /* longer than the work */
	atomic_store(&signers_end, false);
	for (int i = 0; i < SIGNERS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, keep_signing, NULL), 0);
	for (int i = 0; i < 5; i++) {
		before = atomic_load(&signed_count);
		assert_int_equal(import("seal", true, &said), SIGNER_SIGNED);
		(void)order(SIGNER_WORK_LIST, "", "", span_of("", 0), &said);
		for (int n = 0; n < 2000 && atomic_load(&signed_count) == before; n++)
			poll(NULL, 0, 10);
		assert_true(atomic_load(&signed_count) > before);
	}
	atomic_store(&signers_end, true);
	for (int i = 0; i < SIGNERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&odd), 0);
	assert_int_equal(atomic_load(&hook.closed_in_use), 0);
	stop();
}

/* Not one octet that a program did not mean to say; only people's uid. */
static void orders_of_another_form(void **state)
{
	struct signer_order o = { .work = SIGNER_WORK_LIST };
	int fds[2];

	(void)state;
	start();
	for (int i = 0; i < 5; i++) {
		struct signer_order bad = o;
		struct ipc_message m;
		int fd = connection(&running);

		bad.work = i == 0 ? SIGNER_WORK_NONE : i == 1 ? SIGNER_WORKS : bad.work;
		if (i == 2)
			memset(bad.role, 'a', sizeof(bad.role));
		if (i == 3)
			bad.person[5] = bad.ceremony[3] = bad.first[2] = 'x';
		fds[0] = fds[1] = memfd_from("two", span_str("x"));
		assert_int_equal(ipc_send(fd, SIGNER_ORDER, 1, &bad, sizeof(bad), fds,
					 i == 4 ? 2 : 0),
			0);
		assert_true(ipc_receive(fd, &m) <= 0); /* the connection ends */
		ipc_message_done(&m);
		close(fds[0]);
		close(fd);
	}
	stop();
}

static void nothing_is_done_at_a_token_that_is_not_active(void **state)
{
	const char *said;

	(void)state;
	start();
	token_deactivate(running.f.token);
	expect(SIGNER_WORK_KEYS, "", "", SIGNER_AWAY, "activate the token first");
	expect(SIGNER_WORK_REQUEST, "seal", "CN=a", SIGNER_AWAY, "it was deactivated");
	assert_int_equal(
		order(SIGNER_WORK_LIST, "", "", span_of("", 0), &said), SIGNER_SIGNED);
	assert_non_null(strstr(said, "\"active\": false"));
	assert_null(strstr(said, "\"roles\""));
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_keys_to_signatures),
		cmocka_unit_test(a_key_goes_by_its_name),
		cmocka_unit_test(a_generation_that_breaks_off),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(a_chain_is_proven),
		cmocka_unit_test(a_certificate_of_tomorrow),
		cmocka_unit_test(a_damaged_chain_is_listed),
		cmocka_unit_test(a_certificate_by_another_label),
		cmocka_unit_test(work_beside_signatures),
		cmocka_unit_test(orders_of_another_form),
		cmocka_unit_test(nothing_is_done_at_a_token_that_is_not_active),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
