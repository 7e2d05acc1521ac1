/* SPDX-License-Identifier: EUPL-1.2 */
/* The signer behind its socket: threads, peers, and whatever is no request. */
#include "fixture.h"

#include "common/clock.h"
#include "common/ipc.h"
#include "common/json.h"
#include "pkcs11/serve.h"

#include <sched.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define GARBAGE 4000
#define GARBAGE_SOAK 1000000

struct running {
	struct fixture f;
	struct daemon daemon;
	struct server server;
	pthread_t thread;
	char path[PATH_MAX];
};

static void *run_serve(void *data)
{
	struct running *r = data;

	serve(&r->server, &r->daemon);
	return NULL;
}

static void running_configure(struct running *r, const char *conf)
{
	fixture_new(&r->f, CONF_STANDARD, ROLES_STANDARD);
	fixture_init(&r->f);
	if (conf)
		fixture_configure(&r->f, conf, ROLES_STANDARD);
}

static void running_start(struct running *r)
{
	assert_int_equal(fixture_start(&r->f), TOKEN_READY);
	assert_int_equal(instance_socket(&r->f.instance, "signer", r->path), 0);
	r->daemon = (struct daemon){ .name = "signer",
		.socket = ipc_listen(r->path, 0666),
		.stop_fd = eventfd(0, EFD_CLOEXEC) };
	assert_true(r->daemon.socket >= 0);
	server_init(&r->server, &r->f.instance, &r->f.signing);
	assert_int_equal(pthread_create(&r->thread, NULL, run_serve, r), 0);
}

static void running_stop(struct running *r)
{
	uint64_t one = 1;

	assert_int_equal(write(r->daemon.stop_fd, &one, sizeof(one)), sizeof(one));
	pthread_join(r->thread, NULL);
	close(r->daemon.socket);
	close(r->daemon.stop_fd);
	server_done(&r->server);
	fixture_done(&r->f);
}

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

/* A good request as octets: header and body. */
static size_t request_octets(uint8_t *ret, uint16_t type)
{
	struct signer_request q = {
		.role = "seal", .document_id = DOCUMENT, .digest_len = 32
	};
	struct ipc_header h = { .magic = IPC_MAGIC,
		.version = IPC_VERSION,
		.type = type,
		.id = 9,
		.body_len = sizeof(q) };

	memset(q.digest, 7, 32);
	memcpy(ret, &h, sizeof(h));
	memcpy(ret + sizeof(h), &q, sizeof(q));
	return sizeof(h) + sizeof(q);
}

static int connection(const struct running *r)
{
	int fd = ipc_connect(r->path, 5000);

	assert_true(fd >= 0);
	return fd;
}

/* Send octets as one message. Return: the answer, or SIGNER_UNDECIDED when it closed. */
static enum signer_answer ask_octets(int fd, const void *data, size_t len)
{
	const struct signer_result *result;
	enum signer_answer a = SIGNER_UNDECIDED;
	struct ipc_message m;

	if (send(fd, data, len, MSG_NOSIGNAL) < 0)
		return SIGNER_UNDECIDED;
	if (ipc_receive(fd, &m) == 1) {
		result = ipc_body(&m, sizeof(*result));
		assert_non_null(result);
		assert_int_equal(m.header.type, SIGNER_RESULT);
		a = (enum signer_answer)result->answer;
	}
	ipc_message_done(&m);
	return a;
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

/* Peers ------------------------------------------------------------------------------ */

struct child_asks {
	uid_t uid;
	const char *role;
	enum signer_answer sign;
};

/* In a process of another uid. Return: exit status, 0 when every answer was as expected.
 */
static int child_ask(const char *path, const struct child_asks *c)
{
	uint8_t digest[SIGNER_DIGEST_MAX] = { 1 }, *der = NULL;
	struct signer_result result;
	struct signer *signer;
	char *json = NULL;
	size_t len;
	int r;

	if (setgid(c->uid) < 0 || setuid(c->uid) < 0 ||
		signer_connect(path, 5000, &signer) < 0)
		return 10;
	r = signer_sign(signer, c->role, digest, strcmp(c->role, "seal") == 0 ? 32 : 48,
		DOCUMENT, &result);
	if (c->sign == SIGNER_UNDECIDED ? r >= 0 : r != (int)c->sign)
		return 11;
	if (c->sign == SIGNER_UNDECIDED)
		return 0; /* a stranger's connection was closed */
	if (signer_certificates(signer, c->role, &der, &len, &result) != SIGNER_SIGNED)
		return 12;
	return signer_status(signer, &json) == 0 ? 0 : 13;
}

static const char CONF_SEPARATE[] =
	"instance = { name = \"unit\"; test = true; };\n"
	"signer = { softhsm_conf = \"state/signer/softhsm2.conf\"; threads = 4; };\n"
	"peers = { separate = true; seal = 61002; intake = 61003; admin = 61004;\n"
	"  nginx = 61005; verify = 61006; queued = 61007; forward = 61008; signer = "
	"61009; };\n";

/* Children are made before the module is loaded: it must not see a fork. */
static void only_the_roles_peer(void **state)
{
	static const struct child_asks CASES[] = {
		{ 61002, "seal", SIGNER_SIGNED },
		{ 61003, "seal", SIGNER_REFUSED },
		{ 61004, "seal", SIGNER_REFUSED },
		{ 61006, "seal", SIGNER_REFUSED },
		{ 61009, "seal", SIGNER_REFUSED },
		{ 61003, "receipt", SIGNER_SIGNED },
		{ 61002, "receipt", SIGNER_REFUSED },
		{ 0, "seal", SIGNER_REFUSED }, /* root may look, not sign */
		{ 61001, "seal", SIGNER_UNDECIDED },
	};
	enum { COUNT = sizeof(CASES) / sizeof(CASES[0]) };
	static struct running r;
	pid_t children[COUNT];
	int go[2];

	(void)state;
	if (geteuid() != 0) {
		print_message("only root can become another uid\n");
		skip();
	}
	running_configure(&r, CONF_SEPARATE);
	assert_int_equal(instance_socket(&r.f.instance, "signer", r.path), 0);
	assert_int_equal(pipe(go), 0);
	for (size_t i = 0; i < COUNT; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			char c;

			close(go[1]);
			_exit(read(go[0], &c, 1) == 0 ? child_ask(r.path, &CASES[i]) : 9);
		}
	}
	close(go[0]);
	running_start(&r);
	close(go[1]);
	for (size_t i = 0; i < COUNT; i++) {
		int status;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			fail_msg("uid %u, role %s: %d", CASES[i].uid, CASES[i].role,
				WEXITSTATUS(status));
	}
	assert_true(count_log_count(r.f.log, "seal") == 2);
	running_stop(&r);
}

