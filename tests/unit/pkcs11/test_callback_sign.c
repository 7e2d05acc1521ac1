/* SPDX-License-Identifier: EUPL-1.2 */
/* What sealgate-forward has signed: call-backs in the signer's own form, and nothing
 * else. */
#include "running.h"

#include "common/callback_claims.h"
#include "common/clock.h"
#include "common/encode.h"
#include "common/json.h"
#include "pkcs11/budget.h"
#include "pkcs11/callback_sign.h"
#include "pkcs11/count_check.h"
#include "pkcs11/guest.h"
#include "pkcs11/mechanism.h"

#include <sys/wait.h>

#define UID_INTAKE 61003
#define UID_FORWARD 61008

static const char ROLES_ES256[] =
	"seal: { label = \"seal\"; mechanism = \"ecdsa-sha256\"; peer = \"seal\"; };\n"
	"receipt: { label = \"receipt\"; mechanism = \"ecdsa-sha256\"; peer = "
	"\"intake\"; verified_by_peer = true; total = 6; };\n";

static const char CONF_SEPARATE[] =
	"instance = { name = \"unit\"; test = true; };\n"
	"signer = { softhsm_conf = \"state/signer/softhsm2.conf\"; threads = 4; };\n"
	"peers = { separate = true; seal = 61002; intake = 61003; admin = 61004;\n"
	"  nginx = 61005; verify = 61006; queued = 61007; forward = 61008; signer = "
	"61009; health = 61010; };\n";

static const struct signer_callback USUAL = {
	.partner = "nz-mpi", .sha256 = { 0xab }, .size = 100, .cursor = 42
};

static void configure(struct running *r, const char *conf, const char *roles)
{
	fixture_new(&r->f, CONF_STANDARD, roles);
	fixture_init(&r->f);
	if (conf)
		fixture_configure(&r->f, conf, roles);
}

/* The three parts; what they say is checked against what was asked and what is known. */
static void assert_signed(struct running *r, const char *jws, int64_t before)
{
	_cleanup_(freep) char *input = strdup(jws), *claims_part = NULL;
	_cleanup_(freep) uint8_t *header = NULL, *claims = NULL, *raw = NULL, *der = NULL;
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	_cleanup_json_ json_t *head = NULL, *said = NULL;
	char *first = strchr(input, '.'), *last = strrchr(input, '.');
	int role = roles_find(&r->f.roles, "receipt");
	size_t header_len, claims_len, raw_len, der_len;
	char sha256[SHA256_TEXT_SIZE];
	const unsigned char *p;
	uint8_t digest[32];
	X509 *certificate;

	assert_int_equal(token_certificates(r->f.token, (size_t)role, &der, &der_len), 0);
	p = der;
	certificate = d2i_X509(NULL, &p, (long)der_len);
	assert_non_null(certificate);
	assert_int_equal(digest_sha256_text(span_of(der, (size_t)(p - der)), sha256), 0);
	assert_true(first != last);
	*last = '\0';
	assert_int_equal(digest_sha256(span_str(input), digest), 0);
	assert_int_equal(base64url_decode(last + 1, &raw, &raw_len), 0);
	key = X509_get_pubkey(certificate);
	assert_true(mechanism_verify(mechanism_find("ecdsa-sha256"), key,
		span_of(digest, 32), span_of(raw, raw_len)));
	X509_free(certificate);
	claims_part = strdup(first + 1);
	*first = '\0';
	assert_int_equal(base64url_decode(input, &header, &header_len), 0);
	assert_int_equal(base64url_decode(claims_part, &claims, &claims_len), 0);
	head = json_read(span_of(header, header_len), 4096);
	said = json_read(span_of(claims, claims_len), 4096);
	assert_string_equal(json_string_of(head, "typ"), CALLBACK_TYPE);
	assert_string_equal(json_string_of(head, "kid"), sha256);
	assert_string_equal(json_string_of(said, "iss"), "unit");
	assert_string_equal(json_string_of(said, "aud"), "nz-mpi");
	assert_string_equal(json_string_of(said, "jti"), "nz-mpi-42");
	assert_string_equal(json_string_of(said, "sha256"),
		"ab00000000000000000000000000000000000000000000000000000000000000");
	assert_true(json_integer_value(json_object_get(said, "iat")) >= before);
	assert_true(json_integer_value(json_object_get(said, "iat")) <= clock_now());
}

