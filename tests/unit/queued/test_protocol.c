/* SPDX-License-Identifier: EUPL-1.2 */
/* Who may ask what, and what becomes of messages that are none. */
#include "tests/unit/queued/fixture.h"

#include "queued/connection.h"
#include "queued/dispatch.h"

#include <sys/socket.h>

#define ROW(op, body, fds, who)                                                          \
	{                                                                                \
		QUEUE_OP_##op, sizeof(struct queue_##body##_request), fds, who           \
	}

/* The rights as people read them: operation, then who. */
static const struct {
	int type;
	size_t body_size;
	unsigned fds;
	const char *who;
} RIGHTS[] = {
	ROW(FIND, find, 0, "intake"),
	ROW(COMMIT, commit, 2, "intake"),
	ROW(GET, get, 0, "intake seal admin ctl session health replay"),
	ROW(CLAIM_SEAL, claim, 0, "seal"),
	ROW(SEALED, sealed, 1, "seal"),
	ROW(SEAL_FAILED, seal_failed, 0, "seal"),
	ROW(CLAIM_DELIVERY, claim, 0, "forward"),
	ROW(DELIVERY_RESULT, delivery_result, 0, "forward"),
	ROW(TRIAL, trial, 0, "intake"),
	ROW(BREAKER, breaker, 0, "forward"),
	ROW(CONTROL, control, 0, "admin"),
	ROW(STATS, stats, 0, "admin ctl session backup"),
	ROW(OUTCOMES, outcomes, 0, "intake forward admin ctl session"),
	ROW(OUTCOMES_ACKNOWLEDGE, outcomes, 0, "intake"),
	ROW(CLAIM_CALLBACK, callback, 0, "forward"),
	ROW(CALLED_BACK, called_back, 0, "forward"),
	ROW(ACT, act, 0, "admin"),
	ROW(PROPOSE, propose, 0, "admin"),
	ROW(REVIEW, review, 0, "admin"),
	ROW(REVIEWS, reviews, 0, "admin ctl session"),
	ROW(MAINTENANCE, maintenance, 0, "admin"),
	ROW(BACKUP, backup, 0, "ctl session backup"),
	ROW(LEDGER, ledger, 0, "admin ctl session"),
	ROW(LIST, list, 0, "admin ctl session"),
	ROW(SENT, sent, 0, "intake"),
	ROW(EXPLAIN, explain, 0, "admin ctl session"),
	ROW(AUDIT_READ, audit_read, 0, "admin ctl session replay"),
	ROW(CLAIM_HELD, claim, 0, "intake"),
	ROW(HELD_DUE, held_due, 0, "intake"),
	ROW(JUDGED, judged, 0, "intake"),
	ROW(STATUS_OF, status, 0, "intake"),
	ROW(CLAIM_RENEWAL, claim, 0, "seal"),
	ROW(RENEWED, renewed, 0, "seal"),
	ROW(CLAIM_STAMP, claim, 0, "seal"),
	ROW(HEAD, head, 0, "seal"),
	ROW(HEAD_STAMPED, head_stamped, 1, "seal"),
	ROW(STAMPED, stamped, 0, "seal"),
	ROW(RETENTION, retention, 0, "admin ctl session"),
	ROW(ERASE, retention, 0, "ctl"),
	ROW(LEGAL_HOLD, legal_hold, 0, "admin"),
	ROW(PAPER, paper, 0, "ctl"),
	ROW(READING, reading, 0, "intake admin"),
	ROW(COMMAND, command, 0, "ctl"),
};

#define OPERATIONS (sizeof(RIGHTS) / sizeof(RIGHTS[0]))

static bool listed(const char *list, const char *name)
{
	const char *at = strstr(list, name);
	size_t n = strlen(name);

	return at && (at == list || at[-1] == ' ') && (at[n] == '\0' || at[n] == ' ');
}

static void rights(void **state)
{
	static const char *const PEERS[] = { "nginx", "intake", "verify", "queued",
		"signer", "seal", "forward", "admin", "ctl", "session", "health",
		"backup", "replay", "" };

	(void)state;
	assert_int_equal(OPERATIONS, QUEUE_OPERATIONS - 1);
	for (size_t i = 0; i < OPERATIONS; i++) {
		struct ipc_message m = { .header = { .type = (uint16_t)RIGHTS[i].type,
						 .body_len =
							 (uint32_t)RIGHTS[i].body_size,
						 .fd_count = RIGHTS[i].fds } };
		const struct operation *op = dispatch_find(&m);

		assert_non_null(op);
		for (size_t p = 0; p < sizeof(PEERS) / sizeof(PEERS[0]); p++)
			assert_int_equal(operation_allowed(op, PEERS[p]),
				*PEERS[p] && listed(RIGHTS[i].who, PEERS[p]));
		/* who may ask may connect */
		for (size_t p = 0; p < sizeof(PEERS) / sizeof(PEERS[0]); p++)
			assert_true(!operation_allowed(op, PEERS[p]) ||
				    strcmp(PEERS[p], "session") == 0 ||
				    connection_share(PEERS[p]) > 0);
		assert_true(operation_allowed(op, "any"));
		assert_false(operation_allowed(op, NULL));
	}
}

