/* SPDX-License-Identifier: EUPL-1.2 */
/* What a program notes is in the audit chain once and in its order, whatever is restarted
 * or cut off, and no program says what is not its to say. */
#include "tests/unit/queued/taken.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/events.h"
#include "queued/event_journals.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static void path_in(const struct store *s, const char *name, char ret[PATH_MAX])
{
	assert_true(snprintf(ret, PATH_MAX, "%s/%s", s->dir, name) < PATH_MAX);
}

/* The chain as it is exported. The caller frees. */
static char *chain(struct store *s)
{
	struct span data;
	char *text;
	int fd = -1;

	assert_int_equal(
		STEP(s, engine_audit_read(s->engine, 0, 10000, &fd)), QUEUE_DONE);
	assert_int_equal(memfd_map(fd, QUEUE_JSON_MAX, &data), 0);
	text = strndup((const char *)data.data, data.len);
	assert_non_null(text);
	memfd_unmap(&data);
	close(fd);
	return text;
}

static int records(struct store *s, const char *what)
{
	char *text = chain(s);
	int count = 0;

	for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
		count++;
	free(text);
	return count;
}

static void look(struct event_journals *j, struct batch *b)
{
	j->next_ms = 0;
	assert_int_equal(event_journals_run(j, b, clock_monotonic_ms()), 0);
}

/* An instance whose state is the store's folder, as far as a note needs one. */
static int try_note(const struct store *s, const char *program, const char *event, int n)
{
	struct instance i = { 0 };
	char state[PATH_MAX];

	path_in(s, "at", i.dir);
	path_in(s, "at/state", state);
	assert_true(mkdir(i.dir, 0700) == 0 || errno == EEXIST);
	assert_true(symlink(s->dir, state) == 0 || errno == EEXIST);
	return events_note(&i, program, event, json_pack("{s:i}", "number", n));
}

static void note(const struct store *s, const char *program, const char *event, int n)
{
	assert_int_equal(try_note(s, program, event, n), 0);
}

static void append(const struct store *s, const char *program, const char *text)
{
	char path[PATH_MAX], name[128];
	int fd;

	snprintf(name, sizeof(name), "events/%s/journal", program);
	path_in(s, name, path);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, span_str(text)), 0);
	close(fd);
}

static void begin(struct store *s, struct event_journals *j, struct batch *b)
{
	static char folder[PATH_MAX];

	path_in(s, "queue", folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	batch_init(b, folder, s->engine);
	event_journals_init(j, clock_monotonic_ms());
	look(j, b); /* nobody has noted anything */
}

/* What the store's own end does not know of. */
static void sweep(const struct store *s)
{
	static const char *const NAMES[] = { "at/state", "at", "events/signer/journal",
		"events/signer/lock", "events/signer", "events/intake/journal",
		"events/intake/lock", "events/intake", "events", "queue/events-noted",
		"queue" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		path_in(s, NAMES[i], path);
		if (remove(path) < 0 && errno != ENOENT)
			fail_msg("%s: %s", path, strerror(errno));
	}
}

static void each_once_and_in_order(void **state)
{
	struct store *s = *state;
	struct event_journals j;
	struct batch b;
	char *text;

	begin(s, &j, &b);
	note(s, "intake", "program.start", 1);
	note(s, "signer", "key.token", 2);
	note(s, "signer", "key.work", 3);
	look(&j, &b);
	look(&j, &b);
	assert_int_equal(records(s, "\"actor\":\"signer\""), 2);
	assert_int_equal(records(s, "\"actor\":\"intake\""), 1);
	assert_int_equal(records(s, "\"event\":\"program.start\""), 1);
	text = chain(s);
	assert_true(strstr(text, "\"number\":2") < strstr(text, "\"number\":3"));
	free(text);
	note(s, "intake", "program.stop", 4);
	event_journals_init(&j, clock_monotonic_ms()); /* as after a start */
	look(&j, &b);
	assert_int_equal(records(s, "\"journal_sha256\":\""), 4);
	assert_int_equal(records(s, "\"event\":\"program.stop\""), 1);
	note(s, "intake", "program.start", 5);
	b.clock.behind = true;
	look(&j, &b);
	assert_int_equal(records(s, "\"number\":5"), 0);
	b.clock.behind = false;
	look(&j, &b);
	assert_int_equal(records(s, "\"number\":5"), 1);
	sweep(s);
}

/* A full one is refused until all of it is in the chain, and then begins anew, also when
 * its last line was torn off. */
static void a_full_one_begins_anew(void **state)
{
	struct store *s = *state;
	struct event_journals j;
	struct stat st;
	struct batch b;
	char path[PATH_MAX];

	begin(s, &j, &b);
	path_in(s, "events/queued", path);
	note(s, "intake", "program.start", 1);
	assert_int_equal(mkdir(path, 0755), 0);
	look(&j, &b);
	path_in(s, "events/intake/journal", path);
	assert_int_equal(truncate(path, EVENTS_MAX), 0);
	j.each[5].noted = EVENTS_MAX - 1; /* all but one octet of it is passed over */
	look(&j, &b);
	assert_int_equal(j.each[5].noted, EVENTS_MAX - 1); /* that has no end */
	for (int i = 0; i < 3; i++) /* it gets one, and no more than that */
		assert_int_equal(try_note(s, "intake", "program.stop", 2), -EFBIG);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, EVENTS_MAX + 1);
	look(&j, &b);
	assert_int_equal(try_note(s, "intake", "program.stop", 3), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < EVENTS_LINE_MAX);
	look(&j, &b);
	assert_int_equal(records(s, "\"number\":3"), 1);
	event_journals_init(&j, clock_monotonic_ms()); /* as after a start */
	note(s, "intake", "program.start", 4);
	look(&j, &b);
	assert_int_equal(records(s, "\"number\":4"), 1);
	assert_int_equal(records(s, "\"number\":3"), 1);
	path_in(s, "events/queued/taken", path);
	assert_int_equal(remove(path), 0);
	path_in(s, "events/queued", path);
	assert_int_equal(remove(path), 0);
	sweep(s);
}

