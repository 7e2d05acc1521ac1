/* SPDX-License-Identifier: EUPL-1.2 */
#include "connectors/profile.h"

#include "common/durable.h"
#include "connectors/profile_values.h"

#include <dirent.h>
#include <errno.h>
#include <libconfig.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CONFIGURATION_MAX 65536u
#define PROFILES_MAX 64u
#define HTTPS "https://" /* deliveries speak nothing else */

_Static_assert(2 * PROFILES_MAX <= LIMIT_COURIERS,
	"each has a courier, and one for its notice: of a decision or of clearance");

static int take_operation(const struct profile_reader *r, const struct profile *p,
	const config_t *c, const char *name, struct profile_operation *ret)
{
	static const char *const keys[] = { "action", "template", "id", "status", "found",
		"absent", "id_member", NULL };
	const config_setting_t *group = config_lookup(c, name);
	int e;

	if (!group)
		return 0;
	if (!config_setting_is_group(group))
		return profile_refuse(r, group, "must be a group");
	e = profile_known_keys(r, group, keys);
	if (e == 0)
		e = profile_text(r, group, "action", &ret->action);
	if (e == 0)
		e = profile_text(r, group, "id_member", &ret->id_text);
	if (e == 0)
		e = profile_template(r, group, &ret->template);
	if (e == 0)
		e = profile_xpath(r, p, group, "id", &ret->id);
	if (e == 0)
		e = profile_xpath(r, p, group, "status", &ret->status);
	if (e == 0)
		e = profile_xpath(r, p, group, "found", &ret->found);
	return e == 0 ? profile_xpath(r, p, group, "absent", &ret->absent) : e;
}

static int take_namespaces(
	const struct profile_reader *r, const config_t *c, struct profile *p)
{
	const config_setting_t *list = config_lookup(c, "namespaces");
	int n = list ? config_setting_length(list) : 0;

	if (n > PROFILE_NAMESPACES_MAX || (list && !config_setting_is_list(list)))
		return profile_refuse(r, list, "namespaces is a list of at most 16");
	for (int i = 0; i < n; i++) {
		const config_setting_t *s =
			config_setting_get_elem(list, (unsigned int)i);
		int e = profile_text(r, s, "prefix", &p->namespaces[i].prefix);

		if (e == 0)
			e = profile_text(r, s, "uri", &p->namespaces[i].uri);
		p->namespace_count = (size_t)i + 1;
		if (e < 0 || !p->namespaces[i].prefix || !p->namespaces[i].uri)
			return e < 0 ? e
				     : profile_refuse(r, s,
					       "a namespace has a prefix and a uri");
	}
	return 0;
}

static const struct {
	const char *key;
	size_t offset;
	int def, min, max;
} NUMBERS[] = {
	{ "concurrency", offsetof(struct profile, concurrency), 2, 1, 64 },
	{ "timeout_s", offsetof(struct profile, timeout_s), 30, 1, 600 },
	{ "retry_first_s", offsetof(struct profile, retry_first_s), 2, 1, 3600 },
	{ "retry_max_s", offsetof(struct profile, retry_max_s), 4000, 1, 86400 },
	{ "expire_s", offsetof(struct profile, expire_s), 432000, 60, 31536000 },
};

static int take_numbers(
	const struct profile_reader *r, const config_setting_t *root, struct profile *p)
{
	for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++) {
		int value = NUMBERS[i].def;

		profile_number(root, NUMBERS[i].key, &value);
		if (value < NUMBERS[i].min || value > NUMBERS[i].max)
			return profile_refuse(r,
				config_setting_get_member(root, NUMBERS[i].key),
				"is out of range");
		memcpy((char *)p + NUMBERS[i].offset, &value, sizeof(value));
	}
	return p->retry_first_s > p->retry_max_s
		       ? profile_refuse(r,
				 config_setting_get_member(root, "retry_first_s"),
				 "retry_first_s is longer than retry_max_s")
		       : 0;
}

static int take_decision(
	const struct profile_reader *r, const config_t *c, struct profile *p)
{
	static const char *const keys[] = { "favourable", "unfavourable", "first_s",
		"max_s", "expire_s", NULL };
	const config_setting_t *group = config_lookup(c, "decision");
	int e;

	p->decision.first_s = 300;
	p->decision.max_s = 14400;
	p->decision.expire_s = 7776000;
	if (!group)
		return 0;
	if (!config_setting_is_group(group) || p->protocol != PROFILE_SOAP)
		return profile_refuse(r, group, "decision is a group of a soap profile");
	e = profile_known_keys(r, group, keys);
	if (e == 0)
		e = profile_xpath(r, p, group, "favourable", &p->decision.favourable);
	if (e == 0)
		e = profile_xpath(r, p, group, "unfavourable", &p->decision.unfavourable);
	profile_number(group, "first_s", &p->decision.first_s);
	profile_number(group, "max_s", &p->decision.max_s);
	profile_number(group, "expire_s", &p->decision.expire_s);
	if (e == 0 && (!p->decision.favourable || !p->decision.unfavourable ||
			      p->decision.first_s < 1 || p->decision.max_s > 604800 ||
			      p->decision.first_s > p->decision.max_s ||
			      p->decision.expire_s < 60))
		return profile_refuse(r, group,
			"decision needs favourable and unfavourable; 1 <= first_s <= "
			"max_s <= 604800, expire_s at least 60");
	return e;
}

