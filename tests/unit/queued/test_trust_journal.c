/* SPDX-License-Identifier: EUPL-1.2 */
/* Each snapshot of the trusted lists is in the audit chain once, whatever is restarted.
 */
#include "tests/unit/queue/store.h"

#include "common/clock.h"
#include "common/durable.h"
#include "queued/trust_journal.h"

#include <errno.h>
#include <sys/stat.h>

static void put(const struct store *s, const char *name, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/trust/lists/%s", s->dir, name);
	assert_int_equal(durable_write(path, span_str(text), 0644), 0);
}

static int records(struct store *s, const char *what)
{
	struct span data;
	int fd = -1, count = 0;

	assert_int_equal(STEP(s, engine_audit_read(s->engine, 0, 1000, &fd)), QUEUE_DONE);
	assert_int_equal(memfd_map(fd, QUEUE_JSON_MAX, &data), 0);
	for (const char *p = (const char *)data.data;
		(p = memmem(p, data.len - (size_t)(p - (const char *)data.data), what,
			 strlen(what))) != NULL;
		p++)
		count++;
	memfd_unmap(&data);
	close(fd);
	return count;
}

static void look(struct trust_journal *j, struct batch *b)
{
	j->next_ms = 0;
	assert_int_equal(trust_journal_run(j, b, clock_monotonic_ms()), 0);
}

/* What the store's own end does not know of. */
static void sweep(const struct store *s)
{
	static const char *const NAMES[] = {
		"trust/lists/snapshot-00000000000000000001.map",
		"trust/lists/snapshot-00000000000000000002.map", "trust/lists/marks.json",
		"trust/lists", "trust", "queue/trust-noted", "queue"
	};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", s->dir, NAMES[i]);
		if (remove(path) < 0)
			fail_msg("%s: %s", path, strerror(errno));
	}
}

static void each_snapshot_once(void **state)
{
	struct store *s = *state;
	char folder[PATH_MAX], trust[PATH_MAX];
	struct trust_journal j;
	struct batch b;

	snprintf(folder, sizeof(folder), "%s/queue", s->dir);
	assert_int_equal(mkdir(folder, 0700), 0);
	batch_init(&b, folder, s->engine);
	trust_journal_init(&j, clock_monotonic_ms());
	look(&j, &b); /* there are no lists */
	snprintf(trust, sizeof(trust), "%s/trust", s->dir);
	assert_int_equal(mkdir(trust, 0700), 0);
	snprintf(trust, sizeof(trust), "%s/trust/lists", s->dir);
	assert_int_equal(mkdir(trust, 0700), 0);
	put(s, "marks.json", "{}");
	look(&j, &b);
	assert_int_equal(records(s, "trust.published"), 0);
	put(s, "snapshot-00000000000000000001.map", "abc");
	look(&j, &b);
	look(&j, &b);
	assert_int_equal(records(s, "\"event\":\"trust.published\""), 1);
	assert_int_equal(records(s, "{\"sha256\":\"ba7816bf8f01cfea414140de5dae2223b0"
				    "0361a396177a9cb410ff61f20015ad\",\"snapshot\":"
				    "\"snapshot-00000000000000000001.map\"}"),
		1);
	trust_journal_init(&j, clock_monotonic_ms()); /* as after a start */
	look(&j, &b);
	assert_int_equal(records(s, "trust.published"), 1);
	put(s, "snapshot-00000000000000000002.map", "abd");
	b.clock.behind = true;
	look(&j, &b);
	assert_int_equal(records(s, "trust.published"), 1);
	b.clock.behind = false;
	look(&j, &b);
	assert_int_equal(records(s, "trust.published"), 2);
	sweep(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(each_snapshot_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
