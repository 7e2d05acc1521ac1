/* SPDX-License-Identifier: EUPL-1.2 */
/* Questions and answers, and whatever is no question. */
#include "running.h"

#include "common/json.h"

#include <sys/random.h>

#define GARBAGE 4000
#define GARBAGE_SOAK 1000000

static void asks_and_answers(void **state)
{
	static struct running r;
	struct signer_result result;
	struct signer *signer;
	uint8_t digest[SIGNER_DIGEST_MAX] = { 3 }, *der = NULL;
	_cleanup_(freep) char *status = NULL;
	json_t *json;
	size_t len;

	(void)state;
	running_configure(&r, NULL);
	running_start(&r);
	assert_int_equal(signer_connect(r.path, 5000, &signer), 0);
	assert_int_equal(signer_sign(signer, "seal", digest, 32, DOCUMENT, &result),
		SIGNER_SIGNED);
	assert_int_equal(result.value_len, 64);
	assert_int_equal(result.count, 2);
	assert_string_equal(result.mechanism, "ecdsa-sha256");
	assert_int_equal(signer_sign(signer, "receipt", digest, 48, DOCUMENT, &result),
		SIGNER_SIGNED);
	assert_int_equal(result.value_len, 96);
	/* What is refused, on the same connection, which stays good. */
	assert_int_equal(signer_sign(signer, "seal", digest, 31, DOCUMENT, &result),
		SIGNER_REFUSED);
	assert_int_equal(signer_sign(signer, "seal", digest, 0, DOCUMENT, &result),
		SIGNER_REFUSED);
	assert_int_equal(signer_sign(signer, "seal", digest, 64, DOCUMENT, &result),
		SIGNER_REFUSED);
	assert_int_equal(signer_sign(signer, "nobody", digest, 32, DOCUMENT, &result),
		SIGNER_REFUSED);
	assert_int_equal(
		signer_sign(signer, "", digest, 32, DOCUMENT, &result), SIGNER_REFUSED);
	assert_int_equal(
		signer_sign(signer, "seal", digest, 32, "", &result), SIGNER_REFUSED);
	assert_int_equal(signer_sign(signer, "seal", digest, 32, "a b\n", &result),
		SIGNER_REFUSED);
	assert_int_equal(result.value_len, 0);
	assert_true(result.reason[0] != '\0');
	assert_int_equal(
		signer_certificates(signer, "seal", &der, &len, &result), SIGNER_SIGNED);
	assert_true(len > 500);
	free(der);
	assert_int_equal(signer_certificates(signer, "nobody", &der, &len, &result),
		SIGNER_REFUSED);
	assert_null(der);
	assert_int_equal(signer_status(signer, &status), 0);
	json = json_read(span_str(status), 100000);
	assert_non_null(json);
	assert_true(json_is_true(json_object_get(json, "software")));
	assert_true(json_is_true(json_object_get(json, "active")));
	assert_true(json_is_false(json_object_get(json, "away")));
	assert_int_equal(json_array_size(json_object_get(json, "roles")), 2);
	assert_true(json_real_value(json_object_get(json, "last_sign_ms")) > 0);
	json_decref(json);
	signer_disconnect(signer);
	running_stop(&r);
}

/* A trial is by the role's own key and limits; nothing of it comes back, nothing is
 * counted, and what goes with a signature is no trial. */
