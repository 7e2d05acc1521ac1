/* SPDX-License-Identifier: EUPL-1.2 */
/* An update after which the machine could not return is refused before it is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/digest.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/manifest.h"
#include "ctl/appliance/swap.h"
#include "queue/layout.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signed_folder.h"

#define NOBODY 65534

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	snprintf(p->dir, sizeof(p->dir), "/tmp/sealgate-update-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->anchor, sizeof(p->anchor), "%s/anchor.pem", p->dir);
	p->ours = make_signer("ours");
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	assert_int_equal(appliance_remove(p->dir), 0);
	EVP_PKEY_free(p->ours.key);
	X509_free(p->ours.certificate);
	free(p);
	return 0;
}

/* Of an update whose list has a file of this name, which says `listed`, and on the medium
 * `there`. */
static int returns(
	const struct place *p, const char *name, const char *listed, const char *there)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	char text[512], digest[SHA256_TEXT_SIZE], *error = NULL;
	FILE *f = fopen(p->anchor, "w");
	int r;

	assert_true(PEM_write_X509(f, p->ours.certificate) == 1);
	fclose(f);
	assert_int_equal(digest_sha256_text(span_str(listed), digest), 0);
	snprintf(text, sizeof(text), "sealgate-manifest 1 update 9.9\n%s %zu %s\n",
		digest, strlen(listed), name);
	sign(p, &p->ours, text);
	write_file(p, name, there, strlen(there));
	assert_int_equal(manifest_open(p->dir, "update", p->anchor, &m, &error), 0);
	r = appliance_update_returns(&m, &error);
	assert_true((r < 0) == (error != NULL));
	if (r == -EPERM)
		assert_non_null(strstr(error, "could not be returned to"));
	free(error);
	return r;
}

static int with_layout(const struct place *p, int version, int least)
{
	char text[32];

	snprintf(text, sizeof(text), "%d %d\n", version, least);
	return returns(p, "layout", text, text);
}

static void test_what_this_version_works_on_is_taken(void **state)
{
	int here = layout_version();

	assert_int_equal(with_layout(*state, here, here), 0);
	assert_int_equal(with_layout(*state, here + 1, here), 0);
	assert_int_equal(with_layout(*state, here + 5, here - 1), 0);
}

static void test_what_it_does_not_is_refused(void **state)
{
	int here = layout_version();

	assert_int_equal(with_layout(*state, here + 1, here + 1), -EPERM);
	assert_int_equal(with_layout(*state, here + 5, here + 2), -EPERM);
}

static void test_without_a_word_it_is_refused(void **state)
{
	char right[32];

	snprintf(right, sizeof(right), "%d %d\n", layout_version(), layout_least());
	assert_int_equal(returns(*state, "other", right, right), -ENOENT);
	assert_int_equal(returns(*state, "layout", "soon\n", "soon\n"), -EINVAL);
	assert_int_equal(returns(*state, "layout", "1 2\n", "1 2\n"), -EINVAL);
	assert_int_equal(returns(*state, "layout", "99 98\n", right), -EBADMSG);
}

static int tried(const struct swap_place *place, const char *version)
{
	char *error = NULL;
	int r = appliance_update_tried(place, version, &error);

	assert_true((r < 0) == (error != NULL));
	free(error);
	return r;
}

static void test_what_was_tried_is_not_tried_again(void **state)
{
	const struct place *p = *state;
	const struct swap_place place = { .instance = "/nowhere", .work = p->dir };
	char *error = NULL;

	assert_int_equal(tried(&place, "9.9"), 0);
	assert_int_equal(appliance_update_note(&place, "9.9", &error), 0);
	assert_int_equal(tried(&place, "9.9"), -EPERM);
	assert_int_equal(tried(&place, "9.10"), 0);
}

/* Who keeps the floor of versions may write beside it. */
static void test_what_others_left_keeps_no_update_from_coming(void **state)
{
	const struct place *p = *state;
	const struct swap_place place = { .instance = "/nowhere", .work = p->dir };
	char path[PATH_MAX], *error = NULL;

	if (getuid() != 0)
		skip();
	snprintf(path, sizeof(path), "%s/tried", p->dir);
	write_file(p, "tried", "9.9", 3);
	assert_int_equal(chown(path, NOBODY, NOBODY), 0);
	assert_int_equal(tried(&place, "9.9"), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(chown(path, NOBODY, NOBODY), 0);
	assert_int_equal(tried(&place, "9.9"), 0);
	write_file(p, "tried/file", "", 0);
	assert_int_equal(appliance_update_note(&place, "9.9", &error), 0);
	assert_int_equal(tried(&place, "9.9"), -EPERM);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_what_this_version_works_on_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_it_does_not_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_without_a_word_it_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_was_tried_is_not_tried_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_what_others_left_keeps_no_update_from_coming, setup,
			teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