/* A session of the command line may change nothing; while queued serves, its keeper
 * erases what policy lets go, notes papers where none are noted, and records commands. */
static void command_line_only_reads(void **state)
{
	(void)state;
	for (size_t i = 0; i < OPERATIONS; i++) {
		struct ipc_message m = { .header = { .type = (uint16_t)RIGHTS[i].type,
						 .body_len =
							 (uint32_t)RIGHTS[i].body_size,
						 .fd_count = RIGHTS[i].fds } };
		const struct operation *op = dispatch_find(&m);

		assert_false(operation_allowed(op, "session") && operation_writes(op));
		assert_false(operation_allowed(op, "ctl") && operation_writes(op) &&
			     RIGHTS[i].type != QUEUE_OP_ERASE &&
			     RIGHTS[i].type != QUEUE_OP_COMMAND &&
			     RIGHTS[i].type != QUEUE_OP_PAPER);
	}
}

/* Send raw octets; true when queued ends the connection, false when it answers. */
static bool ends(struct house *h, const void *data, size_t len, int fd_count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))] = { 0 };
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	_cleanup_(closep) int fd = ipc_connect(h->socket, 10000);
	struct ipc_message answer;
	int r;

	assert_true(fd >= 0);
	if (fd_count) {
		struct cmsghdr *c;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE((size_t)fd_count * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)fd_count * sizeof(int));
		for (int i = 0; i < fd_count; i++)
			memcpy(CMSG_DATA(c) + (size_t)i * sizeof(int), &fd, sizeof(int));
	}
	assert_true(sendmsg(fd, &msg, MSG_NOSIGNAL) >= 0);
	r = ipc_receive(fd, &answer);
	ipc_message_done(&answer);
	assert_int_not_equal(r, -EAGAIN);
	return r == 0;
}

struct raw {
	struct ipc_header header;
	uint8_t body[8192];
};

static struct raw message(enum queue_operation type, uint32_t len)
{
	return (struct raw){ .header = { .magic = IPC_MAGIC,
				     .version = IPC_VERSION,
				     .type = (uint16_t)type,
				     .id = 1,
				     .body_len = len } };
}

static void messages_that_are_none(void **state)
{
	const uint32_t len = sizeof(struct queue_stats_request);
	struct raw m = message(QUEUE_OP_STATS, len);
	size_t size = sizeof(m.header) + len;

	assert_false(ends(*state, &m, size, 0));
	m.header.version = 2;
	assert_true(ends(*state, &m, size, 0));
	m = message(QUEUE_OP_STATS, len);
	m.header.magic ^= 1;
	assert_true(ends(*state, &m, size, 0));
	m = message(QUEUE_OP_NONE, len);
	assert_true(ends(*state, &m, size, 0));
	m = message(QUEUE_OPERATIONS, len);
	assert_true(ends(*state, &m, size, 0));
	m = message(QUEUE_OP_STATS, len + 1);
	assert_true(ends(*state, &m, size, 0));
	assert_true(ends(*state, &m, size + 1, 0)); /* consistent, but not a stats body */
	m = message(QUEUE_OP_STATS, 8000);
	assert_true(ends(*state, &m, sizeof(m.header) + 8000, 0));
	m = message(QUEUE_OP_STATS, len);
	assert_true(ends(*state, &m, 5, 0));
	assert_true(ends(*state, &m, sizeof(m.header), 0));
	m.header.fd_count = 1;
	assert_true(ends(*state, &m, size, 0));
	assert_true(ends(*state, &m, size, 1)); /* consistent, but stats carries none */
	m.header.fd_count = 6;
	assert_true(ends(*state, &m, size, 6));
	m = message(QUEUE_OP_STATS, len);
	assert_false(ends(*state, &m, size, 0));
}