static int take_inside(
	const struct profile_reader *r, const config_t *c, struct profile *p)
{
	const config_setting_t *s = config_lookup(c, "seal_inside");
	const char *text = s ? config_setting_get_string(s) : NULL;

	if (!s)
		return 0;
	if (text && strcmp(text, "parallel") == 0)
		p->inside = PROFILE_INSIDE_PARALLEL;
	else if (text && strcmp(text, "counter") == 0)
		p->inside = PROFILE_INSIDE_COUNTER;
	else
		return profile_refuse(r, s, "seal_inside is parallel or counter");
	return p->protocol == PROFILE_PULL
		       ? profile_refuse(r, s, "what is pulled is the container")
		       : 0;
}

static int take_protocol(
	const struct profile_reader *r, const config_t *c, struct profile *p)
{
	const char *text = "";

	config_lookup_string(c, "protocol", &text);
	if (strcmp(text, "soap") == 0)
		p->protocol = PROFILE_SOAP;
	else if (strcmp(text, "push") == 0)
		p->protocol = PROFILE_PUSH;
	else if (strcmp(text, "pull") == 0)
		p->protocol = PROFILE_PULL;
	else
		return profile_refuse(r, config_lookup(c, "protocol"),
			"protocol is soap, push or pull");
	return 0;
}

/* What the protocol cannot do without. */
static int check_complete(const struct profile_reader *r, const struct profile *p,
	const config_setting_t *url)
{
	if (!p->url != (p->protocol == PROFILE_PULL))
		return profile_refuse(
			r, NULL, p->url ? "nobody is called: no url" : "url is missing");
	if (p->protocol == PROFILE_SOAP &&
		(!p->submit.action || !p->submit.template || !p->submit.id ||
			!p->find.action || !p->find.template || !p->find.found ||
			!p->find.absent || !p->permanent))
		return profile_refuse(r, NULL,
			"soap needs action and template of submit and find, id of "
			"submit, "
			"found and absent of find, and permanent");
	if (!p->withdraw.action != !p->withdraw.template ||
		!p->replace.action != !p->replace.template)
		return profile_refuse(
			r, NULL, "withdraw and replace have both action and template");
	if (p->protocol == PROFILE_PUSH && (!p->submit.id_text || !p->information))
		return profile_refuse(
			r, NULL, "push needs submit.id_member and information");
	if (p->url && strncasecmp(p->url, HTTPS, strlen(HTTPS)) != 0)
		return profile_refuse(r, url, "url has to begin with https://");
	return 0;
}

static int read_settings(
	const struct profile_reader *r, const config_t *c, struct profile *p)
{
	static const char *const keys[] = { "protocol", "url", "credentials",
		"information", "concurrency", "timeout_s", "retry_first_s", "retry_max_s",
		"expire_s", "submit", "find", "withdraw", "replace", "cleared", "look_up",
		"seal_inside", "decision", "permanent", "already", "namespaces",
		"system" /* policy/barred.c reads it */, NULL };
	const config_setting_t *root = config_root_setting(c);
	int e = profile_known_keys(r, root, keys);

	if (e == 0)
		e = take_protocol(r, c, p);
	if (e == 0)
		e = profile_text(r, root, "url", &p->url);
	if (e == 0)
		e = profile_text(r, root, "credentials", &p->credentials);
	if (e == 0)
		e = profile_text(r, root, "information", &p->information);
	if (e == 0)
		e = take_numbers(r, root, p);
	if (e == 0)
		e = take_namespaces(r, c, p);
	if (e == 0)
		e = take_operation(r, p, c, "submit", &p->submit);
	if (e == 0)
		e = take_operation(r, p, c, "find", &p->find);
	if (e == 0)
		e = take_operation(r, p, c, "withdraw", &p->withdraw);
	if (e == 0)
		e = take_operation(r, p, c, "replace", &p->replace);
	if (e == 0)
		e = take_decision(r, c, p);
	if (e == 0)
		e = profile_switch(r, config_lookup(c, "cleared"),
			p->protocol != PROFILE_SOAP,
			"cleared is true or false; it is told by push, or read",
			&p->cleared);
	if (e == 0)
		e = profile_switch(r, config_lookup(c, "look_up"),
			p->protocol == PROFILE_PUSH,
			"look_up is true or false, of a push profile", &p->look_up);
	if (e == 0)
		e = take_inside(r, c, p);
	if (e == 0)
		e = profile_xpath(r, p, root, "permanent", &p->permanent);
	if (e == 0)
		e = profile_xpath(r, p, root, "already", &p->already);
	return e == 0 ? check_complete(r, p, config_setting_get_member(root, "url")) : e;
}

