/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include <errno.h>
#include <libxml/xmlmemory.h>

static bool is_id(const xmlAttr *a)
{
	const char *name = (const char *)a->name;

	if (a->ns)
		return strcmp(name, "id") == 0 &&
		       strcmp((const char *)a->ns->href,
			       (const char *)XML_XML_NAMESPACE) == 0;
	return strcmp(name, "Id") == 0 || strcmp(name, "ID") == 0 ||
	       strcmp(name, "id") == 0;
}

static int add(struct sig_ids *ids, const xmlAttr *a)
{
	const char *value = a->children ? (const char *)a->children->content : NULL;

	if (!value || !*value)
		return 0;
	if ((ids->count & (ids->count - 1)) == 0) {
		size_t size = ids->count ? ids->count * 2 : 1;
		struct sig_id *list = realloc(ids->list, size * sizeof(*list));

		if (!list)
			return -ENOMEM;
		ids->list = list;
	}
	ids->list[ids->count++] = (struct sig_id){ value, a->parent };
	return 0;
}

static const xmlNode *next_node(const xmlNode *n)
{
	if (n->type == XML_ELEMENT_NODE && n->children)
		return n->children;
	while (n && !n->next)
		n = n->parent && n->parent->type == XML_ELEMENT_NODE ? n->parent : NULL;
	return n ? n->next : NULL;
}

static int by_value(const void *a, const void *b)
{
	return strcmp(
		((const struct sig_id *)a)->value, ((const struct sig_id *)b)->value);
}

int sig_ids_collect(const xmlDoc *doc, struct sig_ids *ret_ids)
{
	*ret_ids = (struct sig_ids){ 0 };
	for (const xmlNode *n = doc->children; n; n = next_node(n)) {
		if (n->type != XML_ELEMENT_NODE)
			continue;
		for (const xmlAttr *a = n->properties; a; a = a->next)
			if (is_id(a) && add(ret_ids, a) < 0) {
				sig_ids_done(ret_ids);
				return -ENOMEM;
			}
	}
	if (ret_ids->count > 0)
		qsort(ret_ids->list, ret_ids->count, sizeof(struct sig_id), by_value);
	return 0;
}

void sig_ids_done(struct sig_ids *ids)
{
	free(ids->list);
	*ids = (struct sig_ids){ 0 };
}

/* Two attributes of one element may share a value (Id and xml:id). */
static bool other_element(const struct sig_ids *ids, size_t i)
{
	return i + 1 < ids->count &&
	       strcmp(ids->list[i].value, ids->list[i + 1].value) == 0 &&
	       ids->list[i].element != ids->list[i + 1].element;
}

const xmlNode *sig_ids_find(
	const struct sig_ids *ids, const char *value, bool *ret_ambiguous)
{
	size_t low = 0, high = ids->count;

	*ret_ambiguous = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(ids->list[middle].value, value) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == ids->count || strcmp(ids->list[low].value, value) != 0)
		return NULL;
	for (size_t i = low; i < ids->count && strcmp(ids->list[i].value, value) == 0;
		i++)
		*ret_ambiguous |= other_element(ids, i);
	return ids->list[low].element;
}
