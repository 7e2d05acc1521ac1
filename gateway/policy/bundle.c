/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/bundle.h"

#include "common/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BLOCK 512u
#define HEAD "BUNDLE"
#define HEAD_TEXT "sealgate-policy 1\nversion %llu\n"

/* Offsets and sizes in a ustar header (POSIX.1-2017, pax). */
enum {
	NAME = 0,
	MODE = 100,
	UID = 108,
	GID = 116,
	SIZE = 124,
	TIME = 136,
	SUM = 148,
	TYPE = 156,
	MAGIC = 257,
	NAME_SIZE = 100
};

static int fail(char **ret_error, int error, const char *path, const char *what)
{
	if (!*ret_error && asprintf(ret_error, "%s: %s", path, what) < 0)
		*ret_error = NULL;
	return error;
}

/* Everything that could differ between two machines has one value. */
static void make_header(char block[BLOCK], const char *name, size_t size)
{
	unsigned int sum = 0;

	memset(block, 0, BLOCK);
	memcpy(block + NAME, name, strlen(name) + 1);
	memcpy(block + MODE, "0000644", 8);
	memcpy(block + UID, "0000000", 8);
	memcpy(block + GID, "0000000", 8);
	(void)snprintf(block + SIZE, 12, "%011zo", size);
	memcpy(block + TIME, "00000000000", 12);
	memset(block + SUM, ' ', 8);
	block[TYPE] = '0';
	memcpy(block + MAGIC, "ustar\00000", 9); /* the next field is empty */
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)block[i];
	(void)snprintf(block + SUM, 7, "%06o", sum);
}

static int write_file(struct buf *out, const char *name, struct span data)
{
	static const char ZEROS[BLOCK];
	char block[BLOCK];

	if (strlen(name) >= NAME_SIZE)
		return -EINVAL;
	make_header(block, name, data.len);
	buf_add(out, block, BLOCK);
	buf_add_span(out, data);
	return buf_add(out, ZEROS, (BLOCK - data.len % BLOCK) % BLOCK);
}

int bundle_write(const struct bundle *b, struct buf *out)
{
	static const char ZEROS[2 * BLOCK];
	char head[64];
	int r;

	(void)snprintf(head, sizeof(head), HEAD_TEXT, (unsigned long long)b->version);
	r = write_file(out, HEAD, span_str(head));
	for (size_t i = 0; r == 0 && i < b->count; i++)
		r = write_file(out, b->files[i].name, b->files[i].data);
	return r == 0 ? buf_add(out, ZEROS, sizeof(ZEROS)) : r;
}

/* Letters, digits, and . _ - @ between single slashes: nothing leads out, and every file
 * system can hold it. */
static bool plain(const char *name)
{
	static const char ALLOWED[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789._@-/";
	size_t n = strlen(name);

	return n > 0 && n < NAME_SIZE && strspn(name, ALLOWED) == n && name[0] != '/' &&
	       name[0] != '.' && name[n - 1] != '/' && !strstr(name, "//") &&
	       !strstr(name, "/.");
}

static int add_file(struct bundle *b, const char *name, struct span data)
{
	if (b->count == BUNDLE_FILES_MAX)
		return -E2BIG;
	if ((b->count & (b->count - 1)) == 0) {
		struct bundle_file *files = reallocarray(
			b->files, b->count ? b->count * 2 : 1, sizeof(*files));

		if (!files)
			return -ENOMEM;
		b->files = files;
	}
	b->files[b->count] = (struct bundle_file){ .name = strdup(name), .data = data };
	return b->files[b->count++].name ? 0 : -ENOMEM;
}

/* A number of octal digits; whether it was written as we write it is seen at the end. */
static size_t octal(const char *text, size_t len)
{
	size_t value = 0;

	for (size_t i = 0; i < len && text[i] >= '0' && text[i] <= '7'; i++)
		value = value * 8 + (size_t)(text[i] - '0');
	return value;
}

static int read_version(struct bundle *b, struct span head)
{
	unsigned long long version = 0;
	char text[64], again[64];

	if (head.len >= sizeof(text))
		return -EINVAL;
	memcpy(text, head.data, head.len);
	text[head.len] = '\0';
	if (strncmp(text, "sealgate-policy 1\nversion ", 26) == 0)
		version = strtoull(text + 26, NULL, 10);
	(void)snprintf(again, sizeof(again), HEAD_TEXT, version);
	if (strcmp(text, again) != 0)
		return -EINVAL;
	b->version = version;
	return 0;
}

static int read_files(struct bundle *b, size_t len)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && at + BLOCK <= len && b->octets[at] != '\0') {
		const char *header = (const char *)b->octets + at;
		size_t size = octal(header + SIZE, 11);
		char name[NAME_SIZE + 1] = "";

		memcpy(name, header, NAME_SIZE);
		at += BLOCK;
		if (!plain(name) || size > len - at)
			return -EINVAL;
		r = at == BLOCK ? read_version(b, span_of(b->octets + at, size))
				: add_file(b, name, span_of(b->octets + at, size));
		at += size + (BLOCK - size % BLOCK) % BLOCK;
		if (at > len)
			return -EINVAL;
	}
	return r == 0 && b->count == 0 ? -EINVAL : r;
}

