/* SPDX-License-Identifier: EUPL-1.2 */
/* Each line of the journal is in the audit chain once, whatever is restarted. */
#include "tests/unit/queued/taken.h"

#include "common/clock.h"
#include "common/durable.h"
#include "queued/policy_journal.h"

#include <sys/stat.h>

#define LINE(act, version)                                                               \
	"{\"act\":\"" act "\",\"at\":\"2026-06-05T12:00:00Z\",\"from\":0,\"people\":["   \
	"\"A\",\"B\"],\"policy_digest\":\"d\",\"version\":" version "}\n"

static void write_journal(const struct store *s, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/policy", s->dir);
	(void)mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/policy/journal", s->dir);
	assert_int_equal(durable_write(path, span_str(text), 0644), 0);
}

/* What the store's own end does not know of. */
static void sweep(const struct store *s)
{
	static const char *const NAMES[] = { "policy/journal", "policy",
		"queue/policy-noted", "queue" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", s->dir, NAMES[i]);
		assert_int_equal(remove(path), 0);
	}
}

static void look(struct policy_journal *j, struct batch *b)
{
	j->next_ms = 0;
	assert_int_equal(policy_journal_run(j, b, clock_monotonic_ms()), 0);
}

static void each_line_once(void **state)
{
	struct store *s = *state;
	char folder[PATH_MAX], note[PATH_MAX];
	struct policy_journal j;
	struct batch b;
	int64_t noted;

	snprintf(folder, sizeof(folder), "%s/queue", s->dir);
	assert_int_equal(mkdir(folder, 0700), 0);
	batch_init(&b, folder, s->engine);
	policy_journal_init(&j, clock_monotonic_ms());
	look(&j, &b);
	assert_int_equal(records_taken(s, "\"event\":\"policy."), 0);
	/* A line that is still being written waits for its end. */
	write_journal(s, LINE("activate", "1") "{\"act\":\"roll");
	look(&j, &b);
	look(&j, &b);
	assert_int_equal(records_taken(s, "\"event\":\"policy.activate\""), 1);
	assert_int_equal(records_taken(s, "\"people\":[\"A\",\"B\"]"), 1);
	assert_int_equal(records_taken(s, "\"event\":\"policy."), 1);
	/* Another process goes on where this one was. */
	policy_journal_init(&j, clock_monotonic_ms());
	write_journal(s, LINE("activate", "1") LINE("rollback", "0") "no JSON\n");
	look(&j, &b);
	look(&j, &b);
	assert_int_equal(records_taken(s, "\"event\":\"policy.activate\""), 1);
	assert_int_equal(records_taken(s, "\"event\":\"policy.rollback\""), 1);
	assert_int_equal(records_taken(s, "\"event\":\"policy.unreadable\""), 1);
	assert_int_equal(records_taken(s, "\"journal_sha256\""), 3);
	noted = j.noted;
	/* A note that cannot be read is no reason to record all of it again. */
	snprintf(note, sizeof(note), "%s/queue/policy-noted", s->dir);
	assert_int_equal(remove(note), 0);
	assert_int_equal(mkdir(note, 0700), 0);
	policy_journal_init(&j, clock_monotonic_ms());
	look(&j, &b);
	assert_int_equal(records_taken(s, "\"event\":\"policy."), 3);
	assert_int_equal(remove(note), 0);
	policy_journal_init(&j, clock_monotonic_ms());
	j.noted = noted;
	/* Cut: nothing is recorded again, and what comes next is. */
	write_journal(s, LINE("activate", "1"));
	look(&j, &b);
	assert_int_equal(records_taken(s, "\"event\":\"policy."), 3);
	write_journal(s, LINE("activate", "1") LINE("activate", "2"));
	look(&j, &b);
	assert_int_equal(records_taken(s, "\"event\":\"policy.activate\""), 2);
	assert_int_equal(batch_head(&b).position, engine_head(s->engine).position);
	sweep(s);
}

/* What it lost, and no more. */
static void a_chain_that_was_set_back_is_told_again(void **state)
{
	struct store *s = *state;
	char folder[PATH_MAX];
	struct policy_journal j;
	struct batch b;

	snprintf(folder, sizeof(folder), "%s/queue", s->dir);
	assert_int_equal(mkdir(folder, 0700), 0);
	batch_init(&b, folder, s->engine);
	policy_journal_init(&j, clock_monotonic_ms());
	write_journal(s, LINE("activate", "1"));
	look(&j, &b);
	write_journal(s, LINE("activate", "1") LINE("rollback", "0"));
	look(&j, &b);
	lose_newest(s, "policy-noted");
	for (int i = 0; i < 2; i++) {
		policy_journal_init(&j, clock_monotonic_ms());
		look(&j, &b);
		assert_int_equal(records_taken(s, "\"event\":\"policy.activate\""), 1);
		assert_int_equal(records_taken(s, "\"event\":\"policy.rollback\""), 2);
	}
	sweep(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(each_line_once),
		STORE_TEST(a_chain_that_was_set_back_is_told_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
