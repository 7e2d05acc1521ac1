/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include <errno.h>
#include <libxml/xpathInternals.h>
/* xmlsec.h first: the others need its types. */
#include <xmlsec/xmlsec.h>

#include <xmlsec/errors.h>
#include <xmlsec/io.h>
#include <xmlsec/nodeset.h>
#include <xmlsec/transforms.h>
#include <xmlsec/xmltree.h>

#define WORK_NODE 100u /* of a budget, in the engine's node-sets */
#define PREFIXES_MAX 64u

static void say_nothing(const char *file, int line, const char *function,
	const char *object, const char *subject, int reason, const char *message)
{
	(void)file;
	(void)line;
	(void)function;
	(void)object;
	(void)subject;
	(void)reason;
	(void)message;
}

int sig_transform_setup(void)
{
	static bool done;

	if (done)
		return 0;
	xmlSecErrorsSetCallback(say_nothing);
	if (xmlSecInit() < 0 || xmlSecCheckVersion() != 1)
		return -EIO;
	/* Nothing that xmlsec runs may open a file or an address. */
	xmlSecIOCleanupCallbacks();
	done = true;
	return 0;
}

/* One transform, from its element (with parameters) or bare. Nothing else is enabled. */
static bool append(xmlSecTransformCtx *ctx, xmlSecTransformId id, const xmlNode *element)
{
	xmlSecTransform *t;
	xmlNode *node;

	if (id == xmlSecTransformIdUnknown)
		return false;
	if (!element)
		return xmlSecTransformCtxCreateAndAppend(ctx, id) != NULL;
	if (xmlSecPtrListAdd(&ctx->enabledTransforms, (xmlSecPtr)(uintptr_t)id) < 0)
		return false;
	memcpy(&node, &element, sizeof(node));
	t = xmlSecTransformCtxNodeRead(ctx, node, xmlSecTransformUsageDSigTransform);
	return t && t->id == id;
}

/* Base64 decodes the text of the nodes (XML Signature 6.6.2), so tags go first. */
static bool append_steps(xmlSecTransformCtx *ctx, const struct sig_step *base64)
{
	return append(ctx, xmlSecTransformRemoveXmlTagsC14NId, NULL) &&
	       append(ctx, xmlSecTransformBase64Id, base64->node);
}

/* Everything but the subtrees in omit. */
static xmlSecNodeSet *without(
	xmlDoc *doc, bool comments, const xmlNode *const *omit, size_t n)
{
	xmlNodeSet *list = xmlXPathNodeSetCreate(NULL);
	xmlSecNodeSet *set = NULL;

	for (size_t i = 0; list && i < n; i++) {
		xmlNode *node;

		memcpy(&node, &omit[i], sizeof(node));
		if (xmlXPathNodeSetAdd(list, node) < 0) {
			xmlXPathFreeNodeSet(list);
			return NULL;
		}
	}
	if (list)
		set = xmlSecNodeSetCreate(doc, list,
			comments ? xmlSecNodeSetTreeInvert
				 : xmlSecNodeSetTreeWithoutCommentsInvert);
	if (!set)
		xmlXPathFreeNodeSet(list);
	return set;
}

static xmlSecNodeSet *node_set(xmlDoc *doc, const xmlNode *apex, bool comments,
	const xmlNode *const *omit, size_t omit_count)
{
	xmlSecNodeSet *set, *rest;
	xmlNode *node;

	if (!apex && omit_count > 0)
		return without(doc, comments, omit, omit_count);
	memcpy(&node, &apex, sizeof(node));
	set = xmlSecNodeSetGetChildren(doc, node, comments, 0);
	if (!set || omit_count == 0)
		return set;
	rest = without(doc, comments, omit, omit_count);
	if (rest && xmlSecNodeSetAdd(set, rest, xmlSecNodeSetIntersection))
		return set;
	xmlSecNodeSetDestroy(rest);
	xmlSecNodeSetDestroy(set);
	return NULL;
}

static int execute(xmlSecTransformCtx *ctx, xmlSecNodeSet *nodes, struct buf *ret)
{
	size_t before = ret->len;
	int r;

	if (xmlSecTransformCtxXmlExecute(ctx, nodes) < 0 || !ctx->result)
		return -EBADMSG;
	r = buf_add(ret, xmlSecBufferGetData(ctx->result),
		(size_t)xmlSecBufferGetSize(ctx->result));
	if (r < 0)
		return r == -E2BIG ? -EBADMSG : r;
	/* Nothing at all is a mistake or an attack, never a document. */
	return ret->len > before ? 0 : -EBADMSG;
}