static void texts_without_end(void **state)
{
	struct raw m = message(QUEUE_OP_EXPLAIN, sizeof(struct queue_explain_request));
	size_t size = sizeof(m.header) + sizeof(struct queue_explain_request);
	struct queue_submission s = { .destination_count = 1 };

	assert_false(ends(*state, &m, size, 0));
	memset(m.body, 'x', sizeof(struct queue_explain_request));
	assert_true(ends(*state, &m, size, 0));
	m = message(QUEUE_OP_FIND, sizeof(struct queue_find_request));
	size = sizeof(m.header) + sizeof(struct queue_find_request);
	assert_false(ends(*state, &m, size, 0));
	memset(s.destinations[7], 'x', DESTINATION_NAME_SIZE);
	memcpy(m.body, &s, sizeof(s));
	assert_true(ends(*state, &m, size, 0));
	s = (struct queue_submission){ .destination_count = 9 };
	memcpy(m.body, &s, sizeof(s));
	assert_true(ends(*state, &m, size, 0));
}

static void limits_of_questions(void **state)
{
	_cleanup_(queue_disconnectp) struct queue *q = house_connect(*state);
	struct queue_claim claim;
	int fd;

	assert_int_equal(queue_list(q, "", "", 1001, &fd), QUEUE_ILLEGAL);
	assert_int_equal(queue_list(q, "", "", 0, &fd), QUEUE_ILLEGAL);
	assert_int_equal(queue_audit_read(q, 0, 10001, &fd), QUEUE_ILLEGAL);
	assert_int_equal(queue_audit_read(q, -1, 10, &fd), QUEUE_ILLEGAL);
	assert_int_equal(
		queue_claim_delivery(q, "traces", 3601, 0, &claim, &fd), QUEUE_ILLEGAL);
	assert_int_equal(queue_claim_delivery(q, "", 60, 0, &claim, &fd), QUEUE_ILLEGAL);
	assert_int_equal(
		queue_claim_delivery(q, "traces", 60, QUEUE_FORM_MAX + 1, &claim, &fd),
		QUEUE_ILLEGAL);
	assert_true(queue_claim_delivery(q, "traces", 0, 0, &claim, &fd) < 0);
}

/* With peer separation the uid decides: nobody else's is ours, so we are intake. */
static void denied(void **state)
{
	struct house h;
	char conf[256];
	struct queue_claim claim;
	struct queue *q;
	struct parcel p;
	struct queue_document first;
	int fd;

	(void)state;
	snprintf(conf, sizeof(conf),
		"peers: { separate = true; intake = %u; seal = 4000000001L; forward = "
		"4000000002L;"
		" admin = 4000000003L; queued = 4000000004L; nginx = 4000000005L;"
		" verify = 4000000006L; signer = 4000000007L; };\n",
		(unsigned)geteuid());
	house_init(&h, conf);
	house_start(&h);
	q = house_connect(&h);
	parcel_init(&p, "N1", DOCUMENT_ACCEPTED, 1000);
	assert_int_equal(parcel_commit(q, &p, &first), QUEUE_DONE);
	assert_int_equal(queue_stats(q, &fd), QUEUE_DENIED);
	assert_int_equal(
		queue_claim_delivery(q, "traces", 60, 0, &claim, &fd), QUEUE_DENIED);
	assert_int_equal(
		queue_control(q, QUEUE_HOLD, p.s.id, "", "me", "because"), QUEUE_DENIED);
	assert_int_equal(queue_audit_read(q, 0, 10, &fd), QUEUE_DENIED);
	/* the connection is still good for what is allowed */
	assert_int_equal(queue_find(q, &p.s, &first), QUEUE_DUPLICATE);
	parcel_done(&p);
	queue_disconnect(q);
	house_done(&h);
}

/* More connections than there are places, by a process of another uid; it says so and
 * stays until it is told. */
