/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate handshakes: the client certificates that were not accepted, as
 * sealgate-handshake keeps them; read and never changed.
 */
#include "common/clock.h"
#include "common/instance.h"
#include "common/json.h"
#include "ctl/command.h"
#include "ctl/documents/timeline.h"
#include "policy/policy.h"
#include "web/handshakes.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SUFFIX ".json"

/* Add those of a file. Return: 0 or an exit status. */
static int add_told(const char *path, const char *partner, json_t *all)
{
	_cleanup_json_ json_t *records = NULL;
	int r = handshakes_told(path, partner, clock_now(), &records);

	if (r == 0)
		return json_array_extend(all, records) < 0 ? EXIT_INTERNAL : 0;
	fprintf(stderr, "sealgate handshakes: %s: %s\n", path,
		r == -EPROTO ? "holds something else" : strerror(-r));
	return EXIT_INTERNAL;
}

/* Add the records of a partner, or of strangers. Return: 0 or an exit status. */
static int add_records(const struct instance *i, const char *partner, json_t *all)
{
	char path[PATH_MAX];
	int r = handshakes_path(i, partner, path);

	if (r == -EINVAL && partner) {
		command_fault("not the name of a partner: %s", partner);
		return EXIT_USAGE;
	}
	return r < 0 ? EXIT_INTERNAL : add_told(path, partner, all);
}

/* Add those of customs and of operators. Return: 0 or an exit status. */
static int add_house(const struct instance *i, json_t *all)
{
	char path[PATH_MAX];

	return handshakes_path_house(i, path) < 0 ? EXIT_INTERNAL
						  : add_told(path, NULL, all);
}

/* Files beside those of partners, such as one that is being written, are none. */
static int add_file(const struct instance *i, const char *name, json_t *all)
{
	char partner[NAME_MAX + 1], path[PATH_MAX];
	size_t len = strlen(name), tail = strlen(SUFFIX);

	if (len <= tail || strcmp(name + len - tail, SUFFIX) != 0)
		return 0;
	memcpy(partner, name, len - tail);
	partner[len - tail] = '\0';
	return handshakes_path(i, partner, path) < 0 ? 0 : add_records(i, partner, all);
}

static int add_partners(const struct instance *i, json_t *all)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *folder;
	int status = 0;

	if (instance_path(i, HANDSHAKES_FOLDER "/partners", path) < 0)
		return EXIT_INTERNAL;
	folder = opendir(path);
	if (!folder && errno == ENOENT)
		return 0;
	if (!folder) {
		fprintf(stderr, "sealgate handshakes: %s: %s\n", path, strerror(errno));
		return EXIT_INTERNAL;
	}
	while (status == 0 && (e = readdir(folder)) != NULL)
		status = add_file(i, e->d_name, all);
	closedir(folder);
	return status;
}

/* Times of one form: their order is that of their texts. */
static int by_time(const void *a, const void *b)
{
	const json_t *const *one = a, *const *other = b;
	const char *x = json_string_of(*one, "last"), *y = json_string_of(*other, "last");

	return strcmp(y ? y : "", x ? x : "");
}

/* The same records, newest first. NULL without memory. */
static json_t *sorted(json_t *all)
{
	size_t count = json_array_size(all);
	json_t **list = calloc(count + 1, sizeof(json_t *)), *ordered = json_array();

	for (size_t i = 0; list && i < count; i++)
		list[i] = json_array_get(all, i);
	if (list)
		qsort(list, count, sizeof(json_t *), by_time);
	for (size_t i = 0; list && i < count; i++)
		json_array_append(ordered, list[i]);
	free(list);
	if (json_array_size(ordered) == count)
		return ordered;
	json_decref(ordered);
	return NULL;
}

static void print_field(const char *before, const json_t *object, const char *key)
{
	fputs(before, stdout);
	timeline_text(stdout, json_string_of(object, key));
}

static void print_certificate(const json_t *c)
{
	if (!json_is_object(c))
		return;
	print_field("  subject  ", c, "subject");
	print_field("\n  issuer   ", c, "issuer");
	print_field("\n  serial   ", c, "serial");
	print_field(", valid from ", c, "not_before");
	print_field(" to ", c, "not_after");
	print_field("\n  sha256   ", c, "sha256");
	putchar('\n');
}

