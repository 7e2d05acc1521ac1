/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/trust_lists.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"
#include "ctl/command.h"
#include "pki/material.h"
#include "trust/import.h"
#include "trust/snapshot.h"
#include "xades/validate.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define STATUS_FILE "status.jsonl"
#define STATUS_MAX (4u * 1024 * 1024)
#define URLS_MAX (1024u * 1024)

struct import_options {
	const char *lotl, *lists, *urls, *store;
	struct pki_material *journal;
	int64_t at;
	uint8_t *table; /* of --urls, cut into lines */
};

static int complain(const char *what, const char *value)
{
	fprintf(stderr, "sealgate trust import: %s: %s\n", what, value);
	return EXIT_USAGE;
}

/* The file of a URL: its row in the table, else its last path segment. */
static int path_of(const struct import_options *o, const char *url, char path[PATH_MAX])
{
	const char *name = strrchr(url, '/');
	size_t n = strlen(url);

	for (const char *line = (const char *)o->table; line && *line;) {
		const char *end = line + strcspn(line, "\n");

		if (strncmp(line, url, n) == 0 && line[n] == '\t') {
			int len = (int)(end - line - (ptrdiff_t)n - 1);

			return snprintf(path, PATH_MAX, "%s/%.*s", o->lists, len,
				       line + n + 1) < PATH_MAX
				       ? 0
				       : -ENOENT;
		}
		line = *end ? end + 1 : end;
	}
	if (o->table || !name || !name[1] || strcmp(name + 1, "..") == 0)
		return -ENOENT;
	return snprintf(path, PATH_MAX, "%s/%s", o->lists, name + 1) < PATH_MAX ? 0
										: -ENOENT;
}

static int read_list(
	void *context, const char *url, uint8_t **ret_octets, size_t *ret_len)
{
	const struct import_options *o = context;
	char path[PATH_MAX];
	int r = strcmp(url, o->lotl) == 0 ? 0 : path_of(o, url, path);

	if (r < 0)
		return r;
	return file_read(strcmp(url, o->lotl) == 0 ? url : path, LIST_OCTETS_MAX,
		ret_octets, ret_len);
}

static void set_list(json_t *line, const struct trusted_list *l)
{
	json_object_set_new(
		line, "sequence", l ? json_integer(l->sequence) : json_null());
	json_object_set_new(line, "version", l ? json_integer(l->version) : json_null());
	json_object_set_new(line, "issue", l ? json_time(l->issued) : json_null());
	json_object_set_new(
		line, "next_update", l ? json_time(l->next_update) : json_null());
	json_object_set_new(
		line, "providers", json_integer(l ? (json_int_t)l->providers : 0));
	json_object_set_new(
		line, "services", json_integer(l ? (json_int_t)l->service_count : 0));
	json_object_set_new(
		line, "certificates", json_integer(l ? (json_int_t)l->certificates : 0));
}

/* A line of the contract; "role" is ours. */
static json_t *line_of(const struct list_result *r)
{
	static const char *const ROLES[] = {
		[ROLE_LIST] = "list",
		[ROLE_LIST_OF_LISTS] = "lotl",
		[ROLE_PIVOT] = "pivot",
	};
	_cleanup_(freep) char *signer =
		r->signer ? pki_name_text(X509_get_subject_name(r->signer)) : NULL;
	json_t *line = json_object();

	json_object_set_new(line, "role", json_string(ROLES[r->role]));
	json_object_set_new(line, "territory", json_text(r->territory));
	json_object_set_new(line, "url", json_text(r->url));
	json_object_set_new(line, "status", json_string(list_status_text(r->status)));
	json_object_set_new(line, "effect", json_string(r->effect ? "yes" : "no"));
	json_object_set_new(line, "reason", json_text(r->reason));
	set_list(line, r->list);
	json_object_set_new(line, "signer", json_text(signer));
	return line;
}

static int add_lines(const struct list_results *all, struct buf *to)
{
	for (size_t i = 0; i < all->count; i++) {
		json_t *line = line_of(&all->list[i]);
		_cleanup_(freep) char *text = json_dumps(line, JSON_COMPACT);

		json_decref(line);
		if (!text)
			return -ENOMEM;
		buf_add_str(to, text);
		buf_add(to, "\n", 1);
	}
	return to->error;
}

static int keep(const struct import_options *o, struct span lines)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/" STATUS_FILE, o->store) >= PATH_MAX)
		return -ENAMETOOLONG;
	return durable_write(path, lines, 0644);
}

