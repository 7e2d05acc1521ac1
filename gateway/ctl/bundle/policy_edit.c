/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/policy_edit.h"

#include <errno.h>
#include <libxml/parser.h>
#include <string.h>

static const char *text_of(const config_setting_t *group, const char *name)
{
	const config_setting_t *s = config_setting_get_member(group, name);

	return s ? config_setting_get_string(s) : NULL;
}

static int select_nodes(const struct cfg *c, const config_setting_t *at,
	const struct prefixes *prefixes, xmlDoc *doc, xmlXPathObject **ret_set)
{
	_cleanup_(rule_compiler_freep) struct rule_compiler *compiler =
		rule_compiler_new(prefixes);
	_cleanup_xpath_ xmlXPathContext *context = rule_context(doc, 0);
	const char *why = "there is no memory";
	xmlXPathCompExpr *e = NULL;
	xmlXPathObject *set = NULL;

	if (compiler && context && rule_context_use(context, prefixes) == 0)
		e = rule_compile(
			compiler, config_setting_get_string(at), WANT_NODES, &why);
	if (!e)
		return cfg_fail(c, at, "%s", why);
	set = rule_evaluate(context, e, (xmlNode *)doc);
	xmlXPathFreeCompExpr(e);
	if (set && set->nodesetval && set->nodesetval->nodeNr > 0) {
		*ret_set = set;
		return 0;
	}
	xmlXPathFreeObject(set);
	return cfg_fail(c, at, "there is no such place in the document");
}

static int set_text(xmlNode *node, const char *text)
{
	if (node->type == XML_ATTRIBUTE_NODE)
		return xmlSetNsProp(node->parent, node->ns, node->name, BAD_CAST text)
			       ? 0
			       : -ENOMEM;
	xmlNodeSetContent(node, NULL);
	xmlNodeAddContent(node, BAD_CAST text);
	return 0;
}

static void take_out(xmlNode *node)
{
	if (node->type == XML_ATTRIBUTE_NODE) {
		xmlRemoveProp((xmlAttr *)(void *)node);
		return;
	}
	xmlUnlinkNode(node);
	xmlFreeNode(node);
}

enum edit { EDIT_SET, EDIT_REMOVE, EDIT_INTO, EDIT_BEFORE, EDIT_AFTER };

/* The fragment is read with the namespaces that are in scope at the place. */
static int insert(enum edit edit, xmlNode *place, const char *xml)
{
	xmlNode *scope = edit == EDIT_INTO ? place : place->parent, *list = NULL;
	xmlNode *last = place;

	if (xmlParseInNodeContext(scope, xml, (int)strlen(xml), XML_PARSE_NONET, &list) !=
			XML_ERR_OK ||
		!list)
		return -EINVAL;
	for (xmlNode *next; list; list = next) {
		next = list->next;
		xmlUnlinkNode(list);
		if (edit == EDIT_INTO)
			last = xmlAddChild(place, list);
		else if (edit == EDIT_BEFORE)
			last = xmlAddPrevSibling(place, list);
		else
			last = xmlAddNextSibling(last, list);
		if (!last)
			return -ENOMEM;
	}
	return 0;
}

static int edit_nodes(const struct cfg *c, const config_setting_t *at, enum edit edit,
	xmlNodeSet *nodes, const char *text)
{
	int r = 0;

	/* Backwards: what is removed may hold what comes behind it. */
	for (int i = nodes ? nodes->nodeNr - 1 : -1; r == 0 && i >= 0; i--) {
		xmlNode *node = nodes->nodeTab[i];

		if (edit == EDIT_SET)
			r = set_text(node, text);
		else if (edit == EDIT_REMOVE)
			take_out(node);
		else
			r = insert(edit, node, text);
		if (edit == EDIT_REMOVE)
			nodes->nodeNr = i; /* the set must not hold what is gone */
	}
	return r == -EINVAL ? cfg_fail(c, at, "the XML cannot be read in this place") : r;
}

int policy_edit(const struct cfg *c, const config_setting_t *group,
	const struct prefixes *prefixes, xmlDoc *doc)
{
	static const struct {
		const char *place, *text;
	} EDITS[] = { [EDIT_SET] = { "set", "to" },
		[EDIT_REMOVE] = { "remove", NULL },
		[EDIT_INTO] = { "into", "xml" },
		[EDIT_BEFORE] = { "before", "xml" },
		[EDIT_AFTER] = { "after", "xml" } };
	int r = 0;

	for (int i = 0; r == 0 && i < (int)(sizeof(EDITS) / sizeof(EDITS[0])); i++) {
		const config_setting_t *at =
			config_setting_get_member(group, EDITS[i].place);
		const char *text = EDITS[i].text ? text_of(group, EDITS[i].text) : "";
		_cleanup_object_ xmlXPathObject *set = NULL;

		if (!at)
			continue;
		if (!text)
			return cfg_fail(c, at, "%s needs %s beside it", EDITS[i].place,
				EDITS[i].text);
		r = select_nodes(c, at, prefixes, doc, &set);
		if (r == 0)
			r = edit_nodes(
				c, at, (enum edit)i, set ? set->nodesetval : NULL, text);
	}
	return r;
}
