/* SPDX-License-Identifier: EUPL-1.2 */
/* Signed manifests: what is taken, and each way in which one must not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/digest.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/manifest.h"
#include "ctl/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "signed_folder.h"

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	FILE *f;

	snprintf(p->dir, sizeof(p->dir), "/tmp/sealgate-manifest-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->anchor, sizeof(p->anchor), "%s/anchor.pem", p->dir);
	snprintf(p->target, sizeof(p->target), "%s/target", p->dir);
	p->ours = make_signer("ours");
	p->foreign = make_signer("foreign");
	f = fopen(p->anchor, "w");
	assert_true(PEM_write_X509(f, p->ours.certificate) == 1);
	fclose(f);
	write_file(p, "one.txt", "octets", 6);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	assert_int_equal(appliance_remove(p->dir), 0);
	EVP_PKEY_free(p->ours.key);
	EVP_PKEY_free(p->foreign.key);
	X509_free(p->ours.certificate);
	X509_free(p->foreign.certificate);
	free(p);
	return 0;
}

/* A manifest of one line about the octets of one.txt, as if they were `size` long. */
static const char *text_of(const char *head, int size, const char *path)
{
	static char text[1024];
	char digest[SHA256_TEXT_SIZE];

	assert_int_equal(digest_sha256_text(span_str("octets"), digest), 0);
	snprintf(text, sizeof(text), "%s\n%s %d %s\n", head, digest, size, path);
	return text;
}

static int opened(const struct place *p)
{
	struct manifest m = { 0 };
	char *error = NULL;
	int r = manifest_open(p->dir, "machine", p->anchor, &m, &error);

	assert_true((r < 0) == (error != NULL));
	assert_true((r == 0) == (m.files != NULL));
	free(error);
	manifest_done(&m);
	return r;
}

static int copied(const struct place *p, int size)
{
	struct manifest m = { 0 };
	char *error = NULL, path[160];
	int r;

	sign(p, &p->ours, text_of("sealgate-manifest 1 machine 3", size, "one.txt"));
	assert_int_equal(manifest_open(p->dir, "machine", p->anchor, &m, &error), 0);
	assert_string_equal(m.serial, "3");
	assert_int_equal(m.count, 1);
	mkdir(p->target, 0700);
	r = manifest_copy(&m, &m.files[0], p->target, 0640);
	snprintf(path, sizeof(path), "%s/one.txt", p->target);
	assert_true((access(path, F_OK) == 0) == (r == 0));
	manifest_done(&m);
	return r;
}

