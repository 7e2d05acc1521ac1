/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/messages.h"

#include "policy/cfg.h"
#include "policy/load.h"

#include "common/buf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HOLE "{}"
#define HOLES_MAX 6
#define ENGLISH "en"

struct pair {
	char *english, *translated;
};

struct language {
	char name[8];
	struct pair *pairs; /* sorted by the English text */
	size_t count;
};

struct messages {
	struct language *languages;
	size_t count;
};

static size_t holes(const char *text)
{
	size_t n = 0;

	for (const char *p = strstr(text, HOLE); p; p = strstr(p + 2, HOLE))
		n++;
	return n;
}

static int read_pair(const struct cfg *c, const config_setting_t *group, struct pair *p)
{
	static const struct cfg_key KEYS[] = { { "en", CFG_STRING, true },
		{ "to", CFG_STRING, true }, { 0 } };
	char english[MESSAGE_SIZE], translated[MESSAGE_SIZE];
	int r = cfg_check(c, group, KEYS);

	if (r == 0)
		r = cfg_member_text(c, group, "en", english, sizeof(english));
	if (r == 0)
		r = cfg_member_text(c, group, "to", translated, sizeof(translated));
	if (r < 0)
		return r;
	if (holes(english) != holes(translated) || holes(english) > HOLES_MAX)
		return cfg_fail(c, group, "both texts have the same holes, at most %d",
			HOLES_MAX);
	*p = (struct pair){ strdup(english), strdup(translated) };
	return p->english && p->translated ? 0 : -ENOMEM;
}

static int by_english(const void *a, const void *b)
{
	return strcmp(
		((const struct pair *)a)->english, ((const struct pair *)b)->english);
}

static int read_pairs(const struct cfg *c, struct language *l)
{
	static const struct cfg_key KEYS[] = { { "texts", CFG_GROUPS, true }, { 0 } };
	const config_setting_t *list;
	int r = cfg_check(c, cfg_root(c), KEYS), n;

	if (r < 0)
		return r;
	list = config_setting_get_member(cfg_root(c), "texts");
	n = config_setting_length(list);
	l->pairs = calloc((size_t)n + 1, sizeof(*l->pairs));
	for (int i = 0; l->pairs && r == 0 && i < n; i++)
		r = read_pair(c, config_setting_get_elem(list, (unsigned int)i),
			&l->pairs[l->count++]);
	if (!l->pairs)
		return -ENOMEM;
	if (r < 0)
		return r;
	qsort(l->pairs, l->count, sizeof(*l->pairs), by_english);
	for (size_t i = 1; i < l->count; i++)
		if (strcmp(l->pairs[i].english, l->pairs[i - 1].english) == 0)
			return cfg_fail(
				c, list, "this is there twice: %s", l->pairs[i].english);
	return 0;
}

/* NAME.cfg: a language as RFC 5646 writes the short ones. */
static int read_language(
	const char *folder, const char *file, struct language *l, char **ret_error)
{
	_cleanup_cfg_ struct cfg c = { 0 };
	char path[PATH_MAX];
	int r = policy_join(path, folder, file);

	if (r == 0)
		r = cfg_open(path, &c, ret_error);
	if (r < 0)
		return r;
	if (strlen(file) != 6 || strspn(file, "abcdefghijklmnopqrstuvwxyz") != 2)
		return cfg_fail(&c, cfg_root(&c), "a language is named by two letters");
	(void)snprintf(l->name, sizeof(l->name), "%.2s", file);
	return read_pairs(&c, l);
}

int messages_load(const char *policies, struct messages **ret_messages, char **ret_error)
{
	_cleanup_(messages_freep) struct messages *m = calloc(1, sizeof(*m));
	char folder[PATH_MAX], **names = NULL;
	int r = m ? policy_join(folder, policies, "messages") : -ENOMEM;
	int count = r == 0 ? cfg_files(folder, &names) : r;

	for (int i = 0; r == 0 && i < count; i++) {
		r = policy_grow((void **)&m->languages, m->count, sizeof(*m->languages));
		if (r == 0)
			r = read_language(
				folder, names[i], &m->languages[m->count++], ret_error);
	}
	cfg_names_free(names, count > 0 ? (size_t)count : 0);
	if (count < 0 || r < 0)
		return count < 0 ? count : r;
	*ret_messages = TAKE(m);
	return 0;
}

void messages_free(struct messages *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->count; i++) {
		for (size_t k = 0; k < m->languages[i].count; k++) {
			free(m->languages[i].pairs[k].english);
			free(m->languages[i].pairs[k].translated);
		}
		free(m->languages[i].pairs);
	}
	free(m->languages);
	free(m);
}

const char *messages_language(const struct messages *m, size_t index)
{
	return index < m->count ? m->languages[index].name : NULL;
}

static const struct language *language_of(const struct messages *m, const char *name)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->languages[i].name, name) == 0)
			return &m->languages[i];
	return NULL;
}

