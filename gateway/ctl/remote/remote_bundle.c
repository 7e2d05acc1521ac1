/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/remote/remote_bundle.h"

#include "common/buf.h"
#include "common/durable.h"
#include "common/memfd.h"
#include "ctl/bundle/consent.h"
#include "ctl/bundle/policy_piece.h"
#include "ctl/command.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LIST_MAX 4096u

int plain_at(int argc, char *const *argv)
{
	for (int i = 2; i < argc; i++) {
		if (argv[i][0] != '-')
			return i;
		i += !strchr(argv[i], '=');
	}
	return 0;
}

int bundle_at(int argc, char *const *argv)
{
	if (argc < 3 || strcmp(argv[0], "policy") != 0)
		return 0;
	if (strcmp(argv[1], "activate") == 0)
		return argc == 3 ? 2 : 0;
	return strcmp(argv[1], "replay") == 0 ? plain_at(argc, argv) : 0;
}

/* What comes of BUNDLE.DIGEST16.p7s is called "bundle.DIGEST16.p7s" there. */
static int add(struct buf *list, const char *path, const char *rest)
{
	_cleanup_(freep) uint8_t *octets = NULL;
	char sha256[SHA256_TEXT_SIZE];
	size_t len;
	int r = file_read(path, BUNDLE_MAX, &octets, &len);

	if (r == 0)
		r = digest_sha256_text(span_of(octets, len), sha256);
	if (r < 0) {
		command_fault("%s: %s", path, strerror(-r));
		return r;
	}
	buf_addf(list, "%s %zu " BUNDLE_NAME "%s\n", sha256, len, rest);
	return list->error;
}

static int find_signatures(const char *bundle, glob_t *ret)
{
	_cleanup_buf_ struct buf pattern;

	buf_init(&pattern, 2 * PATH_MAX + 16);
	for (const char *p = bundle; *p; p++)
		buf_addf(&pattern, "%s%c", strchr("*?[\\", *p) ? "\\" : "", *p);
	buf_add_str(&pattern, ".????????????????.p7s");
	if (pattern.error)
		return pattern.error;
	return glob(pattern.data, 0, NULL, ret) == GLOB_NOSPACE ? -ENOMEM : 0;
}

static int send_list(struct sending *s, struct span list, char ret_name[PARCEL_NAME_SIZE])
{
	_cleanup_(closep) int fd = memfd_from("list", list);

	memcpy(ret_name, PARCEL_NAME, sizeof(PARCEL_NAME));
	if (fd < 0 || digest_sha256_text(list, ret_name + strlen(PARCEL_NAME)) < 0)
		return EXIT_INTERNAL;
	return parcel_send_fd(s, fd, REMOTE_LIST);
}

static int send_all(struct sending *s, const char *bundle, const glob_t *found,
	char ret_name[PARCEL_NAME_SIZE])
{
	_cleanup_buf_ struct buf list;
	size_t n = strlen(bundle);
	int status, r;

	buf_init(&list, LIST_MAX);
	buf_add_str(&list, BUNDLE_LIST_HEAD "\n");
	r = add(&list, bundle, "");
	for (size_t i = 0; r == 0 && i < found->gl_pathc && i < CONSENT_MAX; i++)
		r = add(&list, found->gl_pathv[i], found->gl_pathv[i] + n);
	if (r < 0)
		return EXIT_NOT_PASSED;
	status = send_list(s, buf_span(&list), ret_name);
	if (status == EXIT_CLEAN)
		status = parcel_send_path(s, bundle, BUNDLE_NAME);
	for (size_t i = 0; status == EXIT_CLEAN && i < found->gl_pathc && i < CONSENT_MAX;
		i++) {
		char name[64];

		(void)snprintf(
			name, sizeof(name), BUNDLE_NAME "%s", found->gl_pathv[i] + n);
		status = parcel_send_path(s, found->gl_pathv[i], name);
	}
	return status;
}

int bundle_send(
	const struct peer *peer, const char *bundle, char ret_name[PARCEL_NAME_SIZE])
{
	struct sending s = { peer, "policy", "piece", false, false, -1 };
	glob_t found = { 0 };
	int status = EXIT_INTERNAL;
	struct stat st;

	if (stat(bundle, &st) == 0 && S_ISDIR(st.st_mode)) {
		command_fault(
			"%s: a folder: a bundle of it is sent (policy build)", bundle);
		return EXIT_USAGE;
	}
	if (find_signatures(bundle, &found) == 0)
		status = send_all(&s, bundle, &found, ret_name);
	globfree(&found);
	return status;
}