static void signed_in_a_form_of_its_own(void **state)
{
	static struct running r;
	struct signer_result result;
	struct signer *signer;
	int64_t before = clock_now();
	char *jws, *status;

	(void)state;
	configure(&r, NULL, ROLES_ES256);
	running_start(&r);
	assert_int_equal(signer_connect(r.path, 5000, &signer), 0);
	assert_int_equal(signer_callback(signer, &USUAL, &jws, &result), SIGNER_SIGNED);
	assert_signed(&r, jws, before);
	/* the signature alone is not handed out */
	assert_int_equal(result.value_len, 0);
	assert_int_equal(result.count, 1);
	free(jws);
	/* counted by its own name, not as a receipt */
	assert_true(count_log_count(r.f.log, "callback") == 1);
	assert_true(count_log_count(r.f.log, "receipt") == 1); /* the request's */
	assert_int_equal(signer_status(signer, &status), 0);
	assert_non_null(strstr(status, "\"callbacks\":1,\"callbacks_most\":3"));
	assert_non_null(strstr(status, "\"count\":1,\"made\":2,\"total\":6"));
	free(status);
	signer_disconnect(signer);
	running_stop(&r);
}

static int warned(const char *status, const char *code)
{
	_cleanup_json_ json_t *list = json_array(),
			      *said = json_read(span_str(status), strlen(status));
	int found = 0;
	json_t *w;
	size_t i;

	assert_int_equal(budget_warn(list, said), 0);
	json_array_foreach(list, i, w) found +=
		strcmp(json_string_of(w, "code"), code) == 0;
	assert_true(found <= (int)json_array_size(list));
	return found;
}

/* Before partners are not called back any more, and before nothing is signed at all. */
static void told_while_some_are_left(void **state)
{
	(void)state;
	assert_int_equal(
		warned("{\"callbacks\":89,\"callbacks_most\":100}", "callbacks"), 0);
	assert_int_equal(
		warned("{\"callbacks\":90,\"callbacks_most\":100}", "callbacks"), 1);
	assert_int_equal(
		warned("{\"callbacks\":90,\"callbacks_most\":0}", "callbacks"), 0);
	assert_int_equal(warned("{\"roles\":[{\"role\":\"a\",\"made\":89,\"total\":99}]}",
				 "signatures"),
		0);
	assert_int_equal(warned("{\"roles\":[{\"role\":\"a\",\"made\":90,\"total\":99},"
				"{\"role\":\"b\",\"made\":90,\"total\":0}]}",
				 "signatures"),
		1);
}

static enum signer_answer ask(struct signer *signer, const struct signer_callback *q)
{
	struct signer_result result;
	char *jws;
	int r = signer_callback(signer, q, &jws, &result);

	assert_true(r >= 0);
	assert_true((jws != NULL) == (r == SIGNER_SIGNED));
	assert_true((result.reason[0] == '\0') == (r == SIGNER_SIGNED));
	free(jws);
	return (enum signer_answer)r;
}

static void of_no_other_form(void **state)
{
	static const char *const NAMES[] = { "", "-a", "a b", "a\"b", "a\nb", "\xC3\xA9",
		"a/b", ".." };
	static struct running r;
	struct signer_callback q;
	struct signer *signer;
	struct signer_result result;
	char *jws;

	(void)state;
	configure(&r, NULL, ROLES_ES256);
	running_start(&r);
	assert_int_equal(signer_connect(r.path, 5000, &signer), 0);
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		q = USUAL;
		memset(q.partner, 0, sizeof(q.partner));
		memcpy(q.partner, NAMES[i], strlen(NAMES[i]));
		assert_int_equal(ask(signer, &q), SIGNER_REFUSED);
	}
	for (int64_t n = -1; n <= 0; n++) {
		q = USUAL;
		q.cursor = n;
		assert_int_equal(ask(signer, &q), SIGNER_REFUSED);
	}
	q = USUAL;
	q.size = 0;
	assert_int_equal(ask(signer, &q), SIGNER_REFUSED);
	q = USUAL;
	q.sandbox = 2;
	assert_int_equal(ask(signer, &q), SIGNER_REFUSED);
	q = USUAL;
	q.size = UINT64_MAX;
	assert_int_equal(ask(signer, &q), SIGNER_REFUSED);
	assert_true(count_log_count(r.f.log, "callback") == 0);
	/* octets behind the end of a text: no question at all */
	q = USUAL;
	q.partner[10] = 'x';
	assert_true(signer_callback(signer, &q, &jws, &result) < 0);
	assert_null(jws);
	signer_disconnect(signer);
	running_stop(&r);
}

