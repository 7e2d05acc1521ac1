/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include "common/clock.h"

#include <stdio.h>

#define XADES_ANY "http://uri.etsi.org/01903/v1."

bool sig_is_xades(const xmlNode *node, const char *name)
{
	return node && node->type == XML_ELEMENT_NODE && node->ns &&
	       strncmp((const char *)node->ns->href, XADES_ANY, strlen(XADES_ANY)) == 0 &&
	       strcmp((const char *)node->name, name) == 0;
}

const xmlNode *sig_xades_child(const xmlNode *parent, const char *name)
{
	const xmlNode *n = xml_child(parent, NULL, NULL);

	while (n && !sig_is_xades(n, name))
		n = xml_next(n, NULL, NULL);
	return n;
}

const xmlNode *sig_property(const struct sig *s, const char *name)
{
	return sig_xades_child(
		sig_xades_child(s->properties, "SignedSignatureProperties"), name);
}

const xmlNode *sig_unsigned_first(const struct sig *s)
{
	return xml_child(
		sig_xades_child(s->unsigned_properties, "UnsignedSignatureProperties"),
		NULL, NULL);
}

/* A time without a zone, which old signatures have, is read as UTC. */
static int64_t read_time(const xmlNode *node)
{
	_cleanup_(freep) char *text = xml_text(node);
	char zoned[64];
	int64_t t;

	if (!text || strlen(text) > 40)
		return 0;
	if (clock_parse(text, &t) == 0)
		return t;
	(void)snprintf(zoned, sizeof(zoned), "%sZ", text);
	return clock_parse(zoned, &t) == 0 ? t : 0;
}

static const xmlNode *find_qualifying(const struct sig *s, size_t *ret_count)
{
	const xmlNode *found = NULL;

	*ret_count = 0;
	for (const xmlNode *o = xml_child(s->node, NS_DS, "Object"); o;
		o = xml_next(o, NS_DS, "Object"))
		for (const xmlNode *q = xml_child(o, NULL, NULL); q;
			q = xml_next(q, NULL, NULL))
			if (sig_is_xades(q, "QualifyingProperties")) {
				if (!found)
					found = q;
				(*ret_count)++;
			}
	return found;
}

void sig_properties_read(struct sig_context *c, struct sig *s)
{
	size_t n;

	s->qualifying = find_qualifying(s, &n);
	if (n > 1)
		sig_malformed(c, s, s->node,
			"There is more than one xades:QualifyingProperties.");
	s->properties = sig_xades_child(s->qualifying, "SignedProperties");
	s->unsigned_properties = sig_xades_child(s->qualifying, "UnsignedProperties");
	s->signing_time = read_time(sig_property(s, "SigningTime"));
}