static int import(struct import_options *o)
{
	struct import_request q = { .lotl_url = o->lotl,
		.journal = o->journal->anchors,
		.at = o->at,
		.source = read_list,
		.context = o };
	struct list_results all = { 0 };
	_cleanup_buf_ struct buf lines;
	int r, status;

	buf_init(&lines, STATUS_MAX);
	if (xades_setup() < 0 || trust_import(&q, &all) < 0)
		return EXIT_INTERNAL;
	r = add_lines(&all, &lines);
	if (r == 0 && fwrite(lines.data, 1, lines.len, stdout) != lines.len)
		r = -EIO;
	if (r == 0 && all.usable)
		r = trust_snapshot_write(o->store, &all, o->at);
	if (r == 0 && all.usable)
		r = keep(o, buf_span(&lines));
	status = r < 0 ? EXIT_INTERNAL : all.usable ? EXIT_CLEAN : EXIT_NOT_PASSED;
	if (r < 0)
		complain(o->store ? o->store : "standard output", strerror(-r));
	list_results_done(&all);
	return status;
}

static int take(struct import_options *o, int option, const char *value)
{
	_cleanup_(freep) char *error = NULL;
	size_t len;

	switch (option) {
	case 'l':
		o->lotl = value;
		return 0;
	case 'd':
		o->lists = value;
		return 0;
	case 's':
		o->store = value;
		return 0;
	case 'u':
		return file_read(value, URLS_MAX, &o->table, &len) == 0
			       ? 0
			       : complain("cannot read", value);
	case 'j':
		return pki_material_load(o->journal, PKI_ANCHORS, value, &error) >= 0
			       ? 0
			       : complain(error ? error : "cannot read", value);
	case 'a':
		return clock_parse(value, &o->at) == 0
			       ? 0
			       : complain("not an RFC 3339 time", value);
	default:
		return EXIT_USAGE;
	}
}

static bool incomplete(const struct import_options *o, int argc, char **argv)
{
	const char *missing = !o->lotl	  ? "--lotl"
			      : !o->lists ? "--lists"
			      : !o->store ? "--store"
					  : "--oj-certs";

	if (o->lotl && o->lists && o->store && sk_X509_num(o->journal->anchors) > 0)
		return command_arguments(argc, argv, 0, 0, "") < 0;
	command_fault("%s is missing", missing);
	return true;
}

int trust_lists_import(int argc, char **argv)
{
	static const struct option OPTIONS[] = {
		{ "lotl", required_argument, NULL, 'l' },
		{ "lists", required_argument, NULL, 'd' },
		{ "urls", required_argument, NULL, 'u' },
		{ "oj-certs", required_argument, NULL, 'j' },
		{ "at", required_argument, NULL, 'a' },
		{ "store", required_argument, NULL, 's' },
		{ 0 },
	};
	struct import_options o = { .journal = pki_material_new(), .at = clock_now() };
	int option, status = o.journal ? 0 : EXIT_INTERNAL;

	optind = 1;
	while (status == 0 && (option = command_option(argc, argv, "", OPTIONS)) != -1)
		status = take(&o, option, optarg);
	if (status == 0 && incomplete(&o, argc, argv))
		status = command_usage("trust");
	if (status == 0)
		status = import(&o);
	free(o.table);
	pki_material_free(o.journal);
	return status;
}

int trust_lists_status(int argc, char **argv)
{
	static const struct option OPTIONS[] = {
		{ "store", required_argument, NULL, 's' },
		{ 0 },
	};
	const char *store = NULL;
	_cleanup_(freep) uint8_t *lines = NULL;
	char path[PATH_MAX];
	size_t len;
	int option;

	optind = 1;
	while ((option = command_option(argc, argv, "", OPTIONS)) == 's')
		store = optarg;
	if (option == -1 && !store)
		command_fault("--store is missing");
	if (option != -1 || !store || command_arguments(argc, argv, 0, 0, "") < 0)
		return command_usage("trust");
	if (snprintf(path, sizeof(path), "%s/" STATUS_FILE, store) >= PATH_MAX ||
		file_read(path, STATUS_MAX, &lines, &len) < 0) {
		fprintf(stderr, "sealgate trust status: %s: no store\n", store);
		return EXIT_USAGE;
	}
	return fwrite(lines, 1, len, stdout) == len ? EXIT_CLEAN : EXIT_INTERNAL;
}
