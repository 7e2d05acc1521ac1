/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/attachments.h"

#include "common/cleanup.h"
#include "common/limits.h"
#include "document/sps.h"
#include "xml/node.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OCTETS_MAX (64 * 1024 * 1024)
#define MESSAGE_MAX 160

static int read_mode(const config_setting_t *s, struct attachments *ret)
{
	static const char *const MODES[] = {
		[ATTACHMENTS_ANY] = "any",
		[ATTACHMENTS_EMBEDDED] = "embedded",
		[ATTACHMENTS_REFERENCED] = "referenced",
		[ATTACHMENTS_REFUSED] = "refused",
	};
	const char *text = config_setting_get_string(s);

	for (size_t i = 0; text && i < sizeof(MODES) / sizeof(MODES[0]); i++)
		if (strcmp(MODES[i], text) == 0) {
			ret->mode = (enum attachment_mode)i;
			return 0;
		}
	return -EINVAL;
}

static int read_limit(const config_setting_t *s, int64_t *ret)
{
	int type = config_setting_type(s);

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
		return -EINVAL;
	*ret = config_setting_get_int64(s);
	return *ret > 0 && *ret <= OCTETS_MAX ? 0 : -EINVAL;
}

static int read_opaque(const config_setting_t *s, struct attachments *ret)
{
	int count = config_setting_length(s);

	if (!config_setting_is_aggregate(s) || count > ATTACHMENTS_OPAQUE_MAX)
		return -EINVAL;
	for (int i = 0; i < count; i++) {
		const char *kind = config_setting_get_string_elem(s, i);

		if (!kind || strlen(kind) >= sizeof(ret->opaque[i]))
			return -EINVAL;
		memcpy(ret->opaque[i], kind, strlen(kind) + 1);
	}
	ret->opaque_count = (size_t)count;
	return 0;
}

static int read_one(const config_setting_t *s, struct attachments *ret)
{
	const char *name = config_setting_name(s);

	if (strcmp(name, "mode") == 0)
		return read_mode(s, ret);
	if (strcmp(name, "count") == 0)
		return read_limit(s, &ret->count);
	if (strcmp(name, "octets") == 0)
		return read_limit(s, &ret->octets);
	if (strcmp(name, "total") == 0)
		return read_limit(s, &ret->total);
	if (strcmp(name, "opaque") == 0)
		return read_opaque(s, ret);
	if (strcmp(name, "kinds") != 0 || config_setting_type(s) != CONFIG_TYPE_BOOL)
		return -EINVAL;
	ret->kinds = config_setting_get_bool(s);
	return 0;
}

/* Kinds that the table has and says nothing of, and each of them only where it counts. */
static int check_opaque(const struct attachments *a, const char **ret_why)
{
	*ret_why = "opaque names kinds of codes/attachments.csv that it does not say how "
		   "to recognise, and needs kinds = true";
	if (a->opaque_count && !a->kinds)
		return -EINVAL;
	for (size_t i = 0; i < a->opaque_count; i++)
		if (attachment_kind_is(a->table, a->opaque[i], NULL, NULL) !=
			ATTACHMENT_OPAQUE)
			return -EINVAL;
	return 0;
}

int attachments_read(const config_setting_t *group, const char *policies,
	struct attachment_kinds **kinds, struct attachments *ret, const char **ret_why,
	char **ret_error)
{
	int r = 0;

	*ret_why = "attachments has mode (any, embedded, referenced, refused), count, "
		   "octets, total, kinds (true, false) and opaque (a list), nothing else";
	if (!config_setting_is_group(group))
		return -EINVAL;
	for (int i = 0; i < config_setting_length(group); i++)
		if (read_one(config_setting_get_elem(group, (unsigned)i), ret) < 0)
			return -EINVAL;
	ret->given = true;
	if (ret->kinds && !*kinds)
		r = attachment_kinds_load(policies, kinds, ret_error);
	ret->table = *kinds;
	return r < 0 ? r : check_opaque(ret, ret_why);
}

