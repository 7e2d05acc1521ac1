/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/handshakes.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"
#include "common/limits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILE_MAX (2u * 1024 * 1024)
#define COUNT_MAX 1000000000
#define DAY_S 86400
#define MEMBER "handshakes"

/* As policy has them: what is none cannot lead out of the folder. */
static bool is_name(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t len = strlen(text);

	return len > 0 && len < PARTNER_NAME_SIZE && *text != '.' &&
	       strspn(text, allowed) == len;
}

int handshakes_path(
	const struct instance *i, const char *partner, char ret_path[PATH_MAX])
{
	char name[sizeof(HANDSHAKES_FOLDER) + PARTNER_NAME_SIZE + 16];

	if (partner && !is_name(partner))
		return -EINVAL;
	if (partner)
		(void)snprintf(name, sizeof(name), HANDSHAKES_FOLDER "/partners/%s.json",
			partner);
	else
		(void)snprintf(name, sizeof(name), HANDSHAKES_FOLDER "/strangers.json");
	return instance_path(i, name, ret_path);
}

static bool is_fresh(const json_t *record, int64_t at)
{
	const char *text = json_string_of(record, "last");
	int64_t last;

	return text && clock_parse(text, &last) == 0 &&
	       last > at - (int64_t)HANDSHAKES_DAYS * DAY_S;
}

static int take_fresh(const json_t *list, int64_t at, json_t *records)
{
	json_t *record;
	size_t i;

	if (!json_is_array(list))
		return -EPROTO;
	json_array_foreach(list, i,
		record) if (is_fresh(record, at) &&
			    json_array_append(records, record) < 0) return -ENOMEM;
	return 0;
}

int handshakes_read(const char *path, int64_t at, json_t **ret_records)
{
	_cleanup_json_ json_t *file = NULL, *records = json_array();
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;
	int r = file_read(path, FILE_MAX, &data, &len);

	if (!records)
		return -ENOMEM;
	if (r < 0 && r != -ENOENT)
		return r == -EFBIG ? -EPROTO : r;
	if (r == 0) {
		file = json_read(span_of(data, len), FILE_MAX);
		r = take_fresh(json_object_get(file, MEMBER), at, records);
		if (r < 0)
			return r;
	}
	*ret_records = TAKE(records);
	return 0;
}

static bool same(const json_t *a, const json_t *b)
{
	static const char *const KEYS[] = { "certificate", "verify", "protocol",
		"address" };

	for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++)
		if (!json_equal(json_object_get(a, KEYS[i]), json_object_get(b, KEYS[i])))
			return false;
	return true;
}

/* When it began and how often it was before, from an equal record, which goes. */
static void take_over(
	json_t *records, const json_t *record, json_t **ret_first, json_int_t *ret_count)
{
	json_t *earlier;
	size_t i;

	json_array_foreach(records, i, earlier)
	{
		if (!same(earlier, record))
			continue;
		*ret_first = json_incref(json_object_get(earlier, "first"));
		*ret_count = json_integer_value(json_object_get(earlier, "count"));
		json_array_remove(records, i);
		return;
	}
}

static int put_in_front(json_t *records, size_t most, int64_t at, json_t *record)
{
	_cleanup_json_ json_t *first = NULL, *last = json_time(at);
	json_int_t count = 0;

	take_over(records, record, &first, &count);
	if (count < 0 || count > COUNT_MAX)
		count = COUNT_MAX;
	if (!last || json_object_set(record, "last", last) < 0 ||
		json_object_set(record, "first", first ? first : last) < 0 ||
		json_object_set_new(record, "count", json_integer(count + 1)) < 0 ||
		json_array_insert(records, 0, record) < 0)
		return -ENOMEM;
	while (json_array_size(records) > most)
		json_array_remove(records, json_array_size(records) - 1);
	return 0;
}

int handshakes_note(const char *path, size_t most, int64_t at, json_t *record)
{
	_cleanup_json_ json_t *records = NULL, *file = NULL;
	_cleanup_(freep) char *text = NULL;
	int r = handshakes_read(path, at, &records);
	bool anew = r == -EPROTO;

	if (anew)
		records = json_array();
	else if (r < 0)
		return r;
	if (!records)
		return -ENOMEM;
	r = put_in_front(records, most, at, record);
	if (r < 0)
		return r;
	file = json_pack("{s:O}", MEMBER, records);
	text = file ? json_canonical(file) : NULL;
	if (!text)
		return -ENOMEM;
	r = durable_write(path, span_str(text), 0644);
	return r < 0 ? r : anew;
}