static void trial_of_a_role(void **state)
{
	static const char ROLES[] =
		"seal: { label = \"seal\"; mechanism = \"ecdsa-sha256\"; peer = \"seal\";"
		" max_per_minute = 3; };\n"
		"receipt: { label = \"receipt\"; mechanism = \"ecdsa-sha384\";"
		" peer = \"intake\"; total = 2L; };\n";
	static struct running r;
	uint8_t octets[512], digest[SIGNER_DIGEST_MAX] = { 3 };
	size_t len = request_octets(octets, SIGNER_TRIAL);
	struct count_state before, after;
	struct signer_result result;
	struct signer *signer;
	int fd;

	(void)state;
	fixture_new(&r.f, CONF_STANDARD, ROLES);
	fixture_init(&r.f);
	running_start(&r);
	count_log_state(r.f.log, &before);
	assert_int_equal(signer_connect(r.path, 5000, &signer), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(signer_trial(signer, "seal", &result), SIGNER_SIGNED);
	assert_true(result.value_len == 0 && result.count == 0 && !result.reason[0]);
	for (size_t i = 0; i < sizeof(result.value); i++)
		assert_int_equal(result.value[i], 0);
	assert_int_equal(signer_trial(signer, "seal", &result), SIGNER_AWAY);
	assert_string_equal(result.reason, "the role signs at most 3 a minute");
	assert_int_equal(signer_trial(signer, "nobody", &result), SIGNER_REFUSED);
	count_log_state(r.f.log, &after);
	assert_true(before.position == after.position);
	fd = connection(&r);
	assert_int_equal(ask_octets(fd, octets, len), SIGNER_UNDECIDED);
	close(fd);
	/* where the role has no signature left, it has none for a trial */
	while (signer_sign(signer, "receipt", digest, 48, DOCUMENT, &result) ==
		SIGNER_SIGNED)
		;
	assert_int_equal(signer_trial(signer, "receipt", &result), SIGNER_REFUSED);
	assert_string_equal(result.reason, "the role has made all its 2 signatures");
	signer_disconnect(signer);
	running_stop(&r);
}

/* What the client itself does not send. */
static void client_limits(void **state)
{
	static struct running r;
	struct signer_result result;
	struct signer *signer;
	uint8_t digest[65] = { 0 };

	(void)state;
	running_configure(&r, NULL);
	running_start(&r);
	assert_int_equal(signer_connect(r.path, 5000, &signer), 0);
	assert_int_equal(signer_sign(signer, "a-role-with-a-very-long-name", digest, 32,
				 DOCUMENT, &result),
		-EINVAL);
	assert_int_equal(
		signer_sign(signer, "seal", digest, 65, DOCUMENT, &result), -EINVAL);
	assert_int_equal(result.answer, SIGNER_UNDECIDED);
	signer_disconnect(signer);
	assert_int_equal(signer_connect("/nonexistent", 5000, &signer), -ENOENT);
	running_stop(&r);
}

/* One octet of a good request changed: signed only where the change is of digest or id.
 */
static void every_octet_of_a_request(void **state)
{
	static struct running r;
	uint8_t octets[512];
	const size_t header = sizeof(struct ipc_header);
	const size_t digest = header + offsetof(struct signer_request, digest);
	const size_t document = header + offsetof(struct signer_request, document_id);
	size_t len = request_octets(octets, SIGNER_SIGN);

	(void)state;
	running_configure(&r, NULL);
	running_start(&r);
	for (size_t i = 0; i < len; i++) {
		bool meant = (i >= digest && i < digest + 32) ||
			     (i >= document && i < document + 26) ||
			     (i >= offsetof(struct ipc_header, id) &&
				     i < offsetof(struct ipc_header, id) + 8);
		int fd = connection(&r);
		enum signer_answer a;

		octets[i] ^= 0x0c;
		a = ask_octets(fd, octets, len);
		octets[i] ^= 0x0c;
		close(fd);
		if ((a == SIGNER_SIGNED) != meant && !(meant && a == SIGNER_REFUSED))
			fail_msg("octet %zu changed: answer %d", i, a);
	}
	running_stop(&r);
}

/* Other lengths and versions, descriptors, other types: closed, nothing signed. */
static void no_requests(void **state)
{
	static struct running r;
	uint8_t octets[8192] = { 0 };
	struct ipc_header *h = (struct ipc_header *)(void *)octets;
	size_t len = request_octets(octets, SIGNER_SIGN);
	uint64_t before;
	int fd, null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct ipc_message m;

	(void)state;
	running_configure(&r, NULL);
	running_start(&r);
	before = count_log_count(r.f.log, "seal");
	for (size_t n = 1; n < 4200; n += n < 200 ? 1 : 97) {
		if (n == len)
			continue;
		fd = connection(&r);
		assert_int_equal(ask_octets(fd, octets, n), SIGNER_UNDECIDED);
		close(fd);
		if (n < sizeof(*h))
			continue;
		h->body_len =
			(uint32_t)(n - sizeof(*h)); /* consistent, and still wrong */
		fd = connection(&r);
		assert_int_equal(ask_octets(fd, octets, n), SIGNER_UNDECIDED);
		close(fd);
		request_octets(octets, SIGNER_SIGN);
	}
	for (unsigned int version = 0; version < 5; version++) {
		h->version = (uint16_t)version;
		fd = connection(&r);
		assert_int_equal(ask_octets(fd, octets, len),
			version == IPC_VERSION ? SIGNER_SIGNED : SIGNER_UNDECIDED);
		close(fd);
	}
	h->version = IPC_VERSION;
	for (unsigned int type = 4; type < 70; type++) {
		h->type = (uint16_t)type;
		fd = connection(&r);
		assert_int_equal(ask_octets(fd, octets, len), SIGNER_UNDECIDED);
		close(fd);
	}
	fd = connection(&r);
	assert_int_equal(ipc_send(fd, SIGNER_SIGN, 1, octets + sizeof(*h),
				 sizeof(struct signer_request), &null, 1),
		0);
	assert_true(ipc_receive(fd, &m) <= 0);
	ipc_message_done(&m);
	close(fd);
	close(null);
	assert_true(count_log_count(r.f.log, "seal") == before + 1);
	running_stop(&r);
}

/* Random octets, half of them behind a good header, some behind a good role. */
static void garbage(void **state)
{
	static struct running r;
	const char *soak = getenv("SEALGATE_SOAK");
	unsigned int count = soak && *soak ? GARBAGE_SOAK : GARBAGE;
	uint8_t octets[1024], good[512];
	size_t len = request_octets(good, SIGNER_SIGN);
	struct count_state before, after;
	int fd = -1;

	(void)state;
	running_configure(&r, NULL);
	running_start(&r);
	count_log_state(r.f.log, &before);
	for (unsigned int i = 0; i < count; i++) {
		size_t n = len, keep = 0;
		enum signer_answer a;

		if (fd < 0)
			fd = connection(&r);
		assert_int_equal(getrandom(octets, sizeof(octets), 0), sizeof(octets));
		if (i % 4 == 0)
			n = 1 + octets[1000] * 4u;
		else if (i % 4 == 1)
			keep = sizeof(struct ipc_header);
		else if (i % 4 == 2)
			keep = sizeof(struct ipc_header) + SIGNER_ROLE_SIZE;
		else /* all is good but the octets that must be zero */
			keep = len - SIGNER_DIGEST_MAX + 32;
		memcpy(octets, good, keep);
		a = ask_octets(fd, octets, n);
		assert_true(a != SIGNER_SIGNED);
		if (a == SIGNER_UNDECIDED) {
			close(fd);
			fd = -1;
		}
	}
	if (fd >= 0)
		close(fd);
	count_log_state(r.f.log, &after);
	assert_true(before.position == after.position);
	running_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_and_answers),
		cmocka_unit_test(trial_of_a_role),
		cmocka_unit_test(client_limits),
		cmocka_unit_test(every_octet_of_a_request),
		cmocka_unit_test(no_requests),
		cmocka_unit_test(garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
