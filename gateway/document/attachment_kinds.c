/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/attachment_kinds.h"

#include "common/encode.h"
#include "document/csv.h"
#include "xml/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define BEGINNINGS_MAX 4

/* By what a file is recognised. */
enum recognition { BY_NOTHING = 0, BY_BEGINNING, BY_TEXT, BY_XML };

struct beginning {
	uint8_t octets[ATTACHMENT_HEAD];
	size_t len;
};

struct kind {
	char *name;
	enum recognition by;
	struct beginning beginnings[BEGINNINGS_MAX];
	size_t count;
};

struct attachment_kinds {
	struct kind *list;
	size_t count;
};

/* Two digits an octet. */
static bool read_beginning(const char *word, struct beginning *ret)
{
	size_t digits = strlen(word);

	ret->len = digits / 2;
	return digits > 0 && digits % 2 == 0 && ret->len <= ATTACHMENT_HEAD &&
	       hex_decode(word, ret->octets, ret->len) == 0;
}

/* "text", "xml", or beginnings in hexadecimal digits between spaces; "": nothing. */
static bool read_recognition(char *words, struct kind *k)
{
	char *word;

	if (strcmp(words, "text") == 0 || strcmp(words, "xml") == 0) {
		k->by = *words == 't' ? BY_TEXT : BY_XML;
		return true;
	}
	while ((word = strsep(&words, " ")) != NULL) {
		if (!*word && k->count == 0 && !words)
			return true;
		k->by = BY_BEGINNING;
		if (k->count == BEGINNINGS_MAX ||
			!read_beginning(word, &k->beginnings[k->count]))
			return false;
		k->count++;
	}
	return true;
}

static int fail(char **ret_error, const char *path, size_t line, const char *what)
{
	if (asprintf(ret_error, "%s:%zu: %s", path, line, what) < 0)
		*ret_error = NULL;
	return -EINVAL;
}

static int read_rows(struct attachment_kinds *k, const struct csv *table,
	const char *path, char **ret_error)
{
	int begins = csv_column(table, "begins");

	if (begins < 0)
		return fail(ret_error, path, 1, "there is no column begins");
	k->list = calloc(table->rows + 1, sizeof(*k->list));
	if (!k->list)
		return -ENOMEM;
	for (size_t i = 0; i < table->rows; i++) {
		_cleanup_(freep) char *words = strdup(csv_cell(table, i, begins));
		struct kind *kind = &k->list[i];

		kind->name = strdup(csv_cell(table, i, 0));
		k->count++;
		if (!kind->name || !words)
			return -ENOMEM;
		if (!read_recognition(words, kind))
			return fail(ret_error, path, i + 2,
				"begins is text, xml, a few beginnings of up to 16 "
				"octets in hexadecimal digits, or nothing");
	}
	return 0;
}

int attachment_kinds_load(
	const char *policies, struct attachment_kinds **ret_kinds, char **ret_error)
{
	_cleanup_csv_ struct csv table = { 0 };
	struct attachment_kinds *k;
	char path[PATH_MAX];
	int r;

	if (snprintf(path, sizeof(path), "%s/codes/attachments.csv", policies) >=
		PATH_MAX)
		return -ENAMETOOLONG;
	r = csv_read(path, &table, ret_error);
	if (r < 0)
		return r;
	k = calloc(1, sizeof(*k));
	r = k ? read_rows(k, &table, path, ret_error) : -ENOMEM;
	if (r < 0) {
		attachment_kinds_free(k);
		return r;
	}
	*ret_kinds = k;
	return 0;
}

void attachment_kinds_free(struct attachment_kinds *k)
{
	for (size_t i = 0; k && i < k->count; i++)
		free(k->list[i].name);
	if (k)
		free(k->list);
	free(k);
}

static bool begins(const struct kind *k, const uint8_t head[ATTACHMENT_HEAD])
{
	for (size_t i = 0; i < k->count; i++)
		if (memcmp(k->beginnings[i].octets, head, k->beginnings[i].len) == 0)
			return true;
	return false;
}

/* What no text has: a file of another kind has one of them soon. */
static bool steers(uint8_t c)
{
	return (c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f') ||
	       c == 0x7f;
}

/* UTF-8 without steering octets; as XML its first mark is '<'. */
static bool is_text(const char *base64, bool xml)
{
	static const uint8_t ORDER[] = { 0xef, 0xbb, 0xbf };
	_cleanup_(freep) uint8_t *data = NULL;
	const uint8_t *bidi;
	size_t len = 0, at = 0;

	if (base64_decode(span_str(base64), &data, &len) < 0)
		return false;
	if (utf8_check(span_of(data, len), &bidi) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (steers(data[i]))
			return false;
	if (len >= sizeof(ORDER) && memcmp(data, ORDER, sizeof(ORDER)) == 0)
		at = sizeof(ORDER);
	while (at < len && isspace(data[at]))
		at++;
	return !xml || (at < len && data[at] == '<');
}

static bool is(
	const struct kind *k, const uint8_t head[ATTACHMENT_HEAD], const char *base64)
{
	return k->by == BY_BEGINNING ? begins(k, head) : is_text(base64, k->by == BY_XML);
}

enum attachment_answer attachment_kind_is(const struct attachment_kinds *k,
	const char *kind, const uint8_t head[ATTACHMENT_HEAD], const char *base64)
{
	for (size_t i = 0; i < k->count; i++) {
		const struct kind *candidate = &k->list[i];

		if (strcmp(candidate->name, kind) != 0)
			continue;
		if (candidate->by == BY_NOTHING)
			return ATTACHMENT_OPAQUE;
		return !head || is(candidate, head, base64) ? ATTACHMENT_IS
							    : ATTACHMENT_IS_NOT;
	}
	return ATTACHMENT_UNLISTED;
}