/* A key's total is of its whole life, whatever it signs. */
static void within_the_total_of_the_key(void **state)
{
	uint8_t digest[32] = { 1 };
	struct signer_result result;
	static struct running r;
	struct signer *signer;

	(void)state;
	configure(&r, NULL, ROLES_ES256);
	running_start(&r);
	assert_int_equal(signer_connect(r.path, 5000, &signer), 0);
	/* half of the total is for receipts alone */
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(signer, &USUAL), SIGNER_SIGNED);
	assert_int_equal(ask(signer, &USUAL), SIGNER_REFUSED);
	/* one is the request's */
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			signer_sign(signer, "receipt", digest, 32, DOCUMENT, &result),
			SIGNER_SIGNED);
	assert_int_equal(ask(signer, &USUAL), SIGNER_REFUSED);
	assert_int_equal(signer_sign(signer, "receipt", digest, 32, DOCUMENT, &result),
		SIGNER_REFUSED);
	assert_int_equal(signer_sign(signer, "seal", digest, 32, DOCUMENT, &result),
		SIGNER_SIGNED);
	signer_disconnect(signer);
	running_stop(&r);
}

/* Also where two ask at once: the count itself says no. */
static void the_count_knows_both(void **state)
{
	struct count_state s = { 0 };
	uint8_t digest[32] = { 0 };
	struct count_entry receipt = { .role = "receipt",
		.digest = digest,
		.digest_len = 32,
		.document = DOCUMENT,
		.total = 2,
		.beside = "callback" };
	struct count_entry callback = receipt;
	char line[512];

	(void)state;
	callback.role = "callback";
	callback.beside = "receipt";
	assert_true(count_line_make(&s, &receipt, 1, line) > 0);
	assert_true(count_line_make(&s, &callback, 1, line) > 0);
	assert_int_equal(count_line_make(&s, &receipt, 1, line), -EDQUOT);
	assert_int_equal(count_line_make(&s, &callback, 1, line), -EDQUOT);
	receipt.total = 0;
	assert_true(count_line_make(&s, &receipt, 1, line) > 0);
	/* and what is left to the one beside */
	callback.total = 10;
	callback.reserved = 9;
	assert_int_equal(count_line_make(&s, &callback, 1, line), -EDQUOT);
	callback.reserved = 8;
	assert_true(count_line_make(&s, &callback, 1, line) > 0);
}

/* Whoever asks for as many as it can gets no more than so many; receipts do not wait. */
static void so_many_in_a_minute(void **state)
{
	struct signer_result result;
	uint8_t digest[32] = { 1 };
	static struct running r;
	struct signer *signer;

	(void)state;
	configure(&r, NULL,
		"receipt: { label = \"receipt\"; mechanism = \"ecdsa-sha256\"; peer = "
		"\"intake\"; };\n");
	running_start(&r);
	assert_int_equal(r.f.signing.callbacks_per_minute, 600);
	r.f.signing.callbacks_per_minute = 1;
	assert_int_equal(signer_connect(r.path, 5000, &signer), 0);
	assert_int_equal(ask(signer, &USUAL), SIGNER_SIGNED);
	assert_int_equal(ask(signer, &USUAL), SIGNER_AWAY);
	assert_int_equal(signer_sign(signer, "receipt", digest, 32, DOCUMENT, &result),
		SIGNER_SIGNED);
	signer_disconnect(signer);
	running_stop(&r);
}

