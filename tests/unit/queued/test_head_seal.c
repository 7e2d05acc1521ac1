/* SPDX-License-Identifier: EUPL-1.2 */
/* A start behind which nothing could be recorded: what is sealed already stays as it is.
 */
#include "tests/unit/queued/set_back.h"

#include "common/durable.h"
#include "queued/head_seal.h"

#include <poll.h>

#define BOUND_MS 20000

struct sealing {
	struct set_back *s;
	struct instance instance;
	struct head_seal seal;
};

static void write_in(const struct sealing *t, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", t->s->folder, name);
	assert_int_equal(durable_write(path, span_str(text), 0644), 0);
}

static int with_instance(void **state)
{
	struct sealing *t = calloc(1, sizeof(*t));
	_cleanup_(freep) char *error = NULL;

	setup((void **)&t->s);
	write_in(t, "sealgate.conf", "audit = { seal_records = 1; };\n");
	if (instance_open(t->s->folder, &t->instance, &error) < 0)
		fail_msg("%s", error);
	*state = t;
	return 0;
}

static int without_instance(void **state)
{
	struct sealing *t = *state;

	head_seal_stop(&t->seal);
	instance_done(&t->instance);
	teardown((void **)&t->s);
	free(t);
	return 0;
}

/* As queued does it; nobody answers for the signer. */
static void start(struct sealing *t, const struct engine_head *head)
{
	assert_int_equal(head_seal_start(&t->seal, &t->instance, t->s->folder), 0);
	head_seal_offer(&t->seal, head);
}

static void the_same_head_is_not_sealed_again(void **state)
{
	struct sealing *t = *state;
	struct engine_head head = head_at(t->s, RECORDS, false);
	_cleanup_(freep) uint8_t *text = NULL;
	uint8_t sha256[SHA256_SIZE], kept[SHA256_SIZE];
	int64_t position, end = clock_monotonic_ms() + BOUND_MS;
	char path[256];
	size_t len;
	int fd;

	seal(t->s, &head);
	path_of_head(t->s, RECORDS, "json", path);
	assert_int_equal(file_read(path, SEALED_HEAD_MAX, &text, &len), 0);
	assert_int_equal(digest_sha256(span_of(text, len), kept), 0);
	start(t, &head);
	while (!head_seal_newest(&t->seal, &position, sha256)) {
		assert_true(clock_monotonic_ms() < end);
		poll(NULL, 0, 5);
	}
	assert_int_equal(position, RECORDS);
	assert_memory_equal(sha256, kept, SHA256_SIZE);
	/* it has no time-stamp, and is given out for one */
	assert_int_equal(head_seal_unstamped(&t->seal, &position, &fd), QUEUE_DONE);
	assert_int_equal(position, RECORDS);
	close(fd);
	head_seal_stop(&t->seal);
	path_of_head(t->s, RECORDS, "tst", path);
	assert_int_equal(durable_write(path, span_str("a time-stamp"), 0644), 0);
	start(t, &head);
	end = clock_monotonic_ms() + BOUND_MS;
	while (!head_seal_newest(&t->seal, &position, sha256)) {
		assert_true(clock_monotonic_ms() < end);
		poll(NULL, 0, 5);
	}
	assert_int_equal(head_seal_unstamped(&t->seal, &position, &fd), QUEUE_EMPTY);
	head_seal_stop(&t->seal);
}

/* One of a chain that is lost is no seal of this one. */
static void another_chains_is_not_taken(void **state)
{
	struct sealing *t = *state;
	struct engine_head head = head_at(t->s, RECORDS, false),
			   lost = head_at(t->s, RECORDS, true);

	seal(t->s, &lost);
	start(t, &head);
	head_seal_stop(&t->seal); /* with a last try */
	assert_int_equal(t->seal.newest_position, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_same_head_is_not_sealed_again,
			with_instance, without_instance),
		cmocka_unit_test_setup_teardown(
			another_chains_is_not_taken, with_instance, without_instance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
