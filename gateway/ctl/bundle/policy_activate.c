/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate policy activate and rollback: put a bundle in force that two policy officers
 * of the policy in force stand for, or the one that was before it.
 */
#include "ctl/bundle/policy.h"
#include "ctl/bundle/policy_force.h"
#include "ctl/bundle/policy_piece.h"
#include "ctl/command.h"

#include "common/durable.h"
#include "web/remote.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(const char *what)
{
	fprintf(stderr, "sealgate policy: %s; the policy in force stays\n", what);
	return -EINVAL;
}

static int open_bundle(const char *path, struct bundle *b)
{
	char *error = NULL;
	int r = bundle_open(path, b, &error);

	if (r < 0)
		(void)refuse(error ? error : strerror(-r));
	free(error);
	return r;
}

/* The two people, by the policy that is in force and not by the one that comes; it may be
 * broken elsewhere, which is what comes to be put right. */
static int find_consent(const struct force *f, const char *path, struct span octets,
	struct consent *ret_consent)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(freep) char *error = NULL;
	int r = policy_load_people(f->policies, &policy, &error);

	if (r < 0)
		return refuse(error ? error : "the policy in force cannot be read");
	r = consent_read(path, octets, policy, ret_consent);
	if (r < 0)
		return refuse(strerror(-r));
	if (ret_consent->count < CONSENT_NEEDED)
		return refuse("a bundle needs the signatures of two policy officers");
	return 0;
}

static int read_octets(const char *path, uint8_t **ret_octets, size_t *ret_len)
{
	struct stat st;
	int r;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return refuse("this is a folder: build, sign and approve a bundle");
	r = file_read(path, BUNDLE_MAX, ret_octets, ret_len);
	if (r < 0)
		return refuse(strerror(-r));
	return 0;
}

/* Read once; what one person alone sends is not even parsed. */
static int open_consented(const struct force *f, const char *path, struct bundle *b,
	struct consent *ret_consent)
{
	_cleanup_(freep) uint8_t *octets = NULL;
	_cleanup_(freep) char *error = NULL;
	size_t len = 0;
	int r = read_octets(path, &octets, &len);

	if (r == 0)
		r = find_consent(f, path, span_of(octets, len), ret_consent);
	if (r < 0)
		return r;
	r = bundle_read(TAKE(octets), len, b, &error);
	return r < 0 ? refuse(error ? error : strerror(-r)) : 0;
}

static int check_version(const struct force *f, const struct bundle *b)
{
	char path[PATH_MAX];

	if (b->version == 0)
		return refuse("the versions of bundles begin with 1");
	/* Also not one that was in force and was taken back. */
	if (b->version <= f->version ||
		(force_path(f, b->version, path) == 0 && access(path, F_OK) == 0))
		return refuse(
			"the version is not newer than every one that was in force");
	return 0;
}

/* Does the policy in force ask for what versions before this one do not know, and so
 * would let nobody in by? */
static bool is_news(const struct force *f)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(freep) char *error = NULL;

	return policy_load_people(f->policies, &policy, &error) == 0 &&
	       policy_review_seconds(policy) > 0;
}

/* Once, to whoever begins with it: a machine may return to its other slot by itself. */
static void tell_news(void)
{
	fputs("sealgate policy: it is in force; a version before this one does not know "
	      "release_review of operators.cfg and would refuse all of this policy: take "
	      "it "
	      "back (sealgate policy rollback) before you return to one\n",
		stderr);
}

static int activate(struct force *f, const char *path)
{
	_cleanup_bundle_ struct bundle b = { 0 };
	struct consent consent = { 0 };
	bool known = is_news(f);
	int r = open_consented(f, path, &b, &consent);

	if (r == 0)
		r = check_version(f, &b);
	if (r == 0)
		r = force_use(f, &b, path, &consent, "activate");
	if (r == 0 && !known && is_news(f))
		tell_news();
	return r;
}

/* What came from afar is called by its digest, and never by a path. */
static int activate_named(struct force *f, const char *name)
{
	char path[PATH_MAX];
	int r = policy_piece_take(f, name, path);

	if (r == 0)
		r = activate(f, path);
	policy_piece_done(f);
	return r;
}

int policy_activate(int argc, char **argv)
{
	_cleanup_force_ struct force f = { .lock = -1 };
	int r;

	static const struct option NONE[] = { { 0 } };

	if (command_option(argc, argv, "", NONE) != -1 ||
		command_arguments(argc, argv, 1, 1, "BUNDLE") < 0)
		return command_usage("policy");
	r = force_open(&f);
	if (r == 0)
		r = strncmp(argv[optind], REMOTE_NAME, strlen(REMOTE_NAME)) == 0
			    ? activate_named(&f, argv[optind])
			    : activate(&f, argv[optind]);
	return r < 0 ? EXIT_NOT_PASSED : EXIT_CLEAN;
}

/* The newest that was in force before this one. */
static int find_before(const struct force *f, char ret_path[PATH_MAX])
{
	for (uint64_t v = f->version; v-- > 0;)
		if (force_path(f, v, ret_path) == 0 && access(ret_path, F_OK) == 0)
			return 0;
	return refuse("nothing was in force before");
}

/* A stop may be in force although its number was never noted: it counts, too. */
static bool stopped_since(const struct force *f)
{
	for (uint64_t v = f->version; v == f->version || force_known(f, v); v++)
		if (force_is_stop(f, v))
			return true;
	return false;
}

/* It was in force here with two people's consent, or came with the instance: going back
 * to it needs none again. */
int policy_rollback(int argc, char **argv)
{
	_cleanup_force_ struct force f = { .lock = -1 };
	_cleanup_bundle_ struct bundle b = { 0 };
	const struct consent none = { 0 };
	char path[PATH_MAX];
	int r;

	static const struct option NONE[] = { { 0 } };

	if (command_option(argc, argv, "", NONE) != -1 ||
		command_arguments(argc, argv, 0, 0, "") < 0)
		return command_usage("policy");
	r = force_open(&f);
	if (r == 0 && stopped_since(&f))
		r = refuse(
			"somebody was stopped: a bundle that two people stand for opens "
			"again");
	if (r == 0)
		r = find_before(&f, path);
	if (r == 0)
		r = open_bundle(path, &b);
	if (r == 0)
		r = force_use(&f, &b, path, &none, "rollback");
	return r < 0 ? EXIT_NOT_PASSED : EXIT_CLEAN;
}
