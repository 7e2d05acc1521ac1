/* SPDX-License-Identifier: EUPL-1.2 */
/* A signed folder in pieces: nothing is taken before its list is proven, nothing that is
 * not on it, nothing larger, and what is whole is what was signed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/digest.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/parcel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "signed_folder.h"

static char FOLDER[] = "/tmp/sealgate-parcel-XXXXXX";
static char ANCHORS[64];
static struct place SOURCE;
static struct parcel PARCEL;
static char *ERROR;
static bool WHOLE; /* as the last piece said */

static void write_anchor(const char *name, const X509 *certificate)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", ANCHORS, name);
	f = fopen(path, "w");
	assert_true(PEM_write_X509(f, certificate) == 1);
	fclose(f);
}

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(FOLDER));
	snprintf(ANCHORS, sizeof(ANCHORS), "%s/anchors", FOLDER);
	snprintf(SOURCE.dir, sizeof(SOURCE.dir), "%s/source", FOLDER);
	snprintf(PARCEL.dir, sizeof(PARCEL.dir), "%s/parcel", FOLDER);
	assert_int_equal(mkdir(ANCHORS, 0700) | mkdir(SOURCE.dir, 0700), 0);
	PARCEL.anchors = ANCHORS;
	SOURCE.ours = make_signer("ours");
	SOURCE.foreign = make_signer("foreign");
	write_anchor("release.pem", SOURCE.ours.certificate);
	write_anchor("machine.pem", SOURCE.foreign.certificate);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(ERROR);
	EVP_PKEY_free(SOURCE.ours.key);
	EVP_PKEY_free(SOURCE.foreign.key);
	X509_free(SOURCE.ours.certificate);
	X509_free(SOURCE.foreign.certificate);
	return appliance_remove(FOLDER);
}

static int put(const char *name, long long offset, const char *octets, long long *have)
{
	free(ERROR);
	return parcel_put(&PARCEL, name, offset, span_str(octets), have, &WHOLE, &ERROR);
}

static int check(const char *kind, const char *sha256)
{
	free(ERROR);
	return parcel_check(&PARCEL, kind, sha256, &ERROR);
}

/* Sign a list and send it. Return: as parcel_put of the signature. */
static int announce_text(const struct signer *signer, const char *text)
{
	char path[128];
	uint8_t *signature = NULL;
	size_t len = 0;
	long long have;
	int r;

	sign(&SOURCE, signer, text);
	assert_int_equal(put("manifest", 0, text, &have), 0);
	assert_int_equal(have, strlen(text));
	snprintf(path, sizeof(path), "%s/manifest.p7s", SOURCE.dir);
	assert_int_equal(file_read(path, 65536, &signature, &len), 0);
	free(ERROR);
	r = parcel_put(&PARCEL, "manifest.p7s", 0, span_of(signature, len), &have, &WHOLE,
		&ERROR);
	free(signature);
	return r;
}

/* The same of a list of two files. */
static int announce(const struct signer *signer, const char *head, const char *second)
{
	char text[512], one[SHA256_TEXT_SIZE], none[SHA256_TEXT_SIZE];

	assert_int_equal(digest_sha256_text(span_str("octets"), one), 0);
	assert_int_equal(digest_sha256_text(span_str(""), none), 0);
	snprintf(text, sizeof(text), "%s\n%s 6 one.txt\n%s 0 %s\n", head, one, none,
		second);
	return announce_text(signer, text);
}

#define UPDATE "sealgate-manifest 1 update 1.2.3"
#define MACHINE "sealgate-manifest 1 machine 7"

static const char *digest(void)
{
	static char sha256[SHA256_TEXT_SIZE];

	assert_int_equal(parcel_digest(SOURCE.dir, sha256), 0);
	return sha256;
}

static int run(long long at, const char *octets, long long *next)
{
	free(ERROR);
	return parcel_put_run(
		&PARCEL, digest(), at, span_str(octets), next, &WHOLE, &ERROR);
}

static void pieces_become_what_was_signed(void **state)
{
	long long have;

	(void)state;
	assert_int_equal(announce(&SOURCE.ours, UPDATE, "a/b/none"), 0);
	assert_int_equal(check("update", digest()), -ENOENT);
	assert_int_equal(put("one.txt", 0, "oct", &have), 0);
	assert_int_equal(have, 3);
	/* What is here already, or not yet, is said and left alone. */
	assert_int_equal(put("one.txt", 0, "oct", &have), 0);
	assert_int_equal(put("one.txt", 5, "s", &have), 0);
	assert_int_equal(have, 3);
	/* The same manifest again begins nothing anew. */
	assert_int_equal(announce(&SOURCE.ours, UPDATE, "a/b/none"), 0);
	assert_false(WHOLE);
	assert_int_equal(put("a/b/none", 0, "", &have), 0);
	assert_false(WHOLE);
	assert_int_equal(put("one.txt", 3, "ets", &have), 0);
	assert_int_equal(have, 6);
	assert_true(WHOLE);
	/* Who brings the same is told at once that nothing is left to bring. */
	assert_int_equal(announce(&SOURCE.ours, UPDATE, "a/b/none"), 0);
	assert_true(WHOLE);
	assert_int_equal(check("update", digest()), 0);
	assert_int_equal(check("machine", digest()), -EINVAL);
	assert_int_equal(check("update", "0"), -ESTALE);
}

