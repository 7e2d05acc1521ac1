/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/code_index.h"

#include "common/digest.h"
#include "common/durable.h"
#include "document/code_list_model.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define TABLE ".csv"
#define INDEX ".index"
/* 0000-01-01 and 9999-12-31, what can be written as a day. */
#define DAY_FIRST (-719528)
#define DAY_LAST 2932896

static const char MAGIC[8] = "SGCODES\1";

/* The octets of the file are those of this structure and of the entries. */
struct head {
	char magic[sizeof(MAGIC)];
	uint32_t count, text_len;
	uint8_t table[SHA256_SIZE];
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "an index is little-endian");
_Static_assert(sizeof(struct head) == 48 && sizeof(struct code_entry) == 12,
	"the file has no padding");

static int fail(char **ret_error, const char *path, const char *what)
{
	if (asprintf(ret_error, "%s:0: %s", path, what) < 0)
		*ret_error = NULL;
	return -EINVAL;
}

int code_index_path(const char *table, char *ret_path, size_t size)
{
	size_t n = strlen(table), tail = strlen(TABLE);

	if (n <= tail || strcmp(table + n - tail, TABLE) != 0 ||
		snprintf(ret_path, size, "%.*s" INDEX, (int)(n - tail), table) >=
			(int)size)
		return -EINVAL;
	return 0;
}

static int digest_table(const char *table, uint8_t ret_digest[SHA256_SIZE])
{
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;
	int r = file_read(table, CODE_LIST_MAX, &data, &len);

	return r == 0 ? digest_sha256(span_of(data, len), ret_digest) : r;
}

static size_t text_size(const struct code_list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->count; i++)
		n += strlen(l->text + l->entries[i].code) + 1;
	return n;
}

static const char *code_of(const struct code_list *l, size_t i)
{
	return l->text + l->entries[i].code;
}

static int put_entries(const struct code_list *l, struct buf *out)
{
	size_t at = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->count; i++) {
		struct code_entry e = l->entries[i];

		e.code = (uint32_t)at;
		at += strlen(code_of(l, i)) + 1;
		r = buf_add(out, &e, sizeof(e));
	}
	for (size_t i = 0; r == 0 && i < l->count; i++)
		r = buf_add(out, code_of(l, i), strlen(code_of(l, i)) + 1);
	return r;
}

static int put_index(const struct code_list *l, const char *table, struct buf *out)
{
	struct head head = { .count = (uint32_t)l->count,
		.text_len = (uint32_t)text_size(l) };
	int r = digest_table(table, head.table);

	memcpy(head.magic, MAGIC, sizeof(MAGIC));
	if (r == 0)
		r = buf_add(out, &head, sizeof(head));
	return r == 0 ? put_entries(l, out) : r;
}

int code_index_make(const char *table, struct buf *out, char **ret_error)
{
	_cleanup_(code_list_freep) struct code_list *l = NULL;
	int r = code_list_read(table, "", &l, ret_error);

	for (size_t i = 0; r == 0 && i < l->count; i++)
		if (!*code_of(l, i) ||
			(i > 0 && strcmp(code_of(l, i - 1), code_of(l, i)) == 0))
			r = fail(ret_error, table, "a code is empty or there twice");
	return r == 0 ? put_index(l, table, out) : r;
}

static bool day_ok(int32_t day)
{
	return day == CODE_NO_DAY || (day >= DAY_FIRST && day <= DAY_LAST);
}

static bool days_ok(const struct code_entry *e)
{
	return day_ok(e->from) && day_ok(e->until) &&
	       (e->from == CODE_NO_DAY || e->until == CODE_NO_DAY || e->from <= e->until);
}

/* Every code starts where the one before it ended, and comes after it. */
static bool entries_ok(const struct code_list *l)
{
	const char *before = "";
	size_t at = 0;

	for (size_t i = 0; i < l->count; i++) {
		const char *code = l->text + at, *end;

		if (l->entries[i].code != at || !days_ok(&l->entries[i]))
			return false;
		end = memchr(code, 0, l->text_len - at);
		if (!end || strcmp(before, code) >= 0)
			return false;
		before = code;
		at += (size_t)(end - code) + 1;
	}
	return l->count > 0 && at == l->text_len;
}

int code_index_read(struct span octets, struct code_list **ret_list)
{
	_cleanup_(code_list_freep) struct code_list *l = calloc(1, sizeof(*l));
	struct head head;

	if (!l)
		return -ENOMEM;
	if (octets.len < sizeof(head))
		return -EINVAL;
	memcpy(&head, octets.data, sizeof(head));
	if (memcmp(head.magic, MAGIC, sizeof(MAGIC)) != 0 ||
		(uint64_t)head.count * sizeof(struct code_entry) + head.text_len !=
			octets.len - sizeof(head))
		return -EINVAL;
	l->count = head.count;
	l->text_len = head.text_len;
	/* Aligned: the file starts on a page, allocated memory on more than four. */
	l->entries = (const void *)(octets.data + sizeof(head));
	l->text = (const char *)(l->entries + l->count);
	if (!entries_ok(l))
		return -EINVAL;
	*ret_list = TAKE(l);
	return 0;
}

/* Files are replaced and never written into: what was mapped stays. */
static int map_file(const char *path, void **ret_map, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > CODE_LIST_MAX)
		r = -EINVAL;
	if (r == 0) {
		*ret_len = (size_t)st.st_size;
		*ret_map = mmap(NULL, *ret_len, PROT_READ, MAP_SHARED, fd, 0);
		r = *ret_map == MAP_FAILED ? -errno : 0;
	}
	close(fd);
	return r;
}

/* Return: 0, -ESTALE for an index of another table or of none, negative. */
static int same_table(const void *map, const char *table)
{
	struct head head;
	uint8_t digest[SHA256_SIZE];
	int r = digest_table(table, digest);

	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	memcpy(&head, map, sizeof(head));
	return memcmp(head.table, digest, sizeof(digest)) == 0 ? 0 : -ESTALE;
}

/* The map belongs to the list, else to nobody. */
static int read_map(void *map, size_t len, const char *table, struct code_list **ret_list)
{
	struct code_list *l = NULL;
	int r = code_index_read(span_of(map, len), &l);

	if (r == 0)
		r = same_table(map, table);
	if (r < 0 || !l) {
		code_list_free(l);
		munmap(map, len);
		return r;
	}
	l->map = map;
	l->map_len = len;
	*ret_list = l;
	return 0;
}

int code_index_open(const char *table, struct code_list **ret_list, char **ret_error)
{
	char path[PATH_MAX];
	void *map = NULL;
	size_t len = 0;
	int r = code_index_path(table, path, sizeof(path));

	*ret_error = NULL;
	if (r < 0)
		return -ENOENT;
	r = map_file(path, &map, &len);
	if (r == -ENOENT)
		return r;
	if (r == 0)
		r = read_map(map, len, table, ret_list);
	if (r == -ESTALE)
		return fail(ret_error, path,
			"the index was made of another table: sealgate policy codes "
			"compile");
	if (r < 0)
		(void)fail(ret_error, path,
			r == -EINVAL ? "this is no index of codes" : strerror(-r));
	return r;
}
