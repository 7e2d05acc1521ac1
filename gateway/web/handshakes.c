/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/handshakes.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"
#include "common/limits.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILE_MAX (2u * 1024 * 1024)
#define TEXT_MAX 2048u
#define FINDINGS_MAX 16u
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

int handshakes_path_house(const struct instance *i, char ret_path[PATH_MAX])
{
	return instance_path(i, HANDSHAKES_FOLDER "/house.json", ret_path);
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
	int r = file_read_of_others(path, FILE_MAX, &data, &len);

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

/* A text, cut where it is longer than any that is kept; null stays null. */
static json_t *text_of(const json_t *value)
{
	const char *text = json_string_value(value);
	_cleanup_(freep) char *most = text ? strndup(text, TEXT_MAX) : NULL;

	return text && !most ? NULL : json_text(most);
}

/* keys ends in NULL. What is no text is left out. */
static int take_texts(const json_t *from, const char *const *keys, json_t *to)
{
	for (; *keys; keys++) {
		const json_t *value = json_object_get(from, *keys);

		if ((json_is_string(value) || json_is_null(value)) &&
			json_object_set_new(to, *keys, text_of(value)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static json_t *told_certificate(const json_t *certificate)
{
	static const char *const KEYS[] = { "subject", "issuer", "serial", "not_before",
		"not_after", "sha256", NULL };
	_cleanup_json_ json_t *told = json_object();

	if (!json_is_object(certificate))
		return json_null();
	return told && take_texts(certificate, KEYS, told) == 0 ? TAKE(told) : NULL;
}

static json_t *told_findings(const json_t *findings)
{
	static const char *const KEYS[] = { "code", "severity", "where", "received",
		"message", "clause", "fix", NULL };
	_cleanup_json_ json_t *told = json_array();
	const json_t *finding;
	size_t i;

	json_array_foreach(findings, i, finding)
	{
		json_t *one = i < FINDINGS_MAX ? json_object() : NULL;

		if (i == FINDINGS_MAX)
			break;
		if (json_array_append_new(told, one) < 0 ||
			take_texts(finding, KEYS, one) < 0)
			return NULL;
	}
	return TAKE(told);
}

/* The record with the members that one has, of lengths that one has. */
static json_t *told_record(const json_t *record)
{
	static const char *const KEYS[] = { "listener", "holder", "partner",
		"claimed_partner", "address", "protocol", "verify", "correlation",
		"first", "last", NULL };
	json_int_t count = json_integer_value(json_object_get(record, "count"));
	_cleanup_json_ json_t *told = json_pack("{s:I, s:o, s:o}", "count",
		count < 0 || count > COUNT_MAX ? COUNT_MAX : count, "certificate",
		told_certificate(json_object_get(record, "certificate")), "findings",
		told_findings(json_object_get(record, "findings")));

	return told && take_texts(record, KEYS, told) == 0 ? TAKE(told) : NULL;
}

int handshakes_told(
	const char *path, const char *partner, int64_t at, json_t **ret_records)
{
	_cleanup_json_ json_t *records = NULL, *told = json_array();
	size_t most = partner ? HANDSHAKES_PARTNER_MAX : HANDSHAKES_STRANGER_MAX;
	const json_t *record;
	size_t i;
	int r = handshakes_read(path, at, &records);

	if (r < 0)
		return r;
	json_array_foreach(records, i, record)
	{
		const char *whose = json_string_of(record, "partner");

		if (json_array_size(told) == most)
			break;
		if (strcmp(whose ? whose : "", partner ? partner : "") != 0)
			continue;
		if (json_array_append_new(told, told_record(record)) < 0)
			return -ENOMEM;
	}
	*ret_records = TAKE(told);
	return *ret_records ? 0 : -ENOMEM;
}

static bool same(const json_t *a, const json_t *b)
{
	static const char *const KEYS[] = { "listener", "certificate", "verify",
		"protocol", "address" };

	for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++) {
		const json_t *of_a = json_object_get(a, KEYS[i]),
			     *of_b = json_object_get(b, KEYS[i]);

		if (of_a != of_b && !json_equal(of_a, of_b))
			return false;
	}
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

/* What counts as one sender: an IPv4 address, or a /64 of IPv6, in which one machine
 * takes any address it likes. */
static void network_of(const json_t *record, char ret[INET6_ADDRSTRLEN])
{
	const char *text = json_string_of(record, "address");
	struct in6_addr a;

	(void)snprintf(ret, INET6_ADDRSTRLEN, "%s", text ? text : "");
	if (inet_pton(AF_INET6, ret, &a) != 1 || IN6_IS_ADDR_V4MAPPED(&a))
		return;
	memset(&a.s6_addr[8], 0, 8);
	inet_ntop(AF_INET6, &a, ret, INET6_ADDRSTRLEN);
}

/* The oldest from where the newest comes from goes first: nobody takes all places. */
static void make_room(json_t *records, const struct handshakes_room *room)
{
	char newest[INET6_ADDRSTRLEN], network[INET6_ADDRSTRLEN];
	size_t count = 0, oldest = 0, i;
	const json_t *record;

	network_of(json_array_get(records, 0), newest);
	json_array_foreach(records, i, record)
	{
		network_of(record, network);
		if (strcmp(network, newest) != 0)
			continue;
		count++;
		oldest = i;
	}
	if (room->of_address && count > room->of_address)
		json_array_remove(records, oldest);
	while (json_array_size(records) > room->most)
		json_array_remove(records, json_array_size(records) - 1);
}

static int put_in_front(
	json_t *records, const struct handshakes_room *room, int64_t at, json_t *record)
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
	make_room(records, room);
	return 0;
}

int handshakes_note(
	const char *path, const struct handshakes_room *room, int64_t at, json_t *record)
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
	r = put_in_front(records, room, at, record);
	if (r < 0)
		return r;
	file = json_pack("{s:O}", MEMBER, records);
	text = file ? json_canonical(file) : NULL;
	if (!text)
		return -ENOMEM;
	r = durable_write(path, span_str(text), 0644);
	return r < 0 ? r : anew;
}