static int read_file(const struct profile_reader *r, struct profile *p)
{
	_cleanup_(freep) uint8_t *text = NULL;
	char path[PATH_MAX];
	config_t c;
	size_t len, stem = strlen(r->file) - strlen(".cfg");
	int e;

	/* with room for what a notice adds to it */
	if (stem >= sizeof(p->name) - 16 ||
		snprintf(path, sizeof(path), "%s/%s", r->folder, r->file) >= PATH_MAX)
		return profile_refuse(r, NULL, "the name is too long");
	memcpy(p->name, r->file, stem);
	e = file_read(path, CONFIGURATION_MAX, &text, &len);
	if (e < 0)
		return profile_refuse(r, NULL, strerror(-e));
	if (strstr((char *)text, "@include"))
		return profile_refuse(r, NULL, "@include is not allowed");
	config_init(&c);
	if (config_read_string(&c, (char *)text) != CONFIG_TRUE)
		e = profile_refuse(r, NULL, config_error_text(&c));
	else
		e = read_settings(r, &c, p);
	config_destroy(&c);
	return e;
}

static int is_profile(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return e->d_name[0] != '.' && len > 4 && strcmp(e->d_name + len - 4, ".cfg") == 0;
}

size_t profile_couriers(const struct profile *p)
{
	return (size_t)p->concurrency + (p->decision.favourable != NULL) + p->cleared;
}

/* Whoever got no courier would never get a document. */
static int check_couriers(
	const char *folder, const struct profiles *profiles, char **ret_error)
{
	const struct profile *largest = profiles->list;
	size_t couriers = 0;

	for (size_t i = 0; i < profiles->count; i++) {
		const struct profile *p = &profiles->list[i];

		couriers += profile_couriers(p);
		if (p->concurrency > largest->concurrency)
			largest = p;
	}
	if (couriers <= LIMIT_COURIERS)
		return 0;
	if (asprintf(ret_error,
		    "%s/%s.cfg:1: all destinations together need %zu couriers "
		    "(concurrency, and one for a decision or for cleared), and there are "
		    "%d: lower concurrency, which is highest here, %d",
		    folder, largest->name, couriers, LIMIT_COURIERS,
		    largest->concurrency) < 0)
		*ret_error = NULL;
	return -EINVAL;
}

static int refuse_many(const char *folder, int count, char **ret_error)
{
	if (asprintf(ret_error,
		    "%s:0: there are %d destinations, and %u are possible: remove "
		    "what no route names",
		    folder, count, PROFILES_MAX) < 0)
		*ret_error = NULL;
	return -EINVAL;
}

static int read_folder(const char *folder, struct profiles *p, char **ret_error)
{
	struct dirent **names = NULL;
	int n = scandir(folder, &names, is_profile, alphasort), e = 0;

	if (n < 0)
		return errno == ENOENT ? 0 : -errno;
	p->list = calloc(n ? (size_t)n : 1, sizeof(*p->list));
	if (!p->list)
		e = -ENOMEM;
	else if ((unsigned int)n > PROFILES_MAX)
		e = refuse_many(folder, n, ret_error);
	for (int i = 0; i < n; i++) {
		struct profile_reader r = {
			.folder = folder, .file = names[i]->d_name, .ret_error = ret_error
		};

		if (e == 0)
			e = read_file(&r, &p->list[p->count++]);
		free(names[i]);
	}
	free(names);
	return e == 0 ? check_couriers(folder, p, ret_error) : e;
}

int profiles_load(const char *policies, struct profiles **ret_profiles, char **ret_error)
{
	_cleanup_(profiles_freep) struct profiles *p = calloc(1, sizeof(*p));
	char folder[PATH_MAX];
	int r;

	*ret_error = NULL;
	if (!p)
		return -ENOMEM;
	if (snprintf(folder, sizeof(folder), "%s/routes/destinations", policies) >=
		PATH_MAX)
		return -ENAMETOOLONG;
	r = read_folder(folder, p, ret_error);
	if (r == 0)
		*ret_profiles = TAKE(p);
	return r;
}

static void operation_done(struct profile_operation *o)
{
	free(o->action);
	free(o->template);
	free(o->id_text);
	xmlXPathFreeCompExpr(o->id);
	xmlXPathFreeCompExpr(o->status);
	xmlXPathFreeCompExpr(o->found);
	xmlXPathFreeCompExpr(o->absent);
}

static void profile_done(struct profile *p)
{
	free(p->url);
	free(p->credentials);
	free(p->information);
	operation_done(&p->submit);
	operation_done(&p->find);
	operation_done(&p->withdraw);
	operation_done(&p->replace);
	xmlXPathFreeCompExpr(p->decision.favourable);
	xmlXPathFreeCompExpr(p->decision.unfavourable);
	xmlXPathFreeCompExpr(p->permanent);
	xmlXPathFreeCompExpr(p->already);
	for (size_t i = 0; i < p->namespace_count; i++) {
		free(p->namespaces[i].prefix);
		free(p->namespaces[i].uri);
	}
}

void profiles_free(struct profiles *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++)
		profile_done(&p->list[i]);
	free(p->list);
	free(p);
}

const struct profile *profile_find(const struct profiles *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->list[i].name, name) == 0)
			return &p->list[i];
	return NULL;
}
