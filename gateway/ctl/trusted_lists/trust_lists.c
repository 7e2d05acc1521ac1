/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/trusted_lists/trust_lists.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"
#include "ctl/command.h"
#include "pki/material.h"
#include "trust/list_store.h"
#include "trust/proven.h"
#include "xades/validate.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int print(const struct list_results *all)
{
	_cleanup_buf_ struct buf lines;
	int r;

	buf_init(&lines, LIST_STORE_STATUS_MAX);
	r = list_results_write(all, &lines);
	if (r == 0 && fwrite(lines.data, 1, lines.len, stdout) != lines.len)
		r = -EIO;
	return r;
}

static int import(struct import_options *o)
{
	_cleanup_json_ json_t *sequences = NULL;
	_cleanup_(list_proofs_done) struct list_proofs proofs = { 0 };
	struct import_request q = { .lotl_url = o->lotl,
		.journal = o->journal->anchors,
		.at = o->at,
		.source = read_list,
		.context = o,
		.proofs = &proofs };
	struct list_results all = { 0 };
	int r = list_store_sequences(o->store, &sequences), status;

	if (r < 0) {
		complain(o->store, strerror(-r));
		return EXIT_INTERNAL;
	}
	q.sequences = sequences;
	if (xades_setup() < 0 || list_proofs_read(o->store, &proofs) < 0 ||
		trust_import(&q, &all) < 0)
		return EXIT_INTERNAL;
	r = print(&all);
	if (r == 0 && all.usable)
		r = list_store_update(o->store, &q, &all, sequences, proofs.noted == 0);
	if (r >= 0 && all.usable)
		r = list_proofs_write(o->store, &proofs);
	status = r < 0 ? EXIT_INTERNAL : all.usable ? EXIT_CLEAN : EXIT_NOT_PASSED;
	if (r < 0)
		complain(o->store, strerror(-r));
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

const char *trust_lists_store(const char *named)
{
	static char path[PATH_MAX];
	const char *instance = getenv("SEALGATE_INSTANCE");

	if (named)
		return named;
	if (!instance || !*instance) {
		command_fault("--store is missing, or --instance");
		return NULL;
	}
	if (snprintf(path, sizeof(path), "%s/state/trust/lists", instance) >= PATH_MAX) {
		command_fault("%s is too long", instance);
		return NULL;
	}
	return path;
}

int trust_lists_options(int argc, char **argv, int min, int max, const char *name,
	const char **ret_store, int64_t *ret_at)
{
	static const struct option OPTIONS[] = {
		{ "store", required_argument, NULL, 's' },
		{ "at", required_argument, NULL, 'a' },
		{ 0 },
	};
	int option;

	*ret_store = NULL;
	*ret_at = clock_now();
	optind = 1;
	while ((option = command_option(argc, argv, "", OPTIONS)) != -1) {
		if (option == 's')
			*ret_store = optarg;
		else if (option != 'a' || clock_parse(optarg, ret_at) < 0) {
			if (option == 'a')
				command_fault("not an RFC 3339 time: %s", optarg);
			return command_usage("trust");
		}
	}
	*ret_store = trust_lists_store(*ret_store);
	if (!*ret_store || command_arguments(argc, argv, min, max, name) < 0)
		return command_usage("trust");
	return EXIT_CLEAN;
}
