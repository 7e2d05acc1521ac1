/* SPDX-License-Identifier: EUPL-1.2 */
/* Who may ask, and how many at once. */
#include "running.h"

#include <sys/wait.h>

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
	if (c->sign != SIGNER_UNDECIDED &&
		(signer_trial(signer, c->role, &result) != (int)c->sign ||
			result.value_len || result.count))
		return 14;
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
	"61009; health = 61010; };\n";

/* Children are made before the module is loaded: it must not see a fork. */
static void only_the_roles_peer(void **state)
{
	static const struct child_asks CASES[] = {
		{ 61002, "seal", SIGNER_SIGNED },
		{ 61003, "seal", SIGNER_REFUSED },
		{ 61004, "seal", SIGNER_REFUSED },
		{ 61005, "seal",
			SIGNER_UNDECIDED }, /* of the house, with nothing to ask */
		{ 61006, "seal", SIGNER_UNDECIDED },
		{ 61008, "seal", SIGNER_REFUSED }, /* no digest: it has call-backs */
		{ 61008, "receipt", SIGNER_REFUSED },
		{ 61009, "seal", SIGNER_REFUSED },
		{ 61003, "receipt", SIGNER_SIGNED },
		{ 61002, "receipt", SIGNER_REFUSED },
		{ 0, "seal", SIGNER_REFUSED },	      /* root may look, not sign */
		{ 61010, "receipt", SIGNER_REFUSED }, /* it looks, as root does */
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
	r.server.first_ms = 300000; /* the last of them is asked late on a busy machine */
	for (int i = 0; i < MANY; i++)
		fds[i] = connection(&r);
	for (int i = 0; i < MANY; i++)
		served += ask_octets(fds[i], octets, len) == SIGNER_SIGNED;
	assert_int_equal(served, SERVE_CONNECTIONS_MAX);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	running_stop(&r); /* joins every connection */
}

/* Floods ----------------------------------------------------------------------------- */

enum { FLOOD = SERVE_CONNECTIONS_MAX + 100 };

/* A process of another uid that only connects, says so, and stays until it is told. */
static pid_t flood_start(const struct running *r, uid_t uid, int ready[2], int go[2])
{
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	child = fork();
	if (child == 0) {
		int status = setgid(uid) < 0 || setuid(uid) < 0;
		char c;

		close(go[1]);
		if (read(go[0], &c, 1) != 1)
			_exit(2);
		for (int i = 0; i < FLOOD; i++)
			status |= ipc_connect(r->path, 5000) < 0 ? 4 : 0;
		status |= write(ready[1], &c, 1) == 1 ? 0 : 8;
		_exit(read(go[0], &c, 1) == 0 ? status : 16);
	}
	close(go[0]);
	return child;
}

static void flood_go(const int ready[2], const int go[2])
{
	char c = 0;

	assert_int_equal(write(go[1], &c, 1), 1);
	assert_int_equal(read(ready[0], &c, 1), 1);
}

static void flood_stop(pid_t child, const int ready[2], const int go[2])
{
	int status;

	close(go[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(ready[0]);
	close(ready[1]);
}

/* More silent connections than there are places, by whoever has nothing to ask or only a
 * small share: the others are served as before. */
static void silent_floods_take_no_places(void **state)
{
	static const uid_t UIDS[] = { 61001, 61005, 61006, 61004 };
	enum { COUNT = sizeof(UIDS) / sizeof(UIDS[0]) };
	static struct running r;
	uint8_t octets[512];
	size_t len = request_octets(octets, SIGNER_STATUS);
	int ready[COUNT][2], go[COUNT][2], fd;
	pid_t children[COUNT];

	(void)state;
	if (geteuid() != 0) {
		print_message("only root can become another uid\n");
		skip();
	}
	running_configure(&r, CONF_SEPARATE);
	assert_int_equal(instance_socket(&r.f.instance, "signer", r.path), 0);
	for (size_t i = 0; i < COUNT; i++)
		children[i] = flood_start(&r, UIDS[i], ready[i], go[i]);
	running_start(&r);
	for (size_t i = 0; i < COUNT; i++) {
		flood_go(ready[i], go[i]);
		fd = connection(&r);
		assert_int_equal(ask_octets(fd, octets, len), SIGNER_SIGNED);
		close(fd);
	}
	/* the later ones hold the earlier ones' pipes */
	for (size_t i = COUNT; i > 0; i--)
		flood_stop(children[i - 1], ready[i - 1], go[i - 1]);
	running_stop(&r);
}

/* Who connects and does not ask is not waited for; who has asked may rest. */
static void the_first_question_comes_soon(void **state)
{
	static struct running r;
	uint8_t octets[512];
	size_t len = request_octets(octets, SIGNER_STATUS);
	int silent, fd;
	char c;

	(void)state;
	running_configure(&r, NULL);
	running_start(&r);
	fd = connection(&r);
	assert_int_equal(ask_octets(fd, octets, len), SIGNER_SIGNED);
	r.server.first_ms = 200;
	silent = connection(&r);
	assert_int_equal(recv(silent, &c, 1, 0), 0); /* closed, by the other side */
	close(silent);
	assert_int_equal(ask_octets(fd, octets, len), SIGNER_SIGNED);
	close(fd);
	running_stop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_roles_peer),
		cmocka_unit_test(stranger_without_separation),
		cmocka_unit_test(clients_at_once),
		cmocka_unit_test(connections_are_bounded),
		cmocka_unit_test(silent_floods_take_no_places),
		cmocka_unit_test(the_first_question_comes_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
