/* SPDX-License-Identifier: EUPL-1.2 */
/* Messages between processes: a peer that is wrong in any way is refused, and no
 * descriptor is ever left open. */
#include "common/ipc.h"

#include "common/memfd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
	int a, b;
	size_t open_before;
};

static size_t open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int setup(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));
	struct timeval second = { .tv_sec = 5 };
	int sv[2];

	if (!p || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return -1;
	p->a = sv[0];
	p->b = sv[1];
	setsockopt(p->b, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	p->open_before = open_descriptors();
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pair *p = *state;
	bool leak = open_descriptors() != p->open_before;

	close(p->a);
	close(p->b);
	free(p);
	return leak ? -1 : 0;
}

/* Send octets as they are, with count descriptors of /dev/null. */
static void send_raw(int socket, const void *data, size_t len, size_t count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(32 * sizeof(int))] = { 0 };
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[32];

	for (size_t i = 0; i < count; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (count) {
		struct cmsghdr *c;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	assert_int_equal(sendmsg(socket, &msg, 0), (ssize_t)len);
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

struct raw {
	struct ipc_header header;
	char body[8];
};

static struct raw valid(void)
{
	return (struct raw){ .header = { .magic = IPC_MAGIC,
				     .version = IPC_VERSION,
				     .type = 3,
				     .id = 9,
				     .body_len = 8 },
		.body = "content" };
}

static int receive(struct pair *p)
{
	struct ipc_message m;
	int r = ipc_receive(p->b, &m);

	if (r < 0)
		for (size_t i = 0; i < IPC_FDS_MAX; i++)
			assert_int_equal(m.fds[i], -1);
	ipc_message_done(&m);
	return r;
}

static void test_round_trip(void **state)
{
	struct pair *p = *state;
	struct ipc_message m;
	int fd = memfd_from("x", span_str("hello")), taken;
	struct span data;

	assert_true(fd >= 0);
	assert_int_equal(ipc_send(p->a, 7, 99, "body", 5, &fd, 1), 0);
	close(fd);
	assert_int_equal(ipc_receive(p->b, &m), 1);
	assert_int_equal(m.header.type, 7);
	assert_int_equal(m.header.id, 99);
	assert_null(ipc_body(&m, 4));
	assert_null(ipc_body(&m, 6));
	assert_string_equal(ipc_body(&m, 5), "body");
	assert_int_equal(ipc_message_take_fd(&m, 1), -1);
	assert_int_equal(ipc_message_take_fd(&m, 4), -1);
	taken = ipc_message_take_fd(&m, 0);
	assert_true(fcntl(taken, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(memfd_map(taken, 10, &data), 0);
	assert_true(span_equal(data, span_str("hello")));
	memfd_unmap(&data);
	close(taken);
	ipc_message_done(&m);
}

static void test_no_body(void **state)
{
	struct pair *p = *state;
	struct ipc_message m;

	assert_int_equal(ipc_send(p->a, 1, 0, NULL, 0, NULL, 0), 0);
	assert_int_equal(ipc_receive(p->b, &m), 1);
	assert_non_null(ipc_body(&m, 0));
	ipc_message_done(&m);
}

static void test_largest_body(void **state)
{
	struct pair *p = *state;
	static uint8_t body[IPC_BODY_MAX + 1];
	struct ipc_message m;

	memset(body, 0x5a, sizeof(body));
	assert_int_equal(ipc_send(p->a, 1, 0, body, IPC_BODY_MAX, NULL, 0), 0);
	assert_int_equal(ipc_receive(p->b, &m), 1);
	assert_memory_equal(ipc_body(&m, IPC_BODY_MAX), body, IPC_BODY_MAX);
	ipc_message_done(&m);
	assert_int_equal(
		ipc_send(p->a, 1, 0, body, IPC_BODY_MAX + 1, NULL, 0), -EMSGSIZE);
	assert_int_equal(
		ipc_send(p->a, 1, 0, NULL, 0, (int[5]){ 0, 0, 0, 0, 0 }, 5), -EMSGSIZE);
}

static void test_valid_raw(void **state)
{
	struct raw raw = valid();

	send_raw(((struct pair *)*state)->a, &raw, sizeof(raw), 0);
	assert_int_equal(receive(*state), 1);
}

static void test_wrong_magic(void **state)
{
	struct raw raw = valid();

	raw.header.magic ^= 1;
	send_raw(((struct pair *)*state)->a, &raw, sizeof(raw), 1);
	assert_int_equal(receive(*state), -EPROTO);
}

static void test_wrong_version(void **state)
{
	struct raw raw = valid();

	raw.header.version = IPC_VERSION + 1;
	raw.header.fd_count = 2;
	send_raw(((struct pair *)*state)->a, &raw, sizeof(raw), 2);
	assert_int_equal(receive(*state), -EPROTONOSUPPORT);
}

static void test_type_zero(void **state)
{
	struct raw raw = valid();

	raw.header.type = 0;
	send_raw(((struct pair *)*state)->a, &raw, sizeof(raw), 0);
	assert_int_equal(receive(*state), -EPROTO);
}

static void test_length_differs(void **state)
{
	struct raw raw = valid();

	raw.header.body_len = 7;
	send_raw(((struct pair *)*state)->a, &raw, sizeof(raw), 0);
	assert_int_equal(receive(*state), -EPROTO);
	raw.header.body_len = 9;
	send_raw(((struct pair *)*state)->a, &raw, sizeof(raw), 0);
	assert_int_equal(receive(*state), -EPROTO);
	raw.header.body_len = UINT32_MAX;
	send_raw(((struct pair *)*state)->a, &raw, sizeof(raw), 0);
	assert_int_equal(receive(*state), -EPROTO);
}

static void test_truncated(void **state)
{
	struct raw raw = valid();

	for (size_t n = 1; n < sizeof(raw.header); n++) {
		send_raw(((struct pair *)*state)->a, &raw, n, 0);
		assert_int_equal(receive(*state), -EPROTO);
	}
}

static void test_over_long(void **state)
{
	static union {
		struct ipc_header header;
		uint8_t octets[IPC_MESSAGE_MAX + 100];
	} raw;

	raw.header = valid().header;
	raw.header.body_len = IPC_BODY_MAX + 100;
	send_raw(((struct pair *)*state)->a, &raw, sizeof(raw), 0);
	assert_int_equal(receive(*state), -EPROTO);
	/* A length that agrees with what was kept does not hide that more was sent. */
	raw.header.body_len = IPC_BODY_MAX;
	send_raw(((struct pair *)*state)->a, &raw, sizeof(raw), 0);
	assert_int_equal(receive(*state), -EPROTO);
}

static void test_descriptor_count(void **state)
{
	struct raw raw = valid();

	send_raw(((struct pair *)*state)->a, &raw, sizeof(raw), 1);
	assert_int_equal(receive(*state), -EPROTO);
	raw.header.fd_count = 2;
	send_raw(((struct pair *)*state)->a, &raw, sizeof(raw), 1);
	assert_int_equal(receive(*state), -EPROTO);
	raw.header.fd_count = 4;
	send_raw(((struct pair *)*state)->a, &raw, sizeof(raw), 4);
	assert_int_equal(receive(*state), 1);
}

static void test_surplus_descriptors(void **state)
{
	struct raw raw = valid();

	for (uint32_t n = 5; n <= 32; n += 9) {
		raw.header.fd_count = n;
		send_raw(((struct pair *)*state)->a, &raw, sizeof(raw), n);
		assert_int_equal(receive(*state), -EPROTO);
		raw.header.fd_count = 4;
		send_raw(((struct pair *)*state)->a, &raw, sizeof(raw), n);
		assert_int_equal(receive(*state), -EPROTO);
	}
}

static void test_closed(void **state)
{
	struct pair *p = *state;

	shutdown(p->a, SHUT_WR);
	assert_int_equal(receive(p), 0);
}

static void test_call_checks_the_id(void **state)
{
	struct pair *p = *state;
	struct ipc_message m;

	assert_int_equal(ipc_send(p->a, 1, UINT64_MAX, NULL, 0, NULL, 0), 0);
	assert_int_equal(ipc_call(p->b, 1, NULL, 0, NULL, 0, &m), -EPROTO);
	shutdown(p->a, SHUT_WR);
	assert_int_equal(ipc_call(p->b, 1, NULL, 0, NULL, 0, &m), -ECONNRESET);
}

static void test_text_ok(void **state)
{
	const char text[4] = { 'a', 'b', 'c', 'd' };

	(void)state;
	assert_false(ipc_text_ok(text, 4));
	assert_true(ipc_text_ok("abc", 4));
}

static void test_listen_and_peer(void **state)
{
	char folder[] = "/tmp/sealgate-unit-XXXXXX", path[64], too_long[200];
	int listening, client, served;
	struct ipc_message m;
	uid_t uid;
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/s", folder);
	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	assert_int_equal(ipc_connect(path, 100), -ENOENT);
	assert_int_equal(ipc_connect(too_long, 100), -ENAMETOOLONG);
	assert_int_equal(ipc_listen(too_long, 0600), -ENAMETOOLONG);
	listening = ipc_listen(path, 0600);
	assert_true(listening >= 0);
	client = ipc_connect(path, 50);
	assert_true(client >= 0);
	served = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	assert_true(served >= 0);
	assert_int_equal(ipc_peer(served, &uid, &pid), 0);
	assert_int_equal(uid, getuid());
	assert_int_equal(pid, getpid());
	assert_int_equal(
		ipc_receive(client, &m), -EAGAIN); /* the timeout of ipc_connect */
	close(client);
	close(served);
	close(listening);
	unlink(path);
	rmdir(folder);
}

#define WITH_PAIR(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PAIR(test_round_trip),
		WITH_PAIR(test_no_body),
		WITH_PAIR(test_largest_body),
		WITH_PAIR(test_valid_raw),
		WITH_PAIR(test_wrong_magic),
		WITH_PAIR(test_wrong_version),
		WITH_PAIR(test_type_zero),
		WITH_PAIR(test_length_differs),
		WITH_PAIR(test_truncated),
		WITH_PAIR(test_over_long),
		WITH_PAIR(test_descriptor_count),
		WITH_PAIR(test_surplus_descriptors),
		WITH_PAIR(test_closed),
		WITH_PAIR(test_call_checks_the_id),
		cmocka_unit_test(test_text_ok),
		cmocka_unit_test(test_listen_and_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
