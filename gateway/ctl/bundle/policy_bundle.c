/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate policy build, diff, sign and approve: a policy as one file that two people
 * stand for.
 */
#include "ctl/bundle/consent.h"
#include "ctl/bundle/policy.h"
#include "ctl/bundle/policy_check.h"
#include "ctl/command.h"
#include "policy/bundle.h"

#include "common/digest.h"
#include "common/durable.h"

#include <errno.h>
#include <string.h>

#define VERSION_TOP 1000000000ull

struct options {
	const char *policies, *output, *key, *certificate, *instance;
	uint64_t version;
};

static int read_version(const char *text, uint64_t *ret)
{
	char *end;

	*ret = strtoull(text, &end, 10);
	return *text >= '1' && *text <= '9' && !*end && *ret < VERSION_TOP
		       ? 0
		       : command_fault("--version is a number from 1: %s", text);
}

static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option OPTIONS[] = {
		{ "policies", required_argument, NULL, 'p' },
		{ "version", required_argument, NULL, 'v' },
		{ "key", required_argument, NULL, 'k' },
		{ "cert", required_argument, NULL, 'c' },
		{ 0 },
	};
	int c;

	while ((c = command_option(argc, argv, "o:", OPTIONS)) != -1) {
		if (c == 'p')
			o->policies = optarg;
		else if (c == 'o')
			o->output = optarg;
		else if (c == 'k')
			o->key = optarg;
		else if (c == 'c')
			o->certificate = optarg;
		else if (c != 'v' || read_version(optarg, &o->version) < 0)
			return -EINVAL;
	}
	return 0;
}

static int said(int r, char *error)
{
	if (r < 0)
		fprintf(stderr, "sealgate policy: %s\n", error ? error : strerror(-r));
	free(error);
	return r;
}

static int write_bundle(const struct bundle *b, const char *path)
{
	_cleanup_buf_ struct buf archive;
	char digest[SHA256_TEXT_SIZE];
	int r;

	buf_init(&archive, BUNDLE_MAX);
	r = bundle_write(b, &archive);
	if (r == 0)
		r = digest_sha256_text(buf_span(&archive), digest);
	if (r == 0)
		r = durable_write(path, buf_span(&archive), 0644);
	if (r == 0)
		printf("%s: version %llu, %zu files, sha256 %s\n", path,
			(unsigned long long)b->version, b->count, digest);
	return r;
}

int policy_build(int argc, char **argv)
{
	struct options o = { 0 };
	struct policy_checked checked;
	_cleanup_bundle_ struct bundle b = { 0 };
	char path[PATH_MAX], *error = NULL;
	int r;

	if (read_options(argc, argv, &o) < 0 ||
		command_arguments(argc, argv, 0, 0, "") < 0 ||
		policy_folder(o.policies, path) < 0)
		return command_usage("policy");
	if (!o.output || o.version == 0) {
		command_fault("-o and --version are needed");
		return command_usage("policy");
	}
	r = policy_check_test(path, stderr, &checked);
	if (r < 0)
		return EXIT_INTERNAL;
	if (checked.faults)
		return EXIT_NOT_PASSED;
	r = bundle_of_folder(path, o.version, &b, &error);
	if (said(r, error) < 0)
		return EXIT_NOT_PASSED;
	printf("policy digest %s\n", checked.digest);
	return said(write_bundle(&b, o.output), NULL) < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
}

static bool same(const struct bundle_file *a, const struct bundle_file *b)
{
	return a->data.len == b->data.len &&
	       memcmp(a->data.data, b->data.data, a->data.len) == 0;
}

/* Both lists are sorted. Return: how many files differ. */
static size_t compare(const struct bundle *a, const struct bundle *b)
{
	size_t i = 0, k = 0, n = 0;

	while (i < a->count || k < b->count) {
		int order = i == a->count   ? 1
			    : k == b->count ? -1
					    : strcmp(a->files[i].name, b->files[k].name);

		if (order != 0 || !same(&a->files[i], &b->files[k])) {
			printf("%c %s\n",
				order < 0   ? '-'
				: order > 0 ? '+'
					    : '~',
				order > 0 ? b->files[k].name : a->files[i].name);
			n++;
		}
		i += order <= 0;
		k += order >= 0;
	}
	return n;
}

