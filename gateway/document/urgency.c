/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/urgency.h"

#include <errno.h>
#include <string.h>

#define HOUR_S INT64_C(3600)
#define TRANSIT_H 48
#define BOUND_H (14 * 24)
#define HOURS_MAX (366 * 24)

static int read_hours(const config_setting_t *s, int64_t *ret_seconds)
{
	int hours = config_setting_get_int(s);

	if (config_setting_type(s) != CONFIG_TYPE_INT || hours < 1 || hours > HOURS_MAX)
		return -EINVAL;
	*ret_seconds = hours * HOUR_S;
	return 0;
}

static int read_letter(const config_setting_t *s, struct urgency_rule *ret)
{
	const char *text = config_setting_get_string(s);

	if (!text || strlen(text) != 1 || !strchr("ABC", *text))
		return -EINVAL;
	ret->letter = *text;
	return 0;
}

static int read_when(const config_setting_t *s, struct rule_compiler *compiler,
	struct urgency_rule *ret, const char **ret_why)
{
	const char *text = config_setting_get_string(s);

	if (text && !ret->when)
		ret->when = rule_compile(compiler, text, WANT_VALUE, ret_why);
	return ret->when ? 0 : -EINVAL;
}

static int read_rule(const config_setting_t *group, struct rule_compiler *compiler,
	struct urgency_rule *ret, const char **ret_why)
{
	if (!config_setting_is_group(group))
		return -EINVAL;
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s =
			config_setting_get_elem(group, (unsigned int)i);
		const char *name = config_setting_name(s);
		int r = -EINVAL;

		if (strcmp(name, "is") == 0)
			r = read_letter(s, ret);
		else if (strcmp(name, "when") == 0)
			r = read_when(s, compiler, ret, ret_why);
		if (r < 0)
			return r;
	}
	return ret->letter ? 0 : -EINVAL;
}

static int read_rules(const config_setting_t *list, struct rule_compiler *compiler,
	struct urgency_rules *ret, const char **ret_why)
{
	int count = config_setting_length(list), r = 0;

	if (!config_setting_is_list(list) || count > URGENCY_RULES_MAX)
		return -EINVAL;
	for (int i = 0; r == 0 && i < count; i++)
		r = read_rule(config_setting_get_elem(list, (unsigned int)i), compiler,
			&ret->rules[ret->count++], ret_why);
	return r;
}

int urgency_read(const config_setting_t *group, struct rule_compiler *compiler,
	struct urgency_rules *ret, const char **ret_why)
{
	int r = group && !config_setting_is_group(group) ? -EINVAL : 0;

	*ret_why = "urgency is { transit_h, bound_h: hours; rules: up to 8 of { is: A, B "
		   "or C; when: an expression } }";
	ret->transit_s = TRANSIT_H * HOUR_S;
	ret->bound_s = BOUND_H * HOUR_S;
	for (int i = 0; r == 0 && group && i < config_setting_length(group); i++) {
		const config_setting_t *s =
			config_setting_get_elem(group, (unsigned int)i);
		const char *name = config_setting_name(s);

		r = -EINVAL;
		if (strcmp(name, "transit_h") == 0)
			r = read_hours(s, &ret->transit_s);
		else if (strcmp(name, "bound_h") == 0)
			r = read_hours(s, &ret->bound_s);
		else if (strcmp(name, "rules") == 0)
			r = read_rules(s, compiler, ret, ret_why);
	}
	return r;
}

void urgency_done(struct urgency_rules *u)
{
	for (size_t i = 0; i < u->count; i++)
		xmlXPathFreeCompExpr(u->rules[i].when);
}

/* What a partner says of a time orders its own documents alone; the bound is for slips:
 * one that is said to come in ten years still comes to its turn. */
static int64_t expected(
	const struct urgency_rules *u, const struct facts *facts, int64_t now)
{
	int64_t t = facts->arrival
			    ? facts->arrival
			    : (facts->departure ? facts->departure : now) + u->transit_s;

	if (t > now + u->bound_s)
		return now + u->bound_s;
	return t < now - u->bound_s ? now - u->bound_s : t;
}

void urgency_of(const struct urgency_rules *u, xmlXPathContext *context, xmlDoc *doc,
	const struct facts *facts, int64_t now, struct urgency_found *ret)
{
	char letter = 'B';

	for (size_t i = 0; i < u->count; i++) {
		const struct urgency_rule *rule = &u->rules[i];

		if (!rule->when || rule_holds(context, rule->when, (xmlNode *)doc) > 0) {
			letter = rule->letter;
			break;
		}
	}
	*ret = (struct urgency_found){ { letter, '\0' }, expected(u, facts, now) };
}
