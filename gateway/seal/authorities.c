/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/authorities.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"
#include "evidence/record.h"
#include "policy/cfg.h"

#include <errno.h>
#include <stdio.h>

#define DAY_S 86400
#define SKEW_S 60
#define SKEW_MAX_S 300
#define ALARM_S 3600
#define BATCH_WAIT_MAX_MS 5000
#define QUOTA_MAX 1000000000
#define RESERVE 100 /* queries that are written down at once, before they are made */
#define USAGE_MAX 65536
#define SILENT_MIN_MS 1000
#define SILENT_MAX_MS 60000
#define FAULT_MIN_MS 10000 /* after an answer that a person has to look at */
#define FAULT_MAX_MS 600000

static const struct cfg_key ROOT_KEYS[] = {
	{ "authorities", CFG_GROUPS, true },
	{ "alarm_after_s", CFG_INT, false },
	{ "batch", CFG_GROUP, false },
	{ 0 },
};

static const struct cfg_key BATCH_KEYS[] = {
	{ "documents", CFG_INT, true },
	{ "wait_ms", CFG_INT, true },
	{ "seal", CFG_STRING, true },
	{ 0 },
};

static const struct cfg_key AUTHORITY_KEYS[] = {
	{ "name", CFG_STRING, true },
	{ "url", CFG_STRING, true },
	{ "policy", CFG_STRING, false },
	{ "max_skew_s", CFG_INT, false },
	{ "per_day", CFG_INT, false },
	{ "per_minute", CFG_INT, false },
	{ 0 },
};

const char *tsa_answer_text(enum tsa_answer answer)
{
	static const char *const TEXTS[] = { "not asked", "granted", "silent", "refused",
		"wrong", "skewed", "stopped" };

	return (size_t)answer < sizeof(TEXTS) / sizeof(TEXTS[0]) ? TEXTS[answer] : "";
}

/* Reading ---------------------------------------------------------------------------- */

static int read_int(const struct cfg *c, const config_setting_t *group, const char *name,
	int min, int max, int def)
{
	const config_setting_t *s = config_setting_get_member(group, name);
	int n = s ? config_setting_get_int(s) : def;

	if (s && (n < min || n > max))
		return cfg_fail(c, s, "%s must be %d to %d", name, min, max);
	return n;
}

/* Dotted decimal: a first arc of 0 to 2, at least two arcs. */
static bool is_oid(const char *text)
{
	size_t arcs = 0;

	if (text[0] < '0' || text[0] > '2' || text[1] != '.')
		return false;
	while (*text) {
		size_t digits = strspn(text, "0123456789");

		if (!digits || (digits > 1 && text[0] == '0'))
			return false;
		arcs++;
		text += digits;
		if (*text == '.' && !*++text)
			return false;
	}
	return arcs > 1;
}

static int read_texts(
	const struct cfg *c, const config_setting_t *group, struct authority *a)
{
	const config_setting_t *policy = config_setting_get_member(group, "policy");
	int r = cfg_member_text(c, group, "name", a->name, sizeof(a->name));

	if (r == 0)
		r = cfg_member_text(c, group, "url", a->url, sizeof(a->url));
	if (r == 0 && policy)
		r = cfg_text(c, policy, a->policy, sizeof(a->policy));
	if (r < 0)
		return r;
	if (!cfg_name_ok(a->name))
		return cfg_fail(c, group, "%s is no name", a->name);
	if (strncmp(a->url, "https://", 8) != 0 && strncmp(a->url, "http://", 7) != 0)
		return cfg_fail(c, group, "url must be http or https");
	if (policy && !is_oid(a->policy))
		return cfg_fail(c, policy, "policy must be a dotted identifier");
	return 0;
}

static int read_authority(
	const struct cfg *c, const config_setting_t *group, struct authorities *all)
{
	struct authority *a = &all->list[all->count];
	int day, minute;

	if (all->count == AUTHORITIES_MAX)
		return cfg_fail(c, group, "more than %d authorities", AUTHORITIES_MAX);
	*a = (struct authority){ 0 };
	if (cfg_check(c, group, AUTHORITY_KEYS) < 0 || read_texts(c, group, a) < 0)
		return -EINVAL;
	a->max_skew_s = read_int(c, group, "max_skew_s", 1, SKEW_MAX_S, SKEW_S);
	day = read_int(c, group, "per_day", 1, QUOTA_MAX, 0);
	minute = read_int(c, group, "per_minute", 1, QUOTA_MAX, 0);
	if (a->max_skew_s < 0 || day < 0 || minute < 0)
		return -EINVAL;
	a->per_day = day;
	a->per_minute = minute;
	a->allowance = minute;
	a->at_ms = clock_monotonic_ms();
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->list[i].name, a->name) == 0)
			return cfg_fail(c, group, "%s is there twice", a->name);
	all->count++;
	return 0;
}

