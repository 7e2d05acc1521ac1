/* SPDX-License-Identifier: EUPL-1.2 */
#include "connectors/profile.h"

#include "common/durable.h"

#include <dirent.h>
#include <errno.h>
#include <libconfig.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define CONFIGURATION_MAX 65536u
#define TEMPLATE_MAX 65536u
#define PROFILES_MAX 64u

_Static_assert(2 * PROFILES_MAX <= LIMIT_COURIERS,
	"each has a courier, and one for its notice: of a decision or of clearance");

struct reader {
	const char *folder, *file;
	char **ret_error;
};

static int refuse(const struct reader *r, const config_setting_t *s, const char *what)
{
	if (!*r->ret_error && asprintf(r->ret_error, "%s/%s:%u: %s", r->folder, r->file,
				      s ? config_setting_source_line(s) : 1, what) < 0)
		*r->ret_error = NULL;
	return -EINVAL;
}

static int take_text(const config_setting_t *group, const char *key, char **ret)
{
	const char *text;

	if (config_setting_lookup_string(group, key, &text) != CONFIG_TRUE)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int take_xpath(const struct reader *r, const config_setting_t *group,
	const char *key, xmlXPathCompExpr **ret)
{
	const char *text;

	if (config_setting_lookup_string(group, key, &text) != CONFIG_TRUE)
		return 0;
	*ret = xmlXPathCompile((const xmlChar *)text);
	return *ret ? 0
		    : refuse(r, config_setting_get_member(group, key),
			      "is not XPath 1.0");
}

static int take_template(
	const struct reader *r, const config_setting_t *group, char **ret)
{
	char path[PATH_MAX];
	const char *name;
	uint8_t *text;
	size_t len;

	if (config_setting_lookup_string(group, "template", &name) != CONFIG_TRUE)
		return 0;
	if (strchr(name, '/') ||
		snprintf(path, sizeof(path), "%s/%s", r->folder, name) >= PATH_MAX ||
		file_read(path, TEMPLATE_MAX, &text, &len) < 0)
		return refuse(r, group, "template cannot be read");
	*ret = (char *)text;
	return 0;
}

static int known_keys(
	const struct reader *r, const config_setting_t *group, const char *const *keys)
{
	for (unsigned int i = 0; i < (unsigned int)config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, i);
		size_t k = 0;

		while (keys[k] && strcmp(keys[k], config_setting_name(s)) != 0)
			k++;
		if (!keys[k])
			return refuse(r, s, "unknown key");
	}
	return 0;
}

static int take_operation(const struct reader *r, const config_t *c, const char *name,
	struct profile_operation *ret)
{
	static const char *const keys[] = { "action", "template", "id", "status", "found",
		"absent", "id_member", NULL };
	const config_setting_t *group = config_lookup(c, name);
	int e;

	if (!group)
		return 0;
	if (!config_setting_is_group(group))
		return refuse(r, group, "must be a group");
	e = known_keys(r, group, keys);
	if (e == 0)
		e = take_text(group, "action", &ret->action);
	if (e == 0)
		e = take_text(group, "id_member", &ret->id_text);
	if (e == 0)
		e = take_template(r, group, &ret->template);
	if (e == 0)
		e = take_xpath(r, group, "id", &ret->id);
	if (e == 0)
		e = take_xpath(r, group, "status", &ret->status);
	if (e == 0)
		e = take_xpath(r, group, "found", &ret->found);
	return e == 0 ? take_xpath(r, group, "absent", &ret->absent) : e;
}

