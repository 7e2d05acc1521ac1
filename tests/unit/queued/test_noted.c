/* SPDX-License-Identifier: EUPL-1.2 */
/* A note counts as long as the chain holds what it was noted behind. */
#include "tests/unit/queue/store.h"

#include "common/clock.h"
#include "common/durable.h"
#include "queued/noted.h"

#define NOTE "some-noted"
#define KEPT 32

static void say(struct batch *b)
{
	assert_int_equal(batch_say(b, "queued.start", "{}"), 1);
}

static void put(const struct store *s, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" NOTE, s->dir);
	assert_int_equal(durable_write(path, span_str(text), 0600), 0);
}

/* The caller frees. */
static char *get(const struct store *s)
{
	char path[PATH_MAX];
	uint8_t *text;
	size_t len;

	snprintf(path, sizeof(path), "%s/" NOTE, s->dir);
	assert_int_equal(file_read(path, 100000, &text, &len), 0);
	return (char *)text;
}

static void the_newest_that_the_chain_holds(void **state)
{
	struct store *s = *state;
	char text[NOTED_SIZE], number[16], *kept, *at;
	struct batch b;
	int lines = 0;

	batch_init(&b, s->dir, s->engine);
	assert_int_equal(noted_read(&b, NOTE, text), 0);
	for (int i = 0; i < KEPT + 8; i++) {
		say(&b);
		snprintf(number, sizeof(number), "n %d", i);
		assert_int_equal(noted_write(&b, NOTE, number), 0);
	}
	assert_int_equal(noted_write(&b, NOTE, "a\nb"), -EINVAL);
	assert_int_equal(noted_read(&b, NOTE, text), 1);
	assert_string_equal(text, "n 39");
	kept = get(s);
	for (at = kept; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	assert_int_equal(lines, KEPT);
	/* without the newest two of its ends */
	memcpy(kept, "99", 2);
	at = strchr(kept, '\n') + 1;
	at = strchr(at, ':') + 1;
	*at = *at == '0' ? '1' : '0';
	put(s, kept);
	assert_int_equal(noted_read(&b, NOTE, text), 1);
	assert_string_equal(text, "n 37");
	*(strchr(kept, '\n') + 1) = '\0';
	put(s, kept);
	assert_int_equal(noted_read(&b, NOTE, text), 0);
	free(kept);
	/* before there were ends in it */
	put(s, "38\n");
	assert_int_equal(noted_read(&b, NOTE, text), 1);
	assert_string_equal(text, "38");
	kept = calloc(1, PATH_MAX);
	assert_non_null(kept);
	snprintf(kept, PATH_MAX, "%s/" NOTE, s->dir);
	assert_int_equal(remove(kept), 0);
	free(kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(the_newest_that_the_chain_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