/* Without separation another uid is a stranger all the same. */
static void stranger_without_separation(void **state)
{
	static const struct child_asks STRANGER = { 61001, "seal", SIGNER_UNDECIDED };
	static struct running r;
	int go[2], status;
	pid_t child;

	(void)state;
	if (geteuid() != 0) {
		print_message("only root can become another uid\n");
		skip();
	}
	running_configure(&r, NULL);
	assert_int_equal(instance_socket(&r.f.instance, "signer", r.path), 0);
	assert_int_equal(pipe(go), 0);
	child = fork();
	if (child == 0) {
		char c;

		close(go[1]);
		_exit(read(go[0], &c, 1) == 0 ? child_ask(r.path, &STRANGER) : 9);
	}
	close(go[0]);
	running_start(&r);
	close(go[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	running_stop(&r);
}

/* Many ------------------------------------------------------------------------------- */

#define CLIENTS 8
#define EACH 50

static void *client(void *data)
{
	struct running *r = data;
	uint8_t digest[32] = { 0 };
	struct signer_result result;
	struct signer *signer;
	uint64_t last = 0;

	if (signer_connect(r->path, 10000, &signer) < 0)
		return (void *)1;
	for (int i = 0; i < EACH; i++) {
		digest[0] = (uint8_t)i;
		if (signer_sign(signer, "seal", digest, 32, DOCUMENT, &result) !=
				SIGNER_SIGNED ||
			result.count <= last)
			return (void *)2;
		last = result.count;
	}
	signer_disconnect(signer);
	return NULL;
}

static void clients_at_once(void **state)
{
	static struct running r;
	pthread_t threads[CLIENTS];

	(void)state;
	running_configure(&r, NULL);
	running_start(&r);
	for (int i = 0; i < CLIENTS; i++)
		pthread_create(&threads[i], NULL, client, &r);
	for (int i = 0; i < CLIENTS; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	assert_true(count_log_count(r.f.log, "seal") == CLIENTS * EACH + 1);
	running_stop(&r);
}

/* More connections than there may be: the surplus is closed, the others are served. */
static void connections_are_bounded(void **state)
{
	enum { MANY = SERVE_CONNECTIONS_MAX + 20 };
	static struct running r;
	static int fds[MANY];
	uint8_t octets[512];
	size_t len = request_octets(octets, SIGNER_STATUS), served = 0;

	(void)state;
	running_configure(&r, NULL);
	running_start(&r);
	for (int i = 0; i < MANY; i++)
		fds[i] = connection(&r);
	for (int i = 0; i < MANY; i++)
		served += ask_octets(fds[i], octets, len) == SIGNER_SIGNED;
	assert_int_equal(served, SERVE_CONNECTIONS_MAX);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	running_stop(&r); /* joins every connection */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_roles_peer),
		cmocka_unit_test(stranger_without_separation),
		cmocka_unit_test(asks_and_answers),
		cmocka_unit_test(client_limits),
		cmocka_unit_test(every_octet_of_a_request),
		cmocka_unit_test(no_requests),
		cmocka_unit_test(garbage),
		cmocka_unit_test(clients_at_once),
		cmocka_unit_test(connections_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
