/* SPDX-License-Identifier: EUPL-1.2 */
/* A disk that takes its time for each commit: who comes at once shares one. */
#include "tests/unit/queued/fixture.h"

#include "tests/unit/queued/disk.h"

#define CAME 40
#define SLOW_MS 100
#define SHARED_MAX 8 /* commits that CAME requests may cost beside what a start does */

static int setup(void **state)
{
	struct house *h = disk_house();

	house_ready(h);
	house_stop(h, SIGTERM);
	*state = h;
	return 0;
}

/* What a start costs with so many who have come and asked before it, in syncs. */
static int start_with(struct house *h, size_t count, int64_t *ret_ms)
{
	static const struct queue_command_request QUESTION = { .operator_name = "op",
		.command = "what is to be recorded" };
	int before, sockets[CAME];
	int64_t began;

	for (size_t i = 0; i < count; i++) {
		sockets[i] = ipc_connect(h->socket, 60000);
		assert_true(sockets[i] >= 0);
		assert_int_equal(ipc_send(sockets[i], QUEUE_OP_COMMAND, i, &QUESTION,
					 sizeof(QUESTION), NULL, 0),
			0);
	}
	before = atomic_load(&disk->syncs);
	began = clock_monotonic_ms();
	house_start(h);
	for (size_t i = 0; i < count; i++) {
		struct ipc_message m;
		const struct queue_reply *reply;

		assert_int_equal(ipc_receive(sockets[i], &m), 1);
		reply = ipc_body(&m, sizeof(*reply));
		assert_non_null(reply);
		assert_int_equal(reply->answer, QUEUE_DONE);
		ipc_message_done(&m);
		close(sockets[i]);
	}
	*ret_ms = clock_monotonic_ms() - began;
	before = atomic_load(&disk->syncs) - before;
	house_stop(h, SIGTERM);
	return before;
}

static void all_who_wait_at_a_start_share_a_commit(void **state)
{
	int64_t one_ms, all_ms;
	int one, all;

	atomic_store(&disk->slow_ms, SLOW_MS);
	one = start_with(*state, 1, &one_ms);
	all = start_with(*state, CAME, &all_ms);
	print_message("%d ms a commit: 1 answered after %lld ms (%d syncs), %d after "
		      "%lld ms (%d syncs)\n",
		SLOW_MS, (long long)one_ms, one, CAME, (long long)all_ms, all);
	assert_true(all <= one + SHARED_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			all_who_wait_at_a_start_share_a_commit, setup, disk_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