static void nobody_speaks_for_others(void **state)
{
	struct store *s = *state;
	struct event_journals j;
	struct batch b;

	begin(s, &j, &b);
	note(s, "intake", "key.work", 1);
	note(s, "intake", "policy.activate", 2);
	append(s, "intake", "[]\nnonsense\n");
	look(&j, &b);
	assert_int_equal(records(s, "\"event\":\"journal.unreadable\""), 4);
	assert_int_equal(records(s, "key.work"), 0);
	assert_int_equal(records(s, "policy.activate"), 0);
	assert_int_equal(records(s, "\"number\""), 0);
	sweep(s);
}

/* A line that a power cut left is no line until it is ended, and spoils none behind it.
 */
static void a_torn_line_spoils_no_other(void **state)
{
	struct store *s = *state;
	struct event_journals j;
	struct batch b;

	begin(s, &j, &b);
	note(s, "signer", "program.start", 1);
	append(s, "signer", "{\"at\":\"20");
	look(&j, &b);
	assert_int_equal(records(s, "\"journal_sha256\""), 1);
	note(s, "signer", "key.token", 2);
	look(&j, &b);
	assert_int_equal(records(s, "\"event\":\"journal.unreadable\""), 1);
	assert_int_equal(records(s, "\"number\":2"), 1);
	sweep(s);
}

/* More than is taken at a time, a line without an end, and a journal that became shorter.
 */
