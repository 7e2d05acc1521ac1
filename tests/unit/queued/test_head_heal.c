/* SPDX-License-Identifier: EUPL-1.2 */
/* A time-stamp of a head whose record was rolled back is as if it had not come. */
#include "tests/unit/queued/fixture.h"

#include "queued/head_heal.h"
#include "queued/head_seal.h"

#include <stdlib.h>
#include <sys/stat.h>

#define POSITION 7
#define FOLDER "/heads/0000000000000"
#define NAME FOLDER "/000000000000000007."
#define PENDING "/heads/000000000000000007." HEAD_STAMP_PENDING

struct heads_house {
	char folder[64];
	struct head_seal seal;
};

static void put(const struct heads_house *h, const char *below, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", h->folder, below);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static bool there(const struct heads_house *h, const char *below)
{
	char path[256];

	snprintf(path, sizeof(path), "%s%s", h->folder, below);
	return access(path, F_OK) == 0;
}

static int setup(void **state)
{
	struct heads_house *h = calloc(1, sizeof(*h));
	char path[256];

	snprintf(h->folder, sizeof(h->folder), "/tmp/sealgate-heads-XXXXXX");
	assert_non_null(mkdtemp(h->folder));
	snprintf(path, sizeof(path), "%s/heads", h->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s" FOLDER, h->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	h->seal = (struct head_seal){ .folder = h->folder,
		.stamp_every_ms = 1,
		.newest = strdup("a head"),
		.newest_position = POSITION,
		.running = true };
	pthread_mutex_init(&h->seal.lock, NULL);
	put(h, NAME "json", "a head");
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	struct heads_house *h = *state;
	char command[128];

	free(h->seal.newest);
	pthread_mutex_destroy(&h->seal.lock);
	snprintf(command, sizeof(command), "rm -rf '%s'", h->folder);
	assert_int_equal(system(command), 0);
	free(h);
	return 0;
}

static int unstamped(struct heads_house *h)
{
	int64_t position = 0;
	int fd = -1, r = head_seal_unstamped(&h->seal, &position, &fd);

	if (r == QUEUE_DONE) {
		assert_int_equal(position, POSITION);
		close(fd);
	}
	return r;
}

static void rolled_back_and_again(void **state)
{
	struct heads_house *h = *state;
	struct span token = span_str("a token");

	assert_int_equal(unstamped(h), QUEUE_DONE);
	assert_int_equal(head_seal_stamped(&h->seal, POSITION, token), QUEUE_DONE);
	assert_true(there(h, PENDING));
	assert_false(there(h, NAME "tst"));
	head_seal_settle(&h->seal, false);
	assert_false(there(h, PENDING));
	assert_int_equal(unstamped(h), QUEUE_DONE);
	/* the batch is run anew at once, or seal comes again */
	assert_int_equal(head_seal_stamped(&h->seal, POSITION, token), QUEUE_DONE);
	head_seal_settle(&h->seal, true);
	assert_true(there(h, NAME "tst"));
	assert_false(there(h, PENDING));
	assert_int_equal(unstamped(h), QUEUE_EMPTY);
	assert_int_equal(head_seal_stamped(&h->seal, POSITION, token), QUEUE_NOT_FOUND);
	head_seal_settle(&h->seal, true); /* of other transactions */
	head_seal_settle(NULL, true);
}

static void what_is_exported_of_a_lost_chain_is_kept(void **state)
{
	struct heads_house *h = *state;
	struct engine_head head = { .position = POSITION + 1 };
	char export[128];

	snprintf(export, sizeof(export), "%s/heads", h->folder);
	put(h, NAME "tst", "its time-stamp");
	head_spare(export, &head);
	assert_true(there(h, NAME "json"));
	head.position = POSITION;
	head_spare(export, &head);
	assert_false(there(h, NAME "json") || there(h, NAME "tst"));
	assert_true(there(h, NAME "json.set-back"));
	assert_true(there(h, NAME "tst.set-back"));
}

/* The figures say how long a record has waited, not how old a head is that nothing
 * follows. */
static void how_long_a_head_has_waited(void **state)
{
	struct heads_house *h = *state;
	struct engine_head head = { .position = POSITION };
	struct heads_told told = { 0 };

	h->seal.every_ms = 60000;
	head_seal_offer(&h->seal, &head);
	head_seal_told(&h->seal, &told);
	assert_true(told.sealing);
	assert_false(told.exporting);
	assert_int_equal(told.late_s, 300);
	assert_int_equal(h->seal.waiting_since_ms, 0);
	head.position++;
	head_seal_offer(&h->seal, &head);
	assert_int_not_equal(h->seal.waiting_since_ms, 0);
	h->seal.waiting_since_ms -= 5000;
	head.position++;
	head_seal_offer(&h->seal, &head); /* waits since the first of them */
	head_seal_told(&h->seal, &told);
	assert_true(told.sealed.waiting_ms >= 5000);
	h->seal.running = false;
	told = (struct heads_told){ 0 };
	head_seal_told(&h->seal, &told);
	assert_false(told.sealing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rolled_back_and_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_exported_of_a_lost_chain_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(
			how_long_a_head_has_waited, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
