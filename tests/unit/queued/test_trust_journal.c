/* SPDX-License-Identifier: EUPL-1.2 */
/* Each snapshot of the trusted lists is in the audit chain once, whatever is restarted
 * and whatever else lies there, under the version that a verdict names. */
#include "tests/unit/queued/taken.h"

#include "common/clock.h"
#include "common/durable.h"
#include "queued/trust_journal.h"
#include "tests/unit/trust/made.h"
#include "trust/map.h"
#include "trust/snapshot.h"

#include <errno.h>
#include <ftw.h>
#include <sys/stat.h>

struct bench {
	struct store *store;
	char folder[PATH_MAX];
	struct trust_journal j;
	struct batch b;
};

static void path_of(const struct bench *t, const char *name, char ret[PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%s/trust/lists/%s", t->store->dir, name);
}

static void put(const struct bench *t, const char *name, struct span octets)
{
	char path[PATH_MAX];

	path_of(t, name, path);
	assert_int_equal(durable_write(path, octets, 0644), 0);
}

/* Of a time, with a header that has a digest of one octet, many times. */
static void put_snapshot(const struct bench *t, int64_t at, uint8_t digest)
{
	struct map_header h = { .magic = MAP_MAGIC,
		.version = MAP_VERSION,
		.order = MAP_ORDER,
		.size = sizeof(h),
		.at = at };
	char name[64];

	memset(h.sha256, digest, sizeof(h.sha256));
	snprintf(name, sizeof(name), "snapshot-%020lld.map", (long long)at);
	put(t, name, span_of(&h, sizeof(h)));
}

static void take(const struct bench *t, const char *name)
{
	char path[PATH_MAX];

	path_of(t, name, path);
	assert_int_equal(remove(path), 0);
}

static void look(struct bench *t)
{
	t->j.next_ms = 0;
	assert_int_equal(trust_journal_run(&t->j, &t->b, clock_monotonic_ms()), 0);
}

/* As after a start. */
static void again(struct bench *t)
{
	trust_journal_init(&t->j, clock_monotonic_ms());
	look(t);
}

#define PUBLISHED "\"event\":\"trust.published\""

static void assert_published(struct bench *t, int count)
{
	assert_int_equal(records_taken(t->store, PUBLISHED), count);
}

static void bench_init(struct bench *t, void **state)
{
	char path[PATH_MAX];

	*t = (struct bench){ .store = *state };
	snprintf(t->folder, sizeof(t->folder), "%s/queue", t->store->dir);
	assert_int_equal(mkdir(t->folder, 0700), 0);
	batch_init(&t->b, t->folder, t->store->engine);
	trust_journal_init(&t->j, clock_monotonic_ms());
	look(t); /* there are no lists */
	snprintf(path, sizeof(path), "%s/trust", t->store->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	path_of(t, "", path);
	assert_int_equal(mkdir(path, 0700), 0);
	put(t, "marks.json", span_str("{}"));
	look(t);
	assert_published(t, 0);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st;
	(void)flag;
	(void)f;
	return remove(path);
}

/* What the store's own end does not know of. */
static void bench_done(const struct bench *t)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/trust", t->store->dir);
	assert_int_equal(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	assert_int_equal(nftw(t->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void each_snapshot_once(void **state)
{
	struct bench t;

	bench_init(&t, state);
	put_snapshot(&t, 1, 0xab);
	look(&t);
	look(&t);
	assert_published(&t, 1);
	assert_int_equal(
		records_taken(t.store, "{\"lists_version\":\"abababababababababababab"
				       "abababababababababababababababababababab\","
				       "\"snapshot\":\"snapshot-"
				       "00000000000000000001.map\"}"),
		1);
	again(&t);
	assert_published(&t, 1);
	put_snapshot(&t, 2, 0xac);
	t.b.clock.behind = true;
	look(&t);
	assert_published(&t, 1);
	t.b.clock.behind = false;
	look(&t);
	assert_published(&t, 2);
	/* some that came between two looks */
	put_snapshot(&t, 3, 0xad);
	put_snapshot(&t, 4, 0xae);
	look(&t);
	assert_published(&t, 4);
	assert_int_equal(records_taken(t.store, "snapshot-00000000000000000003.map"), 1);
	bench_done(&t);
}

static void other_names_blind_nothing(void **state)
{
	static const char *const NAMES[] = { "snapshot-~.map", "snapshot-\"}.map",
		"snapshot-+0000000000000000009.map",
		"snapshot-999999999999999999999.map" };
	struct bench t;

	bench_init(&t, state);
	put_snapshot(&t, 1, 0xab);
	look(&t);
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		put(&t, NAMES[i], span_str("x"));
	look(&t);
	assert_published(&t, 1);
	put_snapshot(&t, 2, 0xac);
	look(&t);
	assert_published(&t, 2);
	bench_done(&t);
}

/* verify takes what lies under the newest name now. */
static void what_takes_the_newest_name_is_recorded(void **state)
{
	static const char NEWEST[] = "snapshot-00000000000000000002.map";
	struct bench t;
	char path[PATH_MAX];

	bench_init(&t, state);
	put_snapshot(&t, 1, 0xab);
	put_snapshot(&t, 2, 0xac);
	look(&t);
	assert_published(&t, 1);
	put_snapshot(&t, 2, 0xad);
	look(&t);
	look(&t);
	assert_published(&t, 2);
	again(&t);
	assert_published(&t, 2);
	take(&t, NEWEST);
	look(&t);
	assert_published(&t, 3);
	assert_int_equal(records_taken(t.store, "snapshot-00000000000000000001.map"), 1);
	path_of(&t, NEWEST, path);
	assert_int_equal(symlink("snapshot-00000000000000000001.map", path), 0);
	look(&t);
	assert_int_equal(records_taken(t.store, "{\"lists_version\":null,\"snapshot\":"
						"\"snapshot-00000000000000000002.map\"}"),
		1);
	take(&t, NEWEST);
	take(&t, "snapshot-00000000000000000001.map");
	look(&t);
	look(&t);
	assert_int_equal(
		records_taken(t.store, "{\"lists_version\":null,\"snapshot\":null}"), 1);
	assert_published(&t, 5);
	bench_done(&t);
}

/* What is no snapshot of that time, or cannot be read, keeps none behind it out. */
static void one_that_nobody_takes_blinds_nothing(void **state)
{
	struct bench t;

	bench_init(&t, state);
	put_snapshot(&t, 1, 0xab);
	look(&t);
	put(&t, "snapshot-00000000000000000002.map", span_str("abc"));
	put_snapshot(&t, 3, 0xac);
	look(&t);
	assert_published(&t, 3);
	assert_int_equal(records_taken(t.store, "\"lists_version\":null"), 1);
	bench_done(&t);
}

static void the_version_is_that_of_a_verdict(void **state)
{
	struct trust_snapshot *taken = NULL;
	struct bench t;
	char path[PATH_MAX], *error = NULL;

	bench_init(&t, state);
	path_of(&t, "", path);
	assert_int_equal(made_store(path, NULL, 0, T0), 0);
	assert_int_equal(trust_snapshot_open(path, INT64_MAX, &taken, &error), 0);
	look(&t);
	assert_published(&t, 1);
	assert_int_equal(records_taken(t.store, taken->version), 1);
	trust_snapshot_free(taken);
	bench_done(&t);
}

/* A note that is of another chain, or of what this one lost. */
static void a_chain_that_was_set_back_is_told_again(void **state)
{
#define NUL64 "0000000000000000000000000000000000000000000000000000000000000000"
	static const char *const ENDS[] = { "999:" NUL64, "1:" NUL64 };
	struct bench t;
	char path[PATH_MAX], text[512];

	bench_init(&t, state);
	put_snapshot(&t, 1, 0xab);
	look(&t);
	snprintf(path, sizeof(path), "%s/queue/trust-noted", t.store->dir);
	for (int i = 0; i < 2; i++) {
		_cleanup_(freep) uint8_t *noted = NULL;
		size_t len;

		assert_int_equal(file_read(path, sizeof(text), &noted, &len), 0);
		noted[strcspn((char *)noted, "\n")] = '\0';
		assert_non_null(strchr((char *)noted, ' '));
		snprintf(text, sizeof(text), "%s%s\n", ENDS[i],
			strchr((char *)noted, ' '));
		assert_int_equal(durable_write(path, span_str(text), 0600), 0);
		again(&t);
		assert_published(&t, i + 2);
		again(&t);
		assert_published(&t, i + 2);
	}
	bench_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(each_snapshot_once),
		STORE_TEST(other_names_blind_nothing),
		STORE_TEST(what_takes_the_newest_name_is_recorded),
		STORE_TEST(one_that_nobody_takes_blinds_nothing),
		STORE_TEST(the_version_is_that_of_a_verdict),
		STORE_TEST(a_chain_that_was_set_back_is_told_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