struct checking {
	const struct attachments *limits;
	struct findings *findings;
	int64_t count, total;
	size_t before; /* findings of others */
};

/* The caller frees; NULL for what is only counted: a place takes time to name. */
static char *place_of(const struct checking *c, const xmlNode *node)
{
	return c->findings->count < LIMIT_FINDINGS ? xml_path_of(node) : NULL;
}

/* message NULL: the sentence of the reason. */
static void complain(const struct checking *c, const char *code, const xmlNode *node,
	const char *message)
{
	_cleanup_(freep) char *path = place_of(c, node);
	_cleanup_(freep) char *name = xml_attribute(node, "filename");

	findings_addf(c->findings, SEVERITY_ERROR, code, path, name, "%s",
		message ? message : reason_find(code)->sentence);
}

static int digit_of(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The first octets of base64, and how many there are in all; what is not base64 is the
 * schema's finding and is passed over. */
static int64_t decode(const char *text, uint8_t ret_head[ATTACHMENT_HEAD])
{
	int64_t digits = 0;
	uint32_t bits = 0;

	memset(ret_head, 0, ATTACHMENT_HEAD);
	for (; *text; text++) {
		int d = digit_of((unsigned char)*text);

		if (d < 0)
			continue;
		bits = bits << 6 | (uint32_t)d;
		digits++;
		if (digits % 4 != 1 && digits * 3 / 4 <= ATTACHMENT_HEAD)
			ret_head[digits * 3 / 4 - 1] =
				(uint8_t)(bits >> (digits % 4 == 2	    ? 4
							  : digits % 4 == 3 ? 2
									    : 0));
	}
	return digits * 3 / 4;
}

/* Has schema, code or rule said something of the attachment or an attribute of it? False
 * where the list is full: counted once more it is still refused. */
static bool said(const struct checking *c, const xmlNode *node)
{
	_cleanup_(freep) char *path = place_of(c, node);
	size_t n = path ? strlen(path) : 0;

	for (size_t i = 0; path && i < c->before; i++) {
		const struct finding *f = &c->findings->list[i];

		if (f->severity == SEVERITY_ERROR && strncmp(f->where, path, n) == 0 &&
			(f->where[n] == '\0' || f->where[n] == '/'))
			return true;
	}
	return false;
}

static bool is_opaque(const struct attachments *l, const char *kind)
{
	for (size_t i = 0; i < l->opaque_count; i++)
		if (strcmp(l->opaque[i], kind) == 0)
			return true;
	return false;
}

static void complain_of_kind(struct checking *c, const xmlNode *node, const char *kind)
{
	char text[MESSAGE_MAX] = "An attachment names its kind.";

	if (kind)
		(void)snprintf(text, sizeof(text),
			"Attachments of kind %.60s cannot be recognised, and documents "
			"of this type do not carry them.",
			kind);
	if (!said(c, node))
		complain(c, "doc.attachment-unknown", node, text);
}

/* head NULL: only its address is there. */
static void check_kind(
	struct checking *c, const xmlNode *node, const uint8_t *head, const char *base64)
{
	_cleanup_(freep) char *kind = xml_attribute(node, "mimeCode");
	enum attachment_answer is = ATTACHMENT_UNLISTED;

	if (!c->limits->kinds || (!kind && !head))
		return;
	if (kind)
		is = attachment_kind_is(c->limits->table, kind, head, base64);
	if (is == ATTACHMENT_IS_NOT && !said(c, node))
		complain(c, "doc.attachment-kind", node, NULL);
	if (is == ATTACHMENT_UNLISTED ||
		(is == ATTACHMENT_OPAQUE && !is_opaque(c->limits, kind)))
		complain_of_kind(c, node, kind);
}

static void check_octets(struct checking *c, const xmlNode *node, int64_t octets)
{
	const struct attachments *l = c->limits;
	int64_t before = c->total;
	char text[MESSAGE_MAX];

	c->total += octets;
	if (l->octets && octets > l->octets) {
		(void)snprintf(text, sizeof(text),
			"The attachment has %" PRId64 " octets; at most %" PRId64
			" are taken.",
			octets, l->octets);
		complain(c, "doc.attachment-size", node, text);
	}
	if (l->total && c->total > l->total && before <= l->total) {
		(void)snprintf(text, sizeof(text),
			"With this attachment there are %" PRId64
			" octets of attachments; at most %" PRId64 " are taken together.",
			c->total, l->total);
		complain(c, "doc.attachment-size", node, text);
	}
}

/* Nothing in it, and nowhere to be had. */
static void check_content(struct checking *c, const xmlNode *node, int64_t octets)
{
	_cleanup_(freep) char *uri = xml_attribute(node, "uri");

	if (!octets && (!uri || !*uri) && c->limits->mode != ATTACHMENTS_REFUSED &&
		c->limits->mode != ATTACHMENTS_EMBEDDED && !said(c, node))
		complain(c, "doc.attachment-empty", node, NULL);
}

static void check_mode(struct checking *c, const xmlNode *node, int64_t octets)
{
	const char *code = NULL;

	switch (c->limits->mode) {
	case ATTACHMENTS_EMBEDDED:
		code = octets ? NULL : "doc.attachment-referenced";
		break;
	case ATTACHMENTS_REFERENCED:
		code = octets ? "doc.attachment-embedded" : NULL;
		break;
	case ATTACHMENTS_REFUSED:
		code = "doc.attachment-refused";
		break;
	case ATTACHMENTS_ANY:
	default:
		break;
	}
	if (code)
		complain(c, code, node, NULL);
}

/* One more than are taken: nothing is said of it but that, nor of those behind it. */
static void complain_of_count(const struct checking *c, const xmlNode *node)
{
	char text[MESSAGE_MAX];

	(void)snprintf(text, sizeof(text),
		"This is attachment number %" PRId64 "; at most %" PRId64 " are taken.",
		c->count, c->limits->count);
	complain(c, "doc.attachment-count", node, text);
}

static int check_one(struct checking *c, const xmlNode *node)
{
	xmlChar *text = xmlNodeGetContent(node);
	uint8_t head[ATTACHMENT_HEAD];
	int64_t octets;

	if (!text)
		return -ENOMEM;
	octets = decode((const char *)text, head);
	check_mode(c, node, octets);
	check_content(c, node, octets);
	if (c->limits->mode != ATTACHMENTS_REFUSED)
		check_kind(c, node, octets ? head : NULL, (const char *)text);
	xmlFree(text);
	if (octets)
		check_octets(c, node, octets);
	return 0;
}

/* Return: 0, 1 there are too many, -ENOMEM. */
static int check_next(struct checking *c, const xmlNode *node)
{
	c->count++;
	if (!c->limits->count || c->count <= c->limits->count)
		return check_one(c, node);
	complain_of_count(c, node);
	return 1;
}

/* Return: as check_next. */
static int check_below(struct checking *c, const xmlNode *parent)
{
	int r = 0;

	for (const xmlNode *n = xml_child(parent, NULL, NULL); r == 0 && n;
		n = xml_next(n, NULL, NULL))
		if (sps_is(n, "AttachmentBinaryObject"))
			r = check_next(c, n);
		else if (n->children)
			r = check_below(c, n);
	return r;
}

int attachments_check(
	const struct attachments *limits, xmlDoc *doc, struct findings *findings)
{
	struct checking c = {
		.limits = limits, .findings = findings, .before = findings->count
	};
	int r;

	if (limits->mode == ATTACHMENTS_ANY && !limits->count && !limits->octets &&
		!limits->total && !limits->kinds)
		return 0;
	/* The reader has bounded the depth. */
	r = check_below(&c, xmlDocGetRootElement(doc));
	return r < 0 ? r : 0;
}