static int read_batch(const struct cfg *c, struct batch_rule *ret)
{
	const config_setting_t *group = config_setting_get_member(cfg_root(c), "batch"),
			       *seal;
	const char *level;

	if (!group)
		return 0;
	if (cfg_check(c, group, BATCH_KEYS) < 0)
		return -EINVAL;
	ret->documents = read_int(c, group, "documents", 1, RECORD_LEAVES_MAX, 1);
	ret->wait_ms = read_int(c, group, "wait_ms", 0, BATCH_WAIT_MAX_MS, 0);
	if (ret->documents < 0 || ret->wait_ms < 0)
		return -EINVAL;
	seal = config_setting_get_member(group, "seal");
	level = config_setting_get_string(seal);
	if (strcmp(level, "T") != 0 && strcmp(level, "B") != 0)
		return cfg_fail(c, seal, "seal is \"T\" or \"B\"");
	ret->level_b = level[0] == 'B';
	return 0;
}

static int read_all(const struct cfg *c, struct authorities *a)
{
	const config_setting_t *list;
	int r = cfg_check(c, cfg_root(c), ROOT_KEYS);

	if (r < 0)
		return r;
	list = config_setting_get_member(cfg_root(c), "authorities");
	for (unsigned int i = 0; i < (unsigned int)config_setting_length(list); i++) {
		r = read_authority(c, config_setting_get_elem(list, i), a);
		if (r < 0)
			return r;
	}
	if (!a->count)
		return cfg_fail(c, list, "no authority at all");
	r = read_int(c, cfg_root(c), "alarm_after_s", 1, 30 * DAY_S, ALARM_S);
	if (r < 0)
		return r;
	a->alarm_s = r;
	return read_batch(c, &a->batch);
}

/* Usage ------------------------------------------------------------------------------ */

/* What an earlier run reserved of today's quotas is used. */
static void read_usage(struct authorities *a)
{
	_cleanup_(freep) uint8_t *text = NULL;
	_cleanup_json_ json_t *json = NULL;
	const json_t *list, *item;
	size_t len, i;

	if (file_read(a->usage, USAGE_MAX, &text, &len) < 0)
		return;
	json = json_read(span_of(text, len), USAGE_MAX);
	list = json_object_get(json, "authorities");
	json_array_foreach(list, i, item)
	{
		const char *name = json_string_of(item, "name");

		for (size_t n = 0; name && n < a->count; n++) {
			struct authority *one = &a->list[n];

			if (strcmp(one->name, name) != 0)
				continue;
			one->day = json_integer_value(json_object_get(item, "day"));
			one->reserved = one->used =
				json_integer_value(json_object_get(item, "used"));
		}
	}
}

static json_t *usage_of(const struct authority *one)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:s}", "name", one->name,
		"url", one->url, "day", (json_int_t)one->day, "used",
		(json_int_t)one->reserved, "per_day", (json_int_t)one->per_day,
		"per_minute", (json_int_t)one->per_minute, "last",
		tsa_answer_text(one->last), "reason", one->reason);
}

/* Called with the lock. Return: 0 or negative. */
static int write_usage(const struct authorities *a)
{
	_cleanup_json_ json_t *json = NULL;
	_cleanup_(freep) char *text = NULL;
	json_t *list = json_array();

	for (size_t i = 0; i < a->count; i++)
		json_array_append_new(list, usage_of(&a->list[i]));
	json = json_pack("{s:o, s:o, s:i}", "authorities", list, "missing_since",
		json_time(a->missing_at), "alarm_after_s", a->alarm_s);
	text = json ? json_dumps(json, JSON_INDENT(1) | JSON_PRESERVE_ORDER) : NULL;
	return text ? durable_write(a->usage, span_str(text), 0644) : -ENOMEM;
}

/* Count a query against the day's quota. What is not written down is not made, so that
 * no end of this program lets the quota begin anew. */
static bool take_of_day(struct authorities *a, struct authority *one)
{
	int64_t today = clock_now() / DAY_S;

	if (!one->per_day)
		return true;
	if (one->day != today) {
		one->day = today;
		one->used = one->reserved = 0;
	}
	if (one->used >= one->per_day)
		return false;
	if (one->used == one->reserved) {
		long long left = one->per_day - one->used, before = one->reserved;

		one->reserved += left < RESERVE ? left : RESERVE;
		if (write_usage(a) < 0) {
			one->reserved = before;
			return false;
		}
	}
	one->used++;
	return true;
}

static bool take_of_minute(struct authority *one)
{
	int64_t now = clock_monotonic_ms();

	if (!one->per_minute)
		return true;
	one->allowance += (double)(now - one->at_ms) * (double)one->per_minute / 60000;
	if (one->allowance > (double)one->per_minute)
		one->allowance = (double)one->per_minute;
	one->at_ms = now;
	if (one->allowance < 1)
		return false;
	one->allowance -= 1;
	return true;
}

/* Opening ---------------------------------------------------------------------------- */

static void init(struct authorities *a)
{
	*a = (struct authorities){ .lock = PTHREAD_MUTEX_INITIALIZER,
		.alarm_s = ALARM_S };
}

