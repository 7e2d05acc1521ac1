/* SPDX-License-Identifier: EUPL-1.2 */
/* `sealgate trust status`: how each list stood at its last import, how it stands now, and
 * what of it ends within a month. */
#include "common/buf.h"
#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"
#include "ctl/command.h"
#include "ctl/trusted_lists/trust_lists.h"
#include "pki/certificate.h"
#include "trust/list_store.h"
#include "trust/snapshot.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define SOON_S (30 * 24 * 3600)
#define DAY_S 86400
#define GRANTED "/Svcstatus/granted"

struct status_options {
	const char *store;
	int64_t at;
	struct trust_snapshot *snapshot; /* NULL: there is none that can be read */
};

static bool is_soon(const struct status_options *o, int64_t end)
{
	return end >= o->at && end - o->at <= SOON_S;
}

static bool time_of(const json_t *row, const char *key, int64_t *ret)
{
	const char *text = json_string_of(row, key);

	return text && clock_parse(text, ret) == 0;
}

/* What ends soon; name: "" for the list itself. */
static void note(json_t *all, const struct status_options *o, const char *what,
	const char *name, const char *subject, int64_t end)
{
	json_array_append_new(
		all, json_pack("{s:s, s:o, s:o, s:o, s:I}", "what", what, "name",
			     json_text(name), "subject", json_text(subject), "at",
			     json_time(end), "days_left",
			     (json_int_t)((end - o->at) / DAY_S)));
}

static void note_certificate(json_t *all, const struct status_options *o,
	const struct snapshot_service *s, struct span der)
{
	X509 *x = pki_certificate_parse(der);
	_cleanup_(freep) char *subject =
		x ? pki_name_text(X509_get_subject_name(x)) : NULL;
	int64_t from, to;

	if (x && pki_certificate_validity(x, &from, &to) == 0 && is_soon(o, to))
		note(all, o, "service", s->name, subject, to);
	X509_free(x);
}

static bool is_granted(const struct snapshot_service *s)
{
	size_t n = strlen(s->status), m = sizeof(GRANTED) - 1;

	return n >= m && strcmp(s->status + n - m, GRANTED) == 0;
}

/* The certificates of the services that a list grants. */
static void note_services(json_t *all, const struct status_options *o, const char *url)
{
	struct snapshot_service s;

	for (size_t i = 0; o->snapshot && i < trust_snapshot_services(o->snapshot); i++) {
		trust_snapshot_service(o->snapshot, i, &s);
		if (!is_granted(&s) || strcmp(s.url, url) != 0)
			continue;
		for (size_t n = 0; n < s.certificates; n++)
			note_certificate(all, o, &s,
				trust_snapshot_certificate(o->snapshot, i, n));
	}
}

static json_t *what_ends(const struct status_options *o, const json_t *row)
{
	const char *url = json_string_of(row, "url");
	json_t *all = json_array();
	int64_t end;

	if (time_of(row, "next_update", &end) && is_soon(o, end))
		note(all, o, "list", "", NULL, end);
	if (time_of(row, "signer_until", &end) && is_soon(o, end))
		note(all, o, "signer", "", json_string_of(row, "signer"), end);
	if (url)
		note_services(all, o, url);
	return all;
}

/* Since the import the list may have ended. */
static void bring_up_to_date(const struct status_options *o, json_t *row)
{
	const char *effect = json_string_of(row, "effect");
	const char *role = json_string_of(row, "role");
	int64_t issue, end;

	json_object_set_new(row, "at", json_time(o->at));
	json_object_set_new(row, "age_s",
		time_of(row, "issue", &issue) ? json_integer(o->at - issue)
					      : json_null());
	if (!time_of(row, "next_update", &end)) {
		json_object_set_new(row, "left_s", json_null());
		return;
	}
	json_object_set_new(row, "left_s", json_integer(end - o->at));
	if (end >= o->at || !effect || strcmp(effect, "yes") != 0 ||
		(role && strcmp(role, "pivot") == 0))
		return;
	json_object_set_new(row, "effect", json_string("no"));
	json_object_set_new(
		row, "reason", json_string("it has expired since it was imported"));
}

static bool counts(const json_t *row)
{
	const char *role = json_string_of(row, "role");
	const char *effect = json_string_of(row, "effect");

	return role && effect && strcmp(role, "list") == 0 && strcmp(effect, "yes") == 0;
}

/* Return: 1 a list that counts, 0 another, negative. */
static int print_row(const struct status_options *o, struct span line)
{
	_cleanup_json_ json_t *row = json_read(line, LIST_STORE_STATUS_MAX);

	if (!json_is_object(row))
		return -1;
	bring_up_to_date(o, row);
	json_object_set_new(row, "expires", what_ends(o, row));
	if (json_dumpf(row, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF)
		return -1;
	return counts(row);
}

/* None of them counts: closed, and that is the exit status, too. */
static int print_rows(const struct status_options *o, const uint8_t *data, size_t len)
{
	size_t lists = 0;

	while (len > 0) {
		const uint8_t *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) : len;
		int r = print_row(o, span_of(data, n));

		if (r < 0)
			return EXIT_INTERNAL;
		lists += (size_t)r;
		n += end ? 1 : 0;
		data += n;
		len -= n;
	}
	return lists > 0 ? EXIT_CLEAN : EXIT_NOT_PASSED;
}

static int print_store(struct status_options *o)
{
	_cleanup_(freep) uint8_t *lines = NULL;
	_cleanup_(freep) char *error = NULL;
	char path[PATH_MAX];
	size_t len;
	int status;

	if (snprintf(path, sizeof(path), "%s/" LIST_STORE_STATUS, o->store) >= PATH_MAX ||
		file_read(path, LIST_STORE_STATUS_MAX, &lines, &len) < 0) {
		fprintf(stderr,
			"sealgate trust status: %s: no trusted lists are there: they "
			"come by lists of policies/trust/sources.cfg, or sealgate trust "
			"import\n",
			o->store);
		return EXIT_USAGE;
	}
	if (trust_snapshot_open(o->store, INT64_MAX, &o->snapshot, &error) < 0)
		fprintf(stderr, "sealgate trust status: %s\n", error ? error : o->store);
	status = print_rows(o, lines, len);
	if (!o->snapshot && status == EXIT_CLEAN)
		status = EXIT_NOT_PASSED;
	trust_snapshot_free(o->snapshot);
	return status;
}

int trust_lists_status(int argc, char **argv)
{
	struct status_options o = { 0 };
	int r = trust_lists_options(argc, argv, 0, 0, "", &o.store, &o.at);

	if (r != EXIT_CLEAN)
		return r;
	return print_store(&o);
}