static int take_namespaces(const struct reader *r, const config_t *c, struct profile *p)
{
	const config_setting_t *list = config_lookup(c, "namespaces");
	int n = list ? config_setting_length(list) : 0;

	if (n > PROFILE_NAMESPACES_MAX)
		return refuse(r, list, "too many namespaces");
	for (int i = 0; i < n; i++) {
		const config_setting_t *s =
			config_setting_get_elem(list, (unsigned int)i);
		int e = take_text(s, "prefix", &p->namespaces[i].prefix);

		if (e == 0)
			e = take_text(s, "uri", &p->namespaces[i].uri);
		p->namespace_count = (size_t)i + 1;
		if (e < 0 || !p->namespaces[i].prefix || !p->namespaces[i].uri)
			return e < 0 ? e
				     : refuse(r, s, "a namespace has a prefix and a uri");
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

static int take_numbers(const struct reader *r, const config_t *c, struct profile *p)
{
	for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++) {
		int value = NUMBERS[i].def;

		config_lookup_int(c, NUMBERS[i].key, &value);
		if (value < NUMBERS[i].min || value > NUMBERS[i].max)
			return refuse(
				r, config_lookup(c, NUMBERS[i].key), "is out of range");
		memcpy((char *)p + NUMBERS[i].offset, &value, sizeof(value));
	}
	return 0;
}

static int take_decision(const struct reader *r, const config_t *c, struct profile *p)
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
		return refuse(r, group, "decision is a group of a soap profile");
	e = known_keys(r, group, keys);
	if (e == 0)
		e = take_xpath(r, group, "favourable", &p->decision.favourable);
	if (e == 0)
		e = take_xpath(r, group, "unfavourable", &p->decision.unfavourable);
	config_setting_lookup_int(group, "first_s", &p->decision.first_s);
	config_setting_lookup_int(group, "max_s", &p->decision.max_s);
	config_setting_lookup_int(group, "expire_s", &p->decision.expire_s);
	if (e == 0 && (!p->decision.favourable || !p->decision.unfavourable ||
			      p->decision.first_s < 1 || p->decision.max_s > 604800 ||
			      p->decision.first_s > p->decision.max_s ||
			      p->decision.expire_s < 60))
		return refuse(r, group,
			"decision needs favourable and unfavourable; 1 <= first_s <= "
			"max_s <= 604800, expire_s at least 60");
	return e;
}

static int take_cleared(const struct reader *r, const config_t *c, struct profile *p)
{
	int value = 0;

	if (config_lookup_bool(c, "cleared", &value) != CONFIG_TRUE)
		return config_lookup(c, "cleared")
			       ? refuse(r, config_lookup(c, "cleared"),
					 "cleared is true or false")
			       : 0;
	p->cleared = value;
	return value && p->protocol == PROFILE_SOAP
		       ? refuse(r, config_lookup(c, "cleared"),
				 "cleared is told by push, or read")
		       : 0;
}

static int take_look_up(const struct reader *r, const config_t *c, struct profile *p)
{
	int value = 0;

	if (!config_lookup(c, "look_up"))
		return 0;
	if (config_lookup_bool(c, "look_up", &value) != CONFIG_TRUE ||
		p->protocol != PROFILE_PUSH)
		return refuse(r, config_lookup(c, "look_up"),
			"look_up is true or false, of a push profile");
	p->look_up = value;
	return 0;
}

static int take_inside(const struct reader *r, const config_t *c, struct profile *p)
{
	const char *text;

	if (config_lookup_string(c, "seal_inside", &text) != CONFIG_TRUE)
		return config_lookup(c, "seal_inside")
			       ? refuse(r, config_lookup(c, "seal_inside"),
					 "seal_inside is parallel or counter")
			       : 0;
	if (strcmp(text, "parallel") == 0)
		p->inside = PROFILE_INSIDE_PARALLEL;
	else if (strcmp(text, "counter") == 0)
		p->inside = PROFILE_INSIDE_COUNTER;
	else
		return refuse(r, config_lookup(c, "seal_inside"),
			"seal_inside is parallel or counter");
	return p->protocol == PROFILE_PULL ? refuse(r, config_lookup(c, "seal_inside"),
						     "what is pulled is the container")
					   : 0;
}

static int take_protocol(const struct reader *r, const config_t *c, struct profile *p)
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
		return refuse(r, config_lookup(c, "protocol"),
			"protocol is soap, push or pull");
	return 0;
}

