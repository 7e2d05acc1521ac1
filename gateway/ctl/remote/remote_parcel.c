/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/remote/remote_parcel.h"

#include "common/durable.h"
#include "ctl/command.h"
#include "ctl/remote/remote_files.h"
#include "ctl/remote/remote_piece.h"
#include "web/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANIFEST_MAX (512u * 1024)
#define UNASKED_MAX (256LL * 1024) /* what is longer may be there: it is asked first */

bool parcel_wanted(int argc, char *const *argv)
{
	return argc == 3 && strcmp(argv[0], "appliance") == 0 &&
	       (strcmp(argv[1], "update") == 0 || strcmp(argv[1], "apply") == 0);
}

/* The gate says how much of it is there; what it has is not sent again. */
static int send_pieces(
	struct sending *s, const char *name, int fd, long long size, uint8_t *piece)
{
	long long have = 0;
	bool asked = size <= UNASKED_MAX;

	for (;;) {
		ssize_t n = asked ? pread(fd, piece, piece_most(s), have) : 0;
		long long before = have;
		int status = n < 0 ? EXIT_INTERNAL
				   : piece_send(s, name, before,
					     span_of(piece, (size_t)n), &have);

		if (status != EXIT_CLEAN || have == size)
			return status;
		if ((asked && have <= before) || have > size) {
			command_fault("%s: the gate takes no more of it", name);
			return EXIT_INTERNAL;
		}
		asked = true;
	}
}

int parcel_send_fd(struct sending *s, int fd, const char *name)
{
	_cleanup_(freep) uint8_t *piece = malloc(REMOTE_PIECE_MAX);
	struct stat st;

	if (!piece || fstat(fd, &st) < 0)
		return EXIT_INTERNAL;
	return send_pieces(s, name, fd, st.st_size, piece);
}

int parcel_send_path(struct sending *s, const char *path, const char *name)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		command_fault("%s: %s", path, strerror(errno));
		return EXIT_NOT_PASSED;
	}
	return parcel_send_fd(s, fd, name);
}

static int send_file(struct sending *s, const char *dir, const char *name)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	return n < 0 || n >= PATH_MAX ? EXIT_INTERNAL : parcel_send_path(s, path, name);
}

int parcel_send(const struct peer *peer, const char *dir, char ret_name[PARCEL_NAME_SIZE])
{
	struct sending s = { peer, "appliance", "parcel", false, false, -1 };
	_cleanup_(freep) uint8_t *manifest = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int status, n = snprintf(path, sizeof(path), "%s/manifest", dir);
	int r = n < 0 || n >= PATH_MAX ? -ENAMETOOLONG
				       : file_read(path, MANIFEST_MAX, &manifest, &len);

	memcpy(ret_name, PARCEL_NAME, sizeof(PARCEL_NAME));
	if (r == 0)
		r = digest_sha256_text(
			span_of(manifest, len), ret_name + strlen(PARCEL_NAME));
	if (r < 0) {
		command_fault("%s: %s", path, strerror(-r));
		return EXIT_NOT_PASSED;
	}
	status = send_file(&s, dir, "manifest");
	if (status == EXIT_CLEAN)
		status = send_file(&s, dir, "manifest.p7s");
	/* The second person's is there already. */
	return status == EXIT_CLEAN && !s.whole
		       ? files_send(&s, dir, (char *)manifest, ret_name)
		       : status;
}