/* One connection and the one that takes its place. */
static void its_share_of_connections(void **state)
{
	static const char *const OTHERS[] = { "intake", "seal", "queued", "admin" };

	(void)state;
	assert_int_equal(guest_max(guest_kind("forward")), 2);
	for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++)
		assert_true(guest_max(guest_kind(OTHERS[i])) >= 16);
	assert_int_equal(guest_max(guest_kind("nobody")), 0);
}

static void by_its_algorithm_alone(void **state)
{
	static const char *const ROLES[] = { ROLES_STANDARD /* SHA-384 */,
		"seal: { label = \"seal\"; mechanism = \"ecdsa-sha256\"; peer = "
		"\"seal\"; };\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(ROLES) / sizeof(ROLES[0]); i++) {
		static struct running r;
		struct signer *signer;

		configure(&r, NULL, ROLES[i]);
		running_start(&r);
		assert_int_equal(signer_connect(r.path, 5000, &signer), 0);
		assert_int_equal(ask(signer, &USUAL), SIGNER_REFUSED);
		signer_disconnect(signer);
		running_stop(&r);
	}
}

/* Away and back, without anybody's help. */
static void away_and_back(void **state)
{
	static struct running r;
	struct signer *signer;

	(void)state;
	configure(&r, NULL, ROLES_ES256);
	running_start(&r);
	assert_int_equal(signer_connect(r.path, 5000, &signer), 0);
	token_deactivate(r.f.token);
	assert_int_equal(ask(signer, &USUAL), SIGNER_AWAY);
	signer_disconnect(signer);
	running_stop(&r);
}

/* In a process of another uid. Return: 0 when every answer was as expected. */
static int child_ask(const char *path, uid_t uid)
{
	bool forward = uid == UID_FORWARD;
	uint8_t digest[32] = { 1 };
	struct signer_result result;
	struct signer *signer;
	char *jws;

	if (setgid(uid) < 0 || setuid(uid) < 0 || signer_connect(path, 5000, &signer) < 0)
		return 10;
	if (signer_callback(signer, &USUAL, &jws, &result) !=
		(forward ? SIGNER_SIGNED : SIGNER_REFUSED))
		return 11;
	/* no digest of its own, in whatever role */
	if (signer_sign(signer, "seal", digest, 32, DOCUMENT, &result) != SIGNER_REFUSED)
		return 12;
	if (signer_sign(signer, "receipt", digest, 32, DOCUMENT, &result) !=
		(forward ? SIGNER_REFUSED : SIGNER_SIGNED))
		return 13;
	return signer_sign(signer, "callback", digest, 32, DOCUMENT, &result) ==
			       SIGNER_REFUSED
		       ? 0
		       : 14;
}

/* Children are made before the module is loaded: it must not see a fork. */
static void for_forward_alone(void **state)
{
	static const uid_t UIDS[] = { UID_FORWARD, UID_INTAKE };
	enum { COUNT = sizeof(UIDS) / sizeof(UIDS[0]) };
	static struct running r;
	pid_t children[COUNT];
	int go[2];

	(void)state;
	if (geteuid() != 0) {
		print_message("only root can become another uid\n");
		skip();
	}
	configure(&r, CONF_SEPARATE, ROLES_ES256);
	assert_int_equal(instance_socket(&r.f.instance, "signer", r.path), 0);
	assert_int_equal(pipe(go), 0);
	for (size_t i = 0; i < COUNT; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			char c;

			close(go[1]);
			_exit(read(go[0], &c, 1) == 0 ? child_ask(r.path, UIDS[i]) : 9);
		}
	}
	close(go[0]);
	running_start(&r);
	close(go[1]);
	for (size_t i = 0; i < COUNT; i++) {
		int status;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("uid %u: %d", UIDS[i], WEXITSTATUS(status));
	}
	assert_true(count_log_count(r.f.log, "callback") == 1);
	running_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signed_in_a_form_of_its_own),
		cmocka_unit_test(told_while_some_are_left),
		cmocka_unit_test(of_no_other_form),
		cmocka_unit_test(within_the_total_of_the_key),
		cmocka_unit_test(the_count_knows_both),
		cmocka_unit_test(so_many_in_a_minute),
		cmocka_unit_test(its_share_of_connections),
		cmocka_unit_test(by_its_algorithm_alone),
		cmocka_unit_test(away_and_back),
		cmocka_unit_test(for_forward_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