/* InclusiveNamespaces/@PrefixList in place as a list. Return: how many, or -1. */
static int split_prefixes(char *text, const char **list)
{
	static const char SPACE[] = " \t\r\n";
	size_t n = 0;

	for (char *at = text + strspn(text, SPACE); *at; at += strspn(at, SPACE)) {
		if (n == PREFIXES_MAX)
			return -1;
		list[n++] = at;
		at += strcspn(at, SPACE);
		if (*at)
			*at++ = '\0';
	}
	list[n] = NULL;
	return (int)n;
}

static int canonicalize(xmlDoc *doc, const xmlNode *apex, const xmlNode *const *omit,
	size_t omit_count, enum xml_c14n algorithm, const xmlNode *method, uint64_t *work,
	struct buf *ret)
{
	const xmlNode *x = xml_child(method, NS_EXC_C14N, "InclusiveNamespaces");
	_cleanup_(freep) char *text = xml_attribute(x, "PrefixList");
	const char *prefixes[PREFIXES_MAX + 1];
	int r;

	if (text && split_prefixes(text, prefixes) < 0)
		return -EBADMSG;
	r = xml_canonicalize_within(doc, apex, omit, omit_count, algorithm,
		text ? prefixes : NULL, work, ret);
	return r == -EINVAL || r == -E2BIG ? -EBADMSG : r;
}

/* A node-set without comments has none in any canonical form. */
static enum xml_c14n bare(enum xml_c14n c14n)
{
	switch (c14n) {
	case XML_C14N_10_COMMENTS:
		return XML_C14N_10;
	case XML_C14N_11_COMMENTS:
		return XML_C14N_11;
	case XML_C14N_EXCLUSIVE_COMMENTS:
		return XML_C14N_EXCLUSIVE;
	case XML_C14N_NONE:
	case XML_C14N_10:
	case XML_C14N_11:
	case XML_C14N_EXCLUSIVE:
	default:
		return c14n;
	}
}

/* Where a canonical form is all that is asked: one pass, where the engine would ask a
 * node-set about every node. */
static int canonical_form(xmlDoc *doc, const xmlNode *apex, bool comments,
	const xmlNode *const *omit, size_t omit_count, const struct sig_step *last,
	enum xml_c14n fallback, uint64_t *work, struct buf *ret)
{
	bool named = last && last->kind == STEP_C14N;
	enum xml_c14n c14n = named ? last->c14n : fallback;

	return canonicalize(doc, apex, omit, omit_count, comments ? c14n : bare(c14n),
		named ? last->node : NULL, work, ret);
}

static size_t nodes_below(const xmlDoc *doc, const xmlNode *apex)
{
	const xmlNode *top = apex ? apex : xmlDocGetRootElement(doc), *n = top;
	size_t count = 1;

	while (n) {
		if (n->type == XML_ELEMENT_NODE && n->children) {
			n = n->children;
		} else {
			while (n != top && !n->next)
				n = n->parent;
			n = n == top ? NULL : n->next;
		}
		count++;
	}
	return count;
}

static bool spend(uint64_t *work, uint64_t amount)
{
	bool enough = !work || *work >= amount;

	if (work)
		*work -= enough ? amount : *work;
	return enough;
}

int sig_spend(struct sig_context *c, uint64_t work)
{
	return spend(c->work, work) ? 0 : -EDQUOT;
}

int sig_transform(xmlDoc *doc, const xmlNode *apex, bool comments,
	const xmlNode *const *omit, size_t omit_count, const struct sig_step *steps,
	size_t step_count, enum xml_c14n fallback, uint64_t *work, struct buf *ret)
{
	size_t before = ret->len;
	const struct sig_step *last = step_count > 0 ? &steps[step_count - 1] : NULL;
	xmlSecTransformCtx ctx;
	xmlSecNodeSet *nodes;
	int r = -EBADMSG;

	if (!last || last->kind != STEP_BASE64)
		return canonical_form(
			doc, apex, comments, omit, omit_count, last, fallback, work, ret);
	if (!spend(work, nodes_below(doc, apex) * WORK_NODE))
		return -EDQUOT;
	if (xmlSecTransformCtxInitialize(&ctx) < 0)
		return -ENOMEM;
	ctx.enabledUris = xmlSecTransformUriTypeNone;
	nodes = node_set(doc, apex, comments, omit, omit_count);
	if (!nodes)
		r = -ENOMEM;
	else if (append_steps(&ctx, last))
		r = execute(&ctx, nodes, ret);
	if (r == 0 && !spend(work, (ret->len - before) * SIG_WORK_BASE64))
		r = -EDQUOT;
	xmlSecTransformCtxFinalize(&ctx);
	xmlSecNodeSetDestroy(nodes);
	return r;
}

int sig_canonicalize(xmlDoc *doc, const xmlNode *apex, enum xml_c14n algorithm,
	const xmlNode *method, uint64_t *work, struct buf *ret)
{
	return canonicalize(doc, apex, NULL, 0, algorithm, method, work, ret);
}