int policy_diff(int argc, char **argv)
{
	_cleanup_bundle_ struct bundle a = { 0 }, b = { 0 };
	struct options o = { 0 };
	char *error = NULL;
	int r;

	if (read_options(argc, argv, &o) < 0 ||
		command_arguments(argc, argv, 2, 2, "the two to compare") < 0)
		return command_usage("policy");
	r = bundle_open(argv[optind], &a, &error);
	if (r == 0)
		r = bundle_open(argv[optind + 1], &b, &error);
	if (said(r, error) < 0)
		return EXIT_INTERNAL;
	return compare(&a, &b) ? EXIT_NOT_PASSED : EXIT_CLEAN;
}

/* The octets of an archive that is one. Return: 0 or negative after a complaint. */
static int read_archive(const char *path, uint8_t **ret_octets, size_t *ret_len)
{
	_cleanup_bundle_ struct bundle b = { 0 };
	char *error = NULL;
	int r = bundle_open(path, &b, &error);

	if (r == 0 && b.version == 0) {
		r = -EINVAL;
		if (asprintf(&error, "%s: this is a folder: build it first", path) < 0)
			error = NULL;
	}
	if (said(r, error) < 0)
		return r;
	return said(file_read(path, BUNDLE_MAX, ret_octets, ret_len), NULL);
}

static int sign(int argc, char **argv, const char **ret_bundle, struct options *o)
{
	_cleanup_(freep) uint8_t *octets = NULL;
	size_t len;

	*ret_bundle = argv[optind];
	if (read_archive(*ret_bundle, &octets, &len) < 0)
		return EXIT_NOT_PASSED;
	(void)argc;
	return consent_sign(*ret_bundle, span_of(octets, len), o->key, o->certificate) < 0
		       ? EXIT_NOT_PASSED
		       : EXIT_CLEAN;
}

static int sign_options(int argc, char **argv, struct options *o)
{
	if (read_options(argc, argv, o) < 0 ||
		command_arguments(argc, argv, 1, 1, "BUNDLE") < 0)
		return -EINVAL;
	return o->key && o->certificate ? 0
					: command_fault("--key and --cert are needed");
}

int policy_sign(int argc, char **argv)
{
	struct options o = { 0 };
	const char *bundle;

	if (sign_options(argc, argv, &o) < 0)
		return command_usage("policy");
	return sign(argc, argv, &bundle, &o);
}

/* How many officers of the policy in force stand for a bundle, or negative. */
static int consents(const char *bundle, const char *policies)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(freep) uint8_t *octets = NULL;
	struct consent c = { 0 };
	char *error = NULL;
	size_t len;
	int r = said(policy_load(policies, &policy, &error), error);

	if (r == 0)
		r = read_archive(bundle, &octets, &len);
	if (r == 0)
		r = consent_read(bundle, span_of(octets, len), policy, &c);
	return r < 0 ? r : (int)c.count;
}

int policy_approve(int argc, char **argv)
{
	struct options o = { 0 };
	const char *bundle;
	char path[PATH_MAX];
	int before, status;

	if (sign_options(argc, argv, &o) < 0 || policy_folder(o.policies, path) < 0)
		return command_usage("policy");
	before = consents(argv[optind], path);
	if (before < 1) {
		fputs("sealgate policy: nobody has signed yet who may: sign comes "
		      "first\n",
			stderr);
		return EXIT_NOT_PASSED;
	}
	status = sign(argc, argv, &bundle, &o);
	if (status == EXIT_CLEAN && consents(bundle, path) <= before) {
		fputs("sealgate policy: that does not count as a second person's "
		      "consent\n",
			stderr);
		return EXIT_NOT_PASSED;
	}
	return status;
}