static void test_proven_file_is_copied(void **state)
{
	const struct place *p = *state;
	struct stat st;
	char path[160];

	assert_int_equal(copied(p, 6), 0);
	snprintf(path, sizeof(path), "%s/one.txt", p->target);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

/* What is moved is proven where it is then; of what is not it no copy is left. */
static void test_moved_and_proven(void **state)
{
	const struct place *p = *state;
	struct manifest m = { 0 };
	char from[160], to[160], *error = NULL;
	struct stat st;

	sign(p, &p->ours, text_of("sealgate-manifest 1 machine 3", 6, "one.txt"));
	assert_int_equal(manifest_open(p->dir, "machine", p->anchor, &m, &error), 0);
	(void)mkdir(p->target, 0700);
	snprintf(from, sizeof(from), "%s/one.txt", p->dir);
	snprintf(to, sizeof(to), "%s/one.txt", p->target);
	assert_int_equal(manifest_move(&m, &m.files[0], p->target, 0644), 0);
	assert_int_equal(access(from, F_OK), -1);
	assert_int_equal(stat(to, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_int_equal(manifest_move(&m, &m.files[0], p->target, 0644), -ENOENT);
	write_file(p, "one.txt", "octetz", 6);
	assert_int_equal(manifest_move(&m, &m.files[0], p->target, 0644), -EBADMSG);
	assert_int_equal(access(from, F_OK), -1);
	assert_int_equal(access(to, F_OK), -1);
	manifest_done(&m);
}

static void test_other_octets_are_not_copied(void **state)
{
	const struct place *p = *state;

	write_file(p, "one.txt", "octetz", 6);
	assert_int_equal(copied(p, 6), -EBADMSG);
	write_file(p, "one.txt", "octets and more", 15);
	assert_int_equal(copied(p, 6), -EBADMSG);
	write_file(p, "one.txt", "oct", 3);
	assert_int_equal(copied(p, 6), -EBADMSG);
}

/* As manifest_read, of one.txt. */
static int was_read(const struct place *p, size_t most)
{
	_cleanup_(freep) uint8_t *octets = NULL;
	struct manifest m = { 0 };
	char *error = NULL;
	size_t len = 0;
	int r;

	sign(p, &p->ours, text_of("sealgate-manifest 1 machine 3", 6, "one.txt"));
	assert_int_equal(manifest_open(p->dir, "machine", p->anchor, &m, &error), 0);
	r = manifest_read(&m, &m.files[0], most, &octets, &len);
	assert_true((octets != NULL) == (r == 0));
	if (r == 0) {
		assert_int_equal(len, 6);
		assert_memory_equal(octets, "octets", 7);
	}
	manifest_done(&m);
	return r;
}

static void test_what_is_read_is_what_was_signed(void **state)
{
	const struct place *p = *state;

	assert_int_equal(was_read(p, 6), 0);
	assert_int_equal(was_read(p, 5), -EFBIG);
	write_file(p, "one.txt", "octetz", 6);
	assert_int_equal(was_read(p, 6), -EBADMSG);
	write_file(p, "one.txt", "oct", 3);
	assert_int_equal(was_read(p, 6), -EBADMSG);
}

static void test_link_is_not_followed(void **state)
{
	const struct place *p = *state;
	char path[160], other[160];

	snprintf(path, sizeof(path), "%s/one.txt", p->dir);
	snprintf(other, sizeof(other), "%s/other", p->dir);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(copied(p, 6), -ELOOP);
}

static void test_signature_must_be_ours(void **state)
{
	const struct place *p = *state;
	const char *text = text_of("sealgate-manifest 1 machine 3", 6, "one.txt");

	sign(p, &p->foreign, text);
	assert_int_equal(opened(p), -EKEYREJECTED);
	sign(p, &p->ours, text);
	assert_int_equal(opened(p), 0);
}

static void test_every_changed_octet_is_refused(void **state)
{
	const struct place *p = *state;
	char text[1024];

	snprintf(text, sizeof(text), "%s",
		text_of("sealgate-manifest 1 machine 3", 6, "one.txt"));
	sign(p, &p->ours, text);
	for (size_t i = 0; i < strlen(text); i++) {
		text[i] ^= 1;
		write_file(p, "manifest", text, strlen(text));
		assert_int_equal(opened(p), -EKEYREJECTED);
		text[i] ^= 1;
	}
	write_file(p, "manifest", text, strlen(text));
	assert_int_equal(opened(p), 0);
}

static void test_head_is_of_the_kind(void **state)
{
	static const char *const heads[] = { "", "sealgate-manifest 1 update 3",
		"sealgate-manifest 2 machine 3", "sealgate-manifest 1 machine ",
		"sealgate-manifest 1 machine 3a", "sealgate-manifest 1 machine -3" };
	const struct place *p = *state;

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		sign(p, &p->ours, text_of(heads[i], 6, "one.txt"));
		assert_int_equal(opened(p), -EINVAL);
	}
}

static void test_paths_stay_inside(void **state)
{
	static const char *const paths[] = { "/etc/passwd", "../one.txt", "a/../one.txt",
		".hidden", "a/.hidden", "a//b", "a/", "a b", "a\tb", "", "a\\b", "$(x)" };
	const struct place *p = *state;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		sign(p, &p->ours, text_of("sealgate-manifest 1 machine 3", 6, paths[i]));
		assert_int_equal(opened(p), -EINVAL);
	}
	sign(p, &p->ours, text_of("sealgate-manifest 1 machine 3", -1, "one.txt"));
	assert_int_equal(opened(p), -EINVAL);
}

static void test_missing_parts_are_refused(void **state)
{
	const struct place *p = *state;
	char path[160];

	assert_int_equal(opened(p), -ENOENT);
	sign(p, &p->ours, text_of("sealgate-manifest 1 machine 3", 6, "one.txt"));
	snprintf(path, sizeof(path), "%s/manifest.p7s", p->dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(opened(p), -ENOENT);
	write_file(p, "manifest.p7s", "", 0);
	assert_int_equal(opened(p), -EKEYREJECTED);
}

/* What an operator asks before anything is written to a disk. */
static void test_a_release_is_proven_where_it_has_come_to(void **state)
{
	static const char *const kinds[] = { "release", "update" };
	const struct place *p = *state;

	for (size_t i = 0; i < 2; i++) {
		char head[64];

		snprintf(head, sizeof(head), "sealgate-manifest 1 %s 0.1.0", kinds[i]);
		write_file(p, "one.txt", "octets", 6);
		sign(p, &p->ours, text_of(head, 6, "one.txt"));
		assert_int_equal(appliance_verify(p->dir, p->anchor), 0);
		write_file(p, "one.txt", "Octets", 6);
		assert_int_equal(appliance_verify(p->dir, p->anchor), -EBADMSG);
		sign(p, &p->foreign, text_of(head, 6, "one.txt"));
		assert_int_equal(appliance_verify(p->dir, p->anchor), -EKEYREJECTED);
	}
	sign(p, &p->ours, text_of("sealgate-manifest 1 release 0.1.0", 6, "two.txt"));
	assert_int_equal(appliance_verify(p->dir, p->anchor), -EBADMSG);
	sign(p, &p->ours, text_of("sealgate-manifest 1 machine 3", 6, "one.txt"));
	assert_int_equal(appliance_verify(p->dir, p->anchor), -EINVAL);
}

static void serials_go_up_by_number(void **state)
{
	static const char *const UP[] = { "", "0.9", "0.10", "1.2.3", "1.2.3.4", "1.10",
		"20260101", "20260101000001", "99999999999999999999998.1",
		"99999999999999999999999" };
	enum { COUNT = sizeof(UP) / sizeof(UP[0]) };

	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		for (size_t k = 0; k < COUNT; k++) {
			int r = manifest_compare(UP[i], UP[k]);

			assert_true(i < k ? r < 0 : i > k ? r > 0 : r == 0);
		}
	assert_int_equal(manifest_compare("1", "1.0"), 0);
	assert_int_equal(manifest_compare("01.2", "1.02"), 0);
	assert_true(manifest_compare("1.2.", "1.2.1") < 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_proven_file_is_copied),
		TEST(test_moved_and_proven), TEST(test_what_is_read_is_what_was_signed),
		TEST(test_other_octets_are_not_copied), TEST(test_link_is_not_followed),
		TEST(test_signature_must_be_ours),
		TEST(test_every_changed_octet_is_refused), TEST(test_head_is_of_the_kind),
		TEST(test_paths_stay_inside), TEST(test_missing_parts_are_refused),
		TEST(test_a_release_is_proven_where_it_has_come_to),
		TEST(serials_go_up_by_number) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