/* What the protocol cannot do without. */
static int check_complete(const struct reader *r, const struct profile *p)
{
	if (!p->url != (p->protocol == PROFILE_PULL))
		return refuse(
			r, NULL, p->url ? "nobody is called: no url" : "url is missing");
	if (p->protocol == PROFILE_SOAP &&
		(!p->submit.action || !p->submit.template || !p->submit.id ||
			!p->find.action || !p->find.template || !p->find.found ||
			!p->find.absent || !p->permanent))
		return refuse(r, NULL,
			"soap needs submit and find with action, template and id, found "
			"and "
			"absent of find, and permanent");
	if (!p->withdraw.action != !p->withdraw.template ||
		!p->replace.action != !p->replace.template)
		return refuse(
			r, NULL, "withdraw and replace have both action and template");
	if (p->protocol == PROFILE_PUSH && (!p->submit.id_text || !p->information))
		return refuse(r, NULL, "push needs submit.id_member and information");
	return 0;
}

static int read_settings(const struct reader *r, const config_t *c, struct profile *p)
{
	static const char *const keys[] = { "protocol", "url", "credentials",
		"information", "concurrency", "timeout_s", "retry_first_s", "retry_max_s",
		"expire_s", "submit", "find", "withdraw", "replace", "cleared", "look_up",
		"seal_inside", "decision", "permanent", "already", "namespaces",
		"system" /* policy/barred.c reads it */, NULL };
	const config_setting_t *root = config_root_setting(c);
	int e = known_keys(r, root, keys);

	if (e == 0)
		e = take_protocol(r, c, p);
	if (e == 0)
		e = take_text(root, "url", &p->url);
	if (e == 0)
		e = take_text(root, "credentials", &p->credentials);
	if (e == 0)
		e = take_text(root, "information", &p->information);
	if (e == 0)
		e = take_numbers(r, c, p);
	if (e == 0)
		e = take_namespaces(r, c, p);
	if (e == 0)
		e = take_operation(r, c, "submit", &p->submit);
	if (e == 0)
		e = take_operation(r, c, "find", &p->find);
	if (e == 0)
		e = take_operation(r, c, "withdraw", &p->withdraw);
	if (e == 0)
		e = take_operation(r, c, "replace", &p->replace);
	if (e == 0)
		e = take_decision(r, c, p);
	if (e == 0)
		e = take_cleared(r, c, p);
	if (e == 0)
		e = take_look_up(r, c, p);
	if (e == 0)
		e = take_inside(r, c, p);
	if (e == 0)
		e = take_xpath(r, root, "permanent", &p->permanent);
	if (e == 0)
		e = take_xpath(r, root, "already", &p->already);
	return e == 0 ? check_complete(r, p) : e;
}

static int read_file(const struct reader *r, struct profile *p)
{
	_cleanup_(freep) uint8_t *text = NULL;
	char path[PATH_MAX];
	config_t c;
	size_t len, stem = strlen(r->file) - strlen(".cfg");
	int e;

	/* with room for what a notice adds to it */
	if (stem >= sizeof(p->name) - 16 ||
		snprintf(path, sizeof(path), "%s/%s", r->folder, r->file) >= PATH_MAX)
		return refuse(r, NULL, "the name is too long");
	memcpy(p->name, r->file, stem);
	e = file_read(path, CONFIGURATION_MAX, &text, &len);
	if (e < 0)
		return refuse(r, NULL, strerror(-e));
	if (strstr((char *)text, "@include"))
		return refuse(r, NULL, "@include is not allowed");
	config_init(&c);
	if (config_read_string(&c, (char *)text) != CONFIG_TRUE)
		e = refuse(r, NULL, config_error_text(&c));
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
		    "%s:0: there are %d destinations, and %u are possible: remove what "
		    "no "
		    "route names",
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
		struct reader r = {
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