/* The one form: written again, it is the same, and its names are in order. */
static int check_form(const struct bundle *b, size_t len)
{
	_cleanup_buf_ struct buf again;
	int r;

	buf_init(&again, BUNDLE_MAX);
	for (size_t i = 1; i < b->count; i++)
		if (strcmp(b->files[i - 1].name, b->files[i].name) >= 0)
			return -EINVAL;
	r = bundle_write(b, &again);
	if (r < 0)
		return r;
	return again.len == len && memcmp(again.data, b->octets, len) == 0 ? 0 : -EINVAL;
}

int bundle_read(uint8_t *octets, size_t len, struct bundle *ret_bundle, char **ret_error)
{
	struct bundle b = { .octets = octets };
	int r = read_files(&b, len);

	*ret_error = NULL;
	if (r == 0)
		r = check_form(&b, len);
	if (r < 0) {
		bundle_done(&b);
		return fail(ret_error, r, "bundle",
			"this is no policy bundle in its one form");
	}
	*ret_bundle = b;
	return 0;
}

int bundle_open(const char *path, struct bundle *ret_bundle, char **ret_error)
{
	uint8_t *octets;
	struct stat st;
	size_t len;
	int r;

	*ret_error = NULL;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return bundle_of_folder(path, 0, ret_bundle, ret_error);
	r = file_read(path, BUNDLE_MAX, &octets, &len);
	if (r < 0)
		return fail(ret_error, r, path, strerror(-r));
	r = bundle_read(octets, len, ret_bundle, ret_error);
	return r;
}

void bundle_done(struct bundle *b)
{
	for (size_t i = 0; i < b->count; i++)
		free(b->files[i].name);
	free(b->files);
	free(b->octets);
	*b = (struct bundle){ 0 };
}

static int make_folders(const char *folder, const char *name)
{
	char path[PATH_MAX];
	size_t n = (size_t)snprintf(path, sizeof(path), "%s/", folder);

	for (const char *slash = strchr(name, '/'); slash;
		slash = strchr(slash + 1, '/')) {
		if (n + (size_t)(slash - name) >= sizeof(path))
			return -ENAMETOOLONG;
		memcpy(path + n, name, (size_t)(slash - name));
		path[n + (size_t)(slash - name)] = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

int bundle_extract(const struct bundle *b, const char *folder)
{
	int r = mkdir(folder, 0755) < 0 ? -errno : 0;

	for (size_t i = 0; r == 0 && i < b->count; i++) {
		char path[PATH_MAX];

		if (snprintf(path, sizeof(path), "%s/%s", folder, b->files[i].name) >=
			(int)sizeof(path))
			return -ENAMETOOLONG;
		r = make_folders(folder, b->files[i].name);
		if (r == 0)
			r = durable_write(path, b->files[i].data, 0644);
	}
	return r;
}