/* The quality of a range in thousandths; 1000 without one, 0 when it is malformed. */
static int quality_of(const char *parameters, size_t len)
{
	const char *q = memchr(parameters, '=', len);
	int value = 0, scale = 1000;

	if (!q)
		return 1000;
	for (q++; q < parameters + len && scale > 0; q++) {
		if (*q == '.')
			continue;
		if (*q < '0' || *q > '9')
			break;
		value += (*q - '0') * scale;
		scale /= 10;
	}
	return value > 1000 ? 0 : value;
}

/* The language of a range ("fr-CH;q=0.8"), or NULL. */
static const char *range_language(const struct messages *m, const char *range, size_t len)
{
	const struct language *l;
	char name[3] = "";

	if (len > 0 && *range == '*')
		return ENGLISH;
	if (len < 2 || (len > 2 && range[2] != '-' && range[2] != ';' && range[2] != ' '))
		return NULL;
	for (int i = 0; i < 2; i++)
		name[i] = (char)(range[i] | 0x20);
	if (strcmp(name, ENGLISH) == 0)
		return ENGLISH;
	l = language_of(m, name);
	return l ? l->name : NULL;
}

const char *messages_negotiate(const struct messages *m, const char *accept)
{
	const char *best = NULL;
	int best_quality = 0;

	while (*accept) {
		size_t n;
		const char *found, *semicolon;
		int quality;

		accept += strspn(accept, " \t,");
		n = strcspn(accept, ",");
		found = range_language(m, accept, n);
		semicolon = memchr(accept, ';', n);
		quality = semicolon ? quality_of(
					      semicolon, n - (size_t)(semicolon - accept))
				    : 1000;
		if (found && quality > best_quality) {
			best = found;
			best_quality = quality;
		}
		accept += n;
	}
	return best;
}

struct hole {
	const char *text;
	size_t len;
};

/* Does a text fit a sentence with holes? Each hole takes as little as it can, the last
 * what is left. */
static bool fits(const char *pattern, const char *text, struct hole *ret_holes)
{
	const char *hole = strstr(pattern, HOLE);
	size_t n = (size_t)(hole - pattern), count = 0;

	if (strncmp(pattern, text, n) != 0)
		return false;
	text += n;
	for (pattern = hole + 2;; pattern = hole + 2) {
		char literal[MESSAGE_SIZE];
		const char *next;

		hole = strstr(pattern, HOLE);
		n = hole ? (size_t)(hole - pattern) : strlen(pattern);
		memcpy(literal, pattern, n);
		literal[n] = '\0';
		next = hole		   ? strstr(text, literal)
		       : strlen(text) >= n ? text + strlen(text) - n
					   : NULL;
		if (!next || strncmp(next, literal, n) != 0)
			return false;
		ret_holes[count++] = (struct hole){ text, (size_t)(next - text) };
		if (!hole)
			return true;
		text = next + n;
	}
}

static char *fill(const char *pattern, const struct hole *filling)
{
	_cleanup_buf_ struct buf b;

	buf_init(&b, 16u * MESSAGE_SIZE);
	for (const char *hole; (hole = strstr(pattern, HOLE)); pattern = hole + 2) {
		buf_add(&b, pattern, (size_t)(hole - pattern));
		buf_add(&b, filling->text, filling->len);
		filling++;
	}
	buf_add_str(&b, pattern);
	return buf_take(&b, NULL);
}

/* Of the sentences with holes that fit, the one that says most itself. */
static const struct pair *find_pattern(
	const struct language *l, const char *english, struct hole ret_holes[HOLES_MAX])
{
	struct hole filling[HOLES_MAX] = { 0 };
	const struct pair *best = NULL;

	for (size_t i = 0; i < l->count; i++) {
		const struct pair *p = &l->pairs[i];

		if (!strstr(p->english, HOLE) ||
			(best && strlen(best->english) >= strlen(p->english)) ||
			!fits(p->english, english, filling))
			continue;
		best = p;
		memcpy(ret_holes, filling, sizeof(filling));
	}
	return best;
}

static const struct pair *find_exact(const struct language *l, const char *english)
{
	union {
		const char *in;
		char *out;
	} text = { .in = english };
	const struct pair key = { .english = text.out };

	return l->count ? bsearch(&key, l->pairs, l->count, sizeof(*l->pairs), by_english)
			: NULL;
}

char *messages_find(const struct messages *m, const char *language, const char *english)
{
	const struct language *l = language_of(m, language);
	const struct pair *p = l ? find_exact(l, english) : NULL;
	struct hole filling[HOLES_MAX];

	if (p || !l)
		return p ? strdup(p->translated) : NULL;
	p = find_pattern(l, english, filling);
	return p ? fill(p->translated, filling) : NULL;
}

bool messages_have(const struct messages *m, const char *language, const char *english)
{
	const struct language *l = language_of(m, language);
	struct hole filling[HOLES_MAX];
	const struct pair *p;

	if (!l || find_exact(l, english))
		return l;
	p = find_pattern(l, english, filling);
	for (size_t i = 0; p && i < holes(p->english); i++)
		if (memchr(filling[i].text, ' ', filling[i].len))
			return false;
	return p;
}