static void whatever_is_in_it(void **state)
{
	static char endless[100000];
	struct store *s = *state;
	struct event_journals j;
	struct batch b;
	char path[PATH_MAX];

	begin(s, &j, &b);
	for (int n = 0; n < 150; n++)
		note(s, "signer", "program.start", n);
	look(&j, &b);
	assert_int_equal(records(s, "program.start"), 100);
	look(&j, &b);
	assert_int_equal(records(s, "program.start"), 150);
	memset(endless, 'x', sizeof(endless) - 1);
	append(s, "signer", endless);
	note(s, "signer", "program.stop", 150);
	for (int i = 0; i < 3; i++)
		look(&j, &b);
	assert_int_equal(records(s, "journal.unreadable"), 2);
	assert_int_equal(records(s, "program.stop"), 1);
	path_in(s, "events/signer/journal", path);
	assert_int_equal(truncate(path, 0), 0);
	look(&j, &b);
	note(s, "signer", "program.stop", 151);
	look(&j, &b);
	assert_int_equal(records(s, "program.stop"), 2);
	/* nothing that would be waited for, and nothing elsewhere */
	assert_int_equal(remove(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	look(&j, &b);
	assert_int_equal(remove(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	look(&j, &b);
	assert_int_equal(records(s, "program.stop"), 2);
	assert_int_equal(records(s, "journal.unreadable"), 2);
	sweep(s);
}

/* As much later as it takes. */
static void look_after(struct event_journals *j, struct batch *b, int64_t ms)
{
	j->next_ms = 0;
	assert_int_equal(event_journals_run(j, b, clock_monotonic_ms() + ms), 0);
}

/* Who is taken over fills the chain with its allowance and says so; nobody else waits. */
static void none_fills_the_chain(void **state)
{
	struct store *s = *state;
	struct event_journals j;
	struct batch b;

	begin(s, &j, &b);
	note(s, "intake", "program.start", 0);
	for (int n = 0; n < 400; n++)
		append(s, "intake", "nonsense\n");
	note(s, "signer", "key.work", 1);
	for (int i = 0; i < 6; i++)
		look(&j, &b);
	assert_int_equal(records(s, "journal.unreadable"), 99);
	assert_int_equal(records(s, "journal.suppressed"), 0);
	assert_int_equal(records(s, "\"event\":\"key.work\""), 1);
	note(s, "intake", "program.stop", 2); /* in its order, as all that it says */
	look(&j, &b);
	assert_int_equal(records(s, "program.stop"), 0);
	look_after(&j, &b, 11000);
	assert_int_equal(records(s, "\"event\":\"journal.suppressed\""), 1);
	assert_int_equal(records(s, "\"lines\":302"), 1);
	look_after(&j, &b, 25000);
	note(s, "intake", "program.start", 3);
	look_after(&j, &b, 26000);
	assert_int_equal(records(s, "program.start"), 2);
	assert_int_equal(records(s, "journal.suppressed"), 1);
	sweep(s);
}

/* What is over the allowance and not told yet is not lost with this process. */
static void what_is_suppressed_is_kept_until_it_is_told(void **state)
{
	struct store *s = *state;
	struct event_journals j;
	struct batch b;

	begin(s, &j, &b);
	note(s, "intake", "program.start", 0);
	for (int n = 0; n < 150; n++)
		append(s, "intake", "nonsense\n");
	look(&j, &b);
	look(&j, &b);
	event_journals_init(&j, clock_monotonic_ms());
	look(&j, &b);
	assert_int_equal(records(s, "journal.unreadable"), 150);
	assert_int_equal(records(s, "journal.suppressed"), 0);
	sweep(s);
}

/* Nobody hides what becomes of the keys behind much else. */
static void keys_are_never_suppressed(void **state)
{
	struct store *s = *state;
	struct event_journals j;
	struct batch b;

	begin(s, &j, &b);
	note(s, "signer", "program.start", 0);
	for (int n = 0; n < 1100; n++)
		append(s, "signer", "nonsense\n");
	note(s, "signer", "key.work", 1);
	for (int i = 0; i < 12; i++)
		look(&j, &b);
	assert_in_range(records(s, "journal.unreadable"), 999, 1099);
	assert_int_equal(records(s, "\"event\":\"key.work\""), 0);
	for (int i = 0; i < 3; i++)
		look_after(&j, &b, 200000);
	assert_int_equal(records(s, "journal.unreadable"), 1100);
	assert_int_equal(records(s, "\"event\":\"key.work\""), 1);
	assert_int_equal(records(s, "journal.suppressed"), 0);
	sweep(s);
}

/* What it lost, and no more. */
static void a_chain_that_was_set_back_is_told_again(void **state)
{
	struct store *s = *state;
	struct event_journals j;
	struct batch b;

	begin(s, &j, &b);
	note(s, "signer", "key.work", 1);
	note(s, "intake", "program.start", 2);
	look(&j, &b);
	note(s, "intake", "program.stop", 3);
	look(&j, &b);
	lose_newest(s, "events-noted");
	for (int i = 0; i < 2; i++) {
		event_journals_init(&j, clock_monotonic_ms());
		look(&j, &b);
		assert_int_equal(records(s, "\"event\":\"key.work\""), 1);
		assert_int_equal(records(s, "\"event\":\"program.start\""), 1);
		assert_int_equal(records(s, "\"event\":\"program.stop\""), 2);
	}
	sweep(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(each_once_and_in_order),
		STORE_TEST(a_chain_that_was_set_back_is_told_again),
		STORE_TEST(a_full_one_begins_anew),
		STORE_TEST(nobody_speaks_for_others),
		STORE_TEST(a_torn_line_spoils_no_other),
		STORE_TEST(whatever_is_in_it),
		STORE_TEST(none_fills_the_chain),
		STORE_TEST(what_is_suppressed_is_kept_until_it_is_told),
		STORE_TEST(keys_are_never_suppressed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