/* Two who wrote at once left more than was signed: it is begun anew. */
static void what_became_too_long_is_begun_anew(void **state)
{
	char path[128];
	long long have;
	FILE *f;

	(void)state;
	assert_int_equal(announce(&SOURCE.ours, UPDATE, "none"), 0);
	snprintf(path, sizeof(path), "%s/parcel/one.txt", FOLDER);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs("octoctets", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(put("one.txt", 3, "ets", &have), 0);
	assert_int_equal(have, 0);
	assert_int_equal(put("one.txt", 0, "octets", &have), 0);
	assert_int_equal(have, 6);
}

static void wake(int number)
{
	(void)number;
}

/* Between two pieces nobody else writes: who waits for that is woken here. */
static void one_sender_at_a_time(void **state)
{
	const struct itimerval soon = { .it_interval = { 0, 20000 },
		.it_value = { 0, 20000 } };
	const struct itimerval never = { 0 };
	struct sigaction action = { .sa_handler = wake }, before;
	int fd = open(FOLDER, O_RDONLY | O_DIRECTORY);
	long long have;

	(void)state;
	assert_int_equal(announce(&SOURCE.ours, UPDATE, "none"), 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(put("one.txt", 0, "octets", &have), -EINTR);
	assert_int_equal(run(0, "octets", &have), -EINTR);
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(put("one.txt", 0, "octets", &have), 0);
}

static void nothing_is_taken_before_the_list_is_proven(void **state)
{
	long long have;

	(void)state;
	assert_int_equal(appliance_remove(PARCEL.dir), 0);
	assert_true(announce(&SOURCE.foreign, UPDATE, "none") < 0);
	assert_int_equal(access(PARCEL.dir, F_OK), -1);
	assert_int_equal(put("one.txt", 0, "octets", &have), -ENOENT);
	assert_int_equal(access(PARCEL.dir, F_OK), -1);
	/* Who may sign configurations may not sign updates, nor the other way round. */
	assert_true(announce(&SOURCE.ours, MACHINE, "none") < 0);
	assert_int_equal(announce(&SOURCE.foreign, MACHINE, "none"), 0);
	assert_int_equal(put("one.txt", 0, "octets", &have), 0);
	/* Another list: what came before is gone. */
	assert_int_equal(announce(&SOURCE.ours, UPDATE, "none"), 0);
	assert_int_equal(check("update", digest()), -ENOENT);
}

/* Whoever may send, and cannot sign, undoes nothing of what came. */
static void what_is_not_proven_undoes_nothing(void **state)
{
	char sha256[SHA256_TEXT_SIZE];
	long long have;

	(void)state;
	assert_int_equal(announce(&SOURCE.ours, UPDATE, "none"), 0);
	assert_int_equal(put("one.txt", 0, "octets", &have), 0);
	assert_int_equal(put("none", 0, "", &have), 0);
	snprintf(sha256, sizeof(sha256), "%s", digest());
	assert_int_equal(put("manifest", 0, "junk", &have), 0);
	assert_int_equal(check("update", sha256), 0);
	assert_true(put("manifest.p7s", 0, "junk", &have) < 0);
	assert_int_equal(check("update", sha256), 0);
	assert_true(announce(&SOURCE.foreign, UPDATE, "another") < 0);
	assert_int_equal(check("update", sha256), 0);
	/* Nor does a wrong signature for the same list, or none that is expected. */
	assert_true(announce(&SOURCE.foreign, UPDATE, "none") < 0);
	assert_int_equal(check("update", sha256), 0);
	assert_int_equal(announce(&SOURCE.ours, UPDATE, "none"), 0);
	assert_true(put("manifest.p7s", 0, "junk", &have) < 0);
	assert_int_equal(check("update", sha256), 0);
}

/* A signature that is none does not cost the manifest that waits for its own. */
static void the_manifest_waits_for_its_signature(void **state)
{
	uint8_t *signature = NULL;
	char text[256], path[128];
	long long have;
	size_t len = 0;

	(void)state;
	snprintf(text, sizeof(text), UPDATE "\n%064d 6 waits\n", 0);
	sign(&SOURCE, &SOURCE.ours, text);
	assert_int_equal(put("manifest", 0, text, &have), 0);
	assert_true(put("manifest.p7s", 0, "junk", &have) < 0);
	snprintf(path, sizeof(path), "%s/manifest.p7s", SOURCE.dir);
	assert_int_equal(file_read(path, 65536, &signature, &len), 0);
	free(ERROR);
	assert_int_equal(parcel_put(&PARCEL, "manifest.p7s", 0, span_of(signature, len),
				 &have, &WHOLE, &ERROR),
		0);
	free(signature);
	assert_int_equal(check("update", digest()), -ENOENT);
}

/* Of six, no, six and no octets. */
static void announce_four(void)
{
	char text[1024], six[SHA256_TEXT_SIZE], none[SHA256_TEXT_SIZE];

	assert_int_equal(parcel_discard(&PARCEL), 0);
	assert_int_equal(digest_sha256_text(span_str("octets"), six), 0);
	assert_int_equal(digest_sha256_text(span_str(""), none), 0);
	snprintf(text, sizeof(text), MACHINE "\n%s 6 a\n%s 0 b/none\n%s 6 c\n%s 0 d\n",
		six, none, six, none);
	assert_int_equal(announce_text(&SOURCE.foreign, text), 0);
	assert_false(WHOLE);
}

static void a_run_has_the_files_one_behind_the_other(void **state)
{
	long long next;

	(void)state;
	announce_four();
	assert_int_equal(run(0, "", &next), 0);
	assert_int_equal(next, 0);
	assert_int_equal(run(0, "oct", &next), 0);
	assert_int_equal(next, 3);
	/* What is here already, or not yet, is said and left alone. */
	assert_int_equal(run(0, "octe", &next), 0);
	assert_int_equal(next, 3);
	assert_int_equal(run(4, "ts", &next), 0);
	assert_int_equal(next, 3);
	assert_int_equal(run(3, "etsoct", &next), 0);
	assert_int_equal(next, 9);
	/* A file by its name, as one sends that knows no runs. */
	assert_int_equal(put("c", 3, "ets", &next), 0);
	assert_false(WHOLE);
	assert_int_equal(run(12, "", &next), 0);
	assert_int_equal(next, 12);
	assert_true(WHOLE);
	assert_int_equal(check("machine", digest()), 0);
	/* Once more, by another one: it is passed over. */
	assert_int_equal(run(0, "OCTETSOCTETS", &next), 0);
	assert_int_equal(next, 12);
	assert_true(WHOLE);
	announce_four();
	assert_int_equal(run(0, "octetsoctets", &next), 0);
	assert_true(WHOLE);
	assert_int_equal(check("machine", digest()), 0);
}

static void each_file_of_a_run_is_proven(void **state)
{
	char path[128];
	long long next;
	FILE *f;

	(void)state;
	announce_four();
	assert_int_equal(run(0, "octetsOCTETS", &next), -EBADMSG);
	assert_string_equal(ERROR, "c: is not what was signed");
	assert_false(WHOLE);
	assert_int_equal(run(0, "", &next), 0);
	assert_int_equal(next, 6);
	assert_int_equal(run(6, "octets", &next), 0);
	assert_true(WHOLE);
	/* more than was signed, of an earlier version */
	snprintf(path, sizeof(path), "%s/parcel/c", FOLDER);
	f = fopen(path, "a");
	assert_non_null(f);
	assert_true(fputs("octets", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(run(0, "", &next), 0);
	assert_int_equal(next, 6);
	assert_false(WHOLE);
	assert_int_equal(run(6, "octets", &next), 0);
	assert_true(WHOLE);
	assert_int_equal(check("machine", digest()), 0);
}

static void a_run_is_within_the_list_that_is_here(void **state)
{
	const struct {
		long long at;
		const char *octets;
	} outside[] = { { -1, "" }, { 0, "octetsoctets." }, { 12, "." }, { 13, "" },
		{ 7, "octets" }, { INT64_MAX, "octets" }, { INT64_MIN, "octets" } };
	long long next;

	(void)state;
	announce_four();
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		assert_int_equal(run(outside[i].at, outside[i].octets, &next), -EFBIG);
		assert_false(WHOLE);
	}
	assert_int_equal(run(0, "", &next), 0);
	assert_int_equal(next, 0);
	free(ERROR);
	assert_int_equal(parcel_put_run(&PARCEL, "0", 0, span_str("octets"), &next,
				 &WHOLE, &ERROR),
		-ESTALE);
	assert_int_equal(run(0, "", &next), 0);
	assert_int_equal(next, 0);
	assert_int_equal(parcel_discard(&PARCEL), 0);
	assert_int_equal(run(0, "octets", &next), -ENOENT);
	assert_int_equal(access(PARCEL.dir, F_OK), -1);
}

/* Whoever signs may err: a list that has itself among its files stays what it is. */
static void no_run_reaches_the_list(void **state)
{
	char text[512], six[SHA256_TEXT_SIZE];
	long long next;

	(void)state;
	assert_int_equal(parcel_discard(&PARCEL), 0);
	assert_int_equal(digest_sha256_text(span_str("octets"), six), 0);
	snprintf(text, sizeof(text), MACHINE "\n%s 6 a\n%s 600 manifest\n", six, six);
	assert_int_equal(announce_text(&SOURCE.foreign, text), 0);
	assert_int_equal(run(0, "octetsoctets", &next), -EPERM);
	assert_int_equal(check("machine", digest()), -ENOENT);
	assert_string_equal(ERROR, "manifest: has not come yet");
}

static void nothing_but_what_is_listed(void **state)
{
	long long have;

	(void)state;
	assert_int_equal(announce(&SOURCE.ours, UPDATE, "manifest"), 0);
	assert_int_equal(put("two.txt", 0, "octets", &have), -EPERM);
	assert_int_equal(put("../one.txt", 0, "octets", &have), -EPERM);
	assert_int_equal(put("one.txt", 0, "octets and more", &have), -EFBIG);
	assert_int_equal(put("one.txt", 0, "OCTETS", &have), -EBADMSG);
	assert_int_equal(put("one.txt", 0, "octets", &have), 0);
	assert_int_equal(put("manifest", 1, "x", &have), -EFBIG);
}

/* Whoever may send gets no older list between another one and its taking. */
static void nothing_older_takes_its_place(void **state)
{
	char sha256[SHA256_TEXT_SIZE];
	long long have;

	(void)state;
	assert_int_equal(
		announce(&SOURCE.ours, "sealgate-manifest 1 update 1.10", "new"), 0);
	assert_int_equal(put("one.txt", 0, "octets", &have), 0);
	assert_int_equal(put("new", 0, "", &have), 0);
	snprintf(sha256, sizeof(sha256), "%s", digest());
	assert_int_equal(
		announce(&SOURCE.ours, "sealgate-manifest 1 update 1.9.7", "old"),
		-ESTALE);
	assert_string_equal(ERROR, "1.9.7: is older than 1.10, which waits");
	assert_int_equal(check("update", sha256), 0);
	/* A newer one does, and an older one once two people have given up what waits. */
	assert_int_equal(
		announce(&SOURCE.ours, "sealgate-manifest 1 update 1.10.1", "newer"), 0);
	assert_int_equal(check("update", sha256), -ESTALE);
	assert_int_equal(parcel_discard(&PARCEL), 0);
	assert_int_equal(access(PARCEL.dir, F_OK), -1);
	assert_int_equal(announce(&SOURCE.ours, UPDATE, "old"), 0);
	/* The other kind counts for itself. */
	assert_int_equal(announce(&SOURCE.foreign, MACHINE, "none"), 0);
	assert_int_equal(
		announce(&SOURCE.foreign, "sealgate-manifest 1 machine 6", "none"),
		-ESTALE);
	assert_int_equal(announce(&SOURCE.ours, UPDATE, "none"), 0);
}

/* A configuration that nobody takes does not lie there for ever. */
static void what_is_old_is_given_up(void **state)
{
	char path[PATH_MAX + 16];
	struct stat st;

	(void)state;
	assert_int_equal(parcel_discard(&PARCEL), 0);
	assert_int_equal(parcel_discard_old(&PARCEL, INT64_MAX, 60), 0);
	assert_int_equal(announce(&SOURCE.foreign, MACHINE, "none"), 0);
	snprintf(path, sizeof(path), "%s/manifest", PARCEL.dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(parcel_discard_old(&PARCEL, st.st_mtime + 59, 60), 0);
	assert_int_equal(parcel_discard_old(&PARCEL, st.st_mtime - 3600, 60), 0);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(parcel_discard_old(&PARCEL, st.st_mtime + 60, 60), 1);
	assert_int_equal(access(PARCEL.dir, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_become_what_was_signed),
		cmocka_unit_test(what_became_too_long_is_begun_anew),
		cmocka_unit_test(one_sender_at_a_time),
		cmocka_unit_test(nothing_is_taken_before_the_list_is_proven),
		cmocka_unit_test(what_is_not_proven_undoes_nothing),
		cmocka_unit_test(the_manifest_waits_for_its_signature),
		cmocka_unit_test(nothing_but_what_is_listed),
		cmocka_unit_test(a_run_has_the_files_one_behind_the_other),
		cmocka_unit_test(each_file_of_a_run_is_proven),
		cmocka_unit_test(a_run_is_within_the_list_that_is_here),
		cmocka_unit_test(no_run_reaches_the_list),
		cmocka_unit_test(nothing_older_takes_its_place),
		cmocka_unit_test(what_is_old_is_given_up),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