void authorities_only(struct authorities *a, const char *url)
{
	struct authority *one = &a->list[0];

	init(a);
	if (!*url || strlen(url) >= sizeof(one->url))
		return;
	*one = (struct authority){ .name = "tsa_url", .max_skew_s = SKEW_MAX_S };
	(void)snprintf(one->url, sizeof(one->url), "%s", url);
	a->count = 1;
}

int authorities_open(
	struct authorities *a, const struct instance *instance, char **ret_error)
{
	_cleanup_cfg_ struct cfg c = { 0 };
	char path[PATH_MAX];
	int r = instance_path(instance, AUTHORITIES_FILE, path);

	*ret_error = NULL;
	if (r < 0)
		return r;
	r = cfg_open(path, &c, ret_error);
	if (r == -ENOENT) {
		free(TAKE(*ret_error));
		authorities_only(a, config_string(instance->config, "seal.tsa_url"));
		return instance_path(instance, AUTHORITIES_USAGE, a->usage);
	}
	if (r < 0)
		return r;
	init(a);
	r = read_all(&c, a);
	if (r == 0)
		r = instance_path(instance, AUTHORITIES_USAGE, a->usage);
	if (r == 0)
		read_usage(a);
	return r;
}

/* Choosing --------------------------------------------------------------------------- */

/* The one to ask first of those left: who answers before who does not, then by order. */
static int best(const struct authorities *a, unsigned int tried, int64_t now)
{
	int found = -1;

	for (size_t i = 0; i < a->count; i++) {
		const struct authority *one = &a->list[i];

		if (tried & 1u << i)
			continue;
		if (one->until <= now)
			return (int)i;
		if (found < 0 || one->until < a->list[found].until)
			found = (int)i;
	}
	return found;
}

int authorities_next(
	struct authorities *a, unsigned int tried, char *ret_reason, size_t size)
{
	int64_t now = clock_monotonic_ms();
	int i;

	pthread_mutex_lock(&a->lock);
	while ((i = best(a, tried, now)) >= 0) {
		struct authority *one = &a->list[i];

		if (take_of_minute(one) && take_of_day(a, one)) {
			/* While one thread finds out, the others ask elsewhere. */
			if (one->delay_ms)
				one->until = now + one->delay_ms;
			break;
		}
		tried |= 1u << i;
		(void)snprintf(ret_reason, size,
			"%s: its quota is used up, or its use cannot be written down",
			one->name);
	}
	pthread_mutex_unlock(&a->lock);
	if (!a->count)
		(void)snprintf(ret_reason, size, "no authority is named in %s, nor in %s",
			AUTHORITIES_FILE, "seal.tsa_url");
	return i;
}

static void back_off(struct authority *one, int min, int max)
{
	int next = one->delay_ms ? one->delay_ms * 2 : min;

	one->delay_ms = next > max ? max : next;
	one->until = clock_monotonic_ms() + one->delay_ms;
}

void authorities_said(
	struct authorities *a, size_t index, enum tsa_answer answer, const char *reason)
{
	struct authority *one = &a->list[index];
	bool changed;

	pthread_mutex_lock(&a->lock);
	changed = one->last != answer;
	switch (answer) {
	case TSA_GRANTED:
		one->delay_ms = 0;
		one->until = 0;
		changed |= a->missing_since != 0;
		a->missing_since = 0;
		a->missing_at = 0;
		a->alarmed = false;
		break;
	case TSA_SILENT:
		back_off(one, SILENT_MIN_MS, SILENT_MAX_MS);
		break;
	case TSA_REFUSED:
	case TSA_WRONG:
	case TSA_SKEWED:
		back_off(one, FAULT_MIN_MS, FAULT_MAX_MS);
		break;
	case TSA_STOPPED:
	case TSA_UNDECIDED:
	default:
		changed = false;
		break;
	}
	if (changed) {
		one->last = answer;
		(void)snprintf(one->reason, sizeof(one->reason), "%s", reason);
		if (a->usage[0])
			(void)write_usage(a);
	}
	pthread_mutex_unlock(&a->lock);
}

int authorities_countdown(struct authorities *a, bool *ret_first)
{
	int64_t now = clock_monotonic_ms(), left;

	pthread_mutex_lock(&a->lock);
	if (!a->missing_since) {
		a->missing_since = now;
		a->missing_at = clock_now();
		if (a->usage[0])
			(void)write_usage(a);
	}
	left = a->alarm_s - (now - a->missing_since) / 1000;
	*ret_first = left < 0 && !a->alarmed;
	a->alarmed |= *ret_first;
	pthread_mutex_unlock(&a->lock);
	return (int)left;
}

int authorities_missing(struct authorities *a)
{
	int64_t now = clock_monotonic_ms(), since;

	pthread_mutex_lock(&a->lock);
	since = a->missing_since;
	pthread_mutex_unlock(&a->lock);
	return since ? (int)((now - since) / 1000) : -1;
}