static pid_t flood(const struct house *h, uid_t uid, int *ret_go)
{
	int ready[2], go[2];
	pid_t child;
	char c = 0;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	child = fork();
	if (child == 0) {
		int status = setgid(uid) < 0 || setuid(uid) < 0;

		close(go[1]);
		for (int i = 0; i < CONNECTIONS_MAX + 20; i++)
			status |= ipc_connect(h->socket, 30000) < 0 ? 2 : 0;
		status |= write(ready[1], &c, 1) == 1 ? 0 : 4;
		_exit(read(go[0], &c, 1) == 0 ? status : 8);
	}
	close(go[0]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	*ret_go = go[1];
	return child;
}

static void answers(const struct house *h)
{
	struct queue *q = house_connect(h);
	int fd;

	assert_int_equal(queue_stats(q, &fd), QUEUE_DONE);
	close(fd);
	queue_disconnect(q);
}

/* A house whose door other uids reach. */
static void start_for_all(struct house *h, const char *conf)
{
	char path[512];

	house_init(h, conf);
	assert_int_equal(chmod(h->dir, 0755), 0);
	assert_int_equal(chmod(h->socket, 0666), 0);
	snprintf(path, sizeof(path), "%s/run", h->dir);
	assert_int_equal(chmod(path, 0755), 0);
	house_start(h);
}

/* Silent connections of a stranger, of programs without any right, and of one that has a
 * share: the others are served. */
static void floods_take_no_places(void **state)
{
	static const uid_t UIDS[] = { 61001, 61002, 61003, 61004 };
	enum { COUNT = sizeof(UIDS) / sizeof(UIDS[0]) };
	static const char CONF[] =
		"peers: { separate = true; nginx = 61002; verify = 61003; seal = 61004;"
		" intake = 61005; forward = 61006; admin = 61007; queued = 61008;"
		" signer = 61009; };\n";
	struct house h;
	pid_t children[COUNT];
	int go[COUNT];

	(void)state;
	if (geteuid() != 0) {
		print_message("only root can become another uid\n");
		skip();
	}
	start_for_all(&h, CONF);
	for (size_t i = 0; i < COUNT; i++) {
		children[i] = flood(&h, UIDS[i], &go[i]);
		answers(&h);
	}
	for (size_t i = COUNT; i > 0;
		i--) { /* the later ones hold the earlier ones' pipes */
		int status;

		close(go[i - 1]);
		assert_int_equal(waitpid(children[i - 1], &status, 0), children[i - 1]);
		assert_int_equal(status, 0);
	}
	house_done(&h);
}

/* Users that are there for every instance. What another uid is told by a queue. */
static void asked_by(uid_t uid, int (*ask)(struct queue *q))
{
	static const char CONF[] = "peers: { separate = true; queued = 61008; };\n";
	struct house h;
	pid_t child;
	int status;

	if (geteuid() != 0)
		skip(); /* only root can become another uid */
	start_for_all(&h, CONF);
	child = fork();
	if (child == 0) {
		struct queue *q;

		if (setgid(uid) < 0 || setuid(uid) < 0 ||
			queue_connect(h.socket, 30000, &q) < 0)
			_exit(1);
		_exit(ask(q));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	house_done(&h);
}

static int get(struct queue *q, const char *id)
{
	struct queue_document d;
	int fd = -1;

	return queue_get(q, id, NULL, QUEUE_META, &d, &fd);
}

static int ask_for_health(struct queue *q)
{
	if (get(q, "00000000000000000000000000") != QUEUE_NOT_FOUND)
		return 2;
	if (get(q, "00000000000000000000000001") != QUEUE_ILLEGAL)
		return 3;
	return queue_stats(q, &(int){ -1 }) == QUEUE_DENIED ? 0 : 4;
}

/* What cannot be there is not there, and nothing is said of what is. */
static void health_sees_nothing(void **state)
{
	(void)state;
	asked_by(913, ask_for_health);
}

static int ask_for_backup(struct queue *q)
{
	int fd = -1;

	if (queue_backup_start(q, &fd) != QUEUE_DONE ||
		queue_backup_state(q, &fd) != QUEUE_DONE ||
		queue_stats(q, &fd) != QUEUE_DONE)
		return 2;
	return get(q, "00000000000000000000000000") == QUEUE_DENIED ? 0 : 4;
}

/* Who makes backups gets a copy and the counts, and no other answer. */
static void backup_gets_its_copy(void **state)
{
	(void)state;
	asked_by(914, ask_for_backup);
}

static int part(struct queue *q, enum queue_part p)
{
	struct queue_document d;
	int fd = -1;

	return queue_get(q, "00000000000000000000000001", NULL, p, &d, &fd);
}

static int ask_for_replay(struct queue *q)
{
	int fd = -1;

	if (part(q, QUEUE_DOCUMENT) != QUEUE_NOT_FOUND ||
		queue_audit_read(q, 0, 10, &fd) != QUEUE_DONE)
		return 2;
	if (part(q, QUEUE_REPORT) != QUEUE_ILLEGAL ||
		part(q, QUEUE_RECEIPT) != QUEUE_ILLEGAL)
		return 3;
	return queue_stats(q, &fd) == QUEUE_DENIED ? 0 : 4;
}

/* Who judges anew gets documents as they came and the chain, and no other answer. */
static void replay_gets_documents(void **state)
{
	(void)state;
	asked_by(916, ask_for_replay);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rights),
		cmocka_unit_test(command_line_only_reads),
		cmocka_unit_test_setup_teardown(
			messages_that_are_none, house_setup, house_teardown),
		cmocka_unit_test_setup_teardown(
			texts_without_end, house_setup, house_teardown),
		cmocka_unit_test_setup_teardown(
			limits_of_questions, house_setup, house_teardown),
		cmocka_unit_test(denied),
		cmocka_unit_test(floods_take_no_places),
		cmocka_unit_test(health_sees_nothing),
		cmocka_unit_test(backup_gets_its_copy),
		cmocka_unit_test(replay_gets_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