static void print_whose(const json_t *record)
{
	const char *partner = json_string_of(record, "partner"),
		   *claimed = json_string_of(record, "claimed_partner"),
		   *holder = json_string_of(record, "holder"),
		   *listener = json_string_of(record, "listener");

	fputs(partner ? "  partner " : holder ? "  " : "  a stranger", stdout);
	timeline_text(stdout, partner ? partner : holder);
	if (listener && strcmp(listener, "partners") != 0) {
		fputs(" at the listener of ", stdout);
		timeline_text(stdout, listener);
	}
	if (claimed) {
		fputs(" (of the country of ", stdout);
		timeline_text(stdout, claimed);
		fputs(" by its own word, unproven)", stdout);
	}
}

/* Whom to tell: the contacts in the partner's file. */
static void print_contacts(const struct policy *policy, const char *partner)
{
	const struct partner *p =
		policy && partner ? policy_partner(policy, partner) : NULL;

	for (size_t i = 0; p && i < p->contact_count; i++) {
		const struct partner_contact *c = &p->contacts[i];

		printf("  tell     %s%s%s%s%s%s%s\n", c->name, *c->purpose ? ", " : "",
			c->purpose, *c->email ? ", " : "", c->email,
			*c->phone ? ", " : "", c->phone);
	}
}

static void print_record(const struct policy *policy, const json_t *record)
{
	json_int_t count = json_integer_value(json_object_get(record, "count"));
	const json_t *finding;
	size_t i;

	print_field("", record, "last");
	print_whose(record);
	print_field(", from ", record, "address");
	print_field(", ", record, "protocol");
	if (count > 1) {
		printf(", %lld times", (long long)count);
		print_field(" since ", record, "first");
	}
	print_field(", correlation ", record, "correlation");
	putchar('\n');
	print_contacts(policy, json_string_of(record, "partner"));
	print_certificate(json_object_get(record, "certificate"));
	print_field("  verified ", record, "verify");
	putchar('\n');
	json_array_foreach(json_object_get(record, "findings"), i, finding)
	{
		print_field("  - ", finding, "message");
		print_field("\n    ", finding, "fix");
		putchar('\n');
	}
}

static int show(const struct instance *i, const char *partner, bool json)
{
	_cleanup_json_ json_t *all = json_array(), *ordered = NULL;
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(freep) char *error = NULL;
	char policies[PATH_MAX];
	int status = partner ? add_records(i, partner, all) : add_partners(i, all);
	const json_t *record;
	size_t n;

	if (status == 0 && !partner)
		status = add_records(i, NULL, all);
	if (status == 0 && !partner)
		status = add_house(i, all);
	if (status)
		return status;
	ordered = sorted(all);
	if (!ordered)
		return EXIT_INTERNAL;
	if (json) {
		_cleanup_json_ json_t *body = json_pack("{s:O}", "handshakes", ordered);

		json_dumpf(body, stdout, JSON_SORT_KEYS | JSON_COMPACT);
		putchar('\n');
		return EXIT_CLEAN;
	}
	/* Without a policy that can be read there is nobody to tell, and all else. */
	if (instance_path(i, "policies", policies) == 0)
		(void)policy_load(policies, &policy, &error);
	json_array_foreach(ordered, n, record) print_record(policy, record);
	if (json_array_size(ordered) == 0)
		puts("no client certificate was refused");
	return EXIT_CLEAN;
}

int cmd_handshakes(int argc, char **argv)
{
	static const struct option options[] = { { "format", required_argument, NULL,
							 'f' },
		{ "partner", required_argument, NULL, 'p' }, { 0 } };
	_cleanup_(freep) char *error = NULL;
	const char *partner = NULL;
	struct instance instance;
	bool json = false;
	int c, r;

	while ((c = command_option(argc, argv, "", options)) != -1) {
		if (c == 'p')
			partner = optarg;
		else if (c != 'f' || command_format(optarg, &json) < 0)
			return command_usage("handshakes");
	}
	if (command_arguments(argc, argv, 0, 0, "") < 0)
		return command_usage("handshakes");
	r = instance_open(NULL, &instance, &error);
	if (r < 0) {
		fprintf(stderr, "sealgate handshakes: %s\n",
			error ? error : "no instance");
		return EXIT_USAGE;
	}
	r = show(&instance, partner, json);
	instance_done(&instance);
	return r;
}
