/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/sps.h"

#include "common/cleanup.h"
#include "common/clock.h"
#include "xml/node.h"

#include <stdio.h>
#include <string.h>

#define UNCEFACT "urn:un:unece:uncefact:data:"
#define DATE_DIGITS 8

bool sps_is(const xmlNode *node, const char *name)
{
	return strcmp((const char *)node->name, name) == 0 && node->ns &&
	       strncmp((const char *)node->ns->href, UNCEFACT, strlen(UNCEFACT)) == 0;
}

static xmlNode *seek(xmlNode *node, const char *name)
{
	while (node && !sps_is(node, name))
		node = xml_next(node, NULL, NULL);
	return node;
}

xmlNode *sps_child(const xmlNode *parent, const char *name)
{
	return seek(xml_child(parent, NULL, NULL), name);
}

xmlNode *sps_next(const xmlNode *node, const char *name)
{
	return seek(xml_next(node, NULL, NULL), name);
}

/* A notation of digits: how many after the date, and whether a zone follows. */
struct notation {
	const char *format;
	size_t digits;
	bool zone;
};

static const struct notation NOTATIONS[] = {
	{ "102", 8, false },
	{ "203", 12, false },
	{ "204", 14, false },
	{ "205", 12, true },
	{ "208", 14, true },
	{ 0 },
};

static const struct notation *notation_of(const char *format)
{
	for (const struct notation *n = NOTATIONS; n->format; n++)
		if (strcmp(n->format, format) == 0)
			return n;
	return NULL;
}

/* "Z", "+0200", "+02:00" or nothing, as RFC 3339 writes it. Return: false when malformed.
 */
static bool zone_text(const char *text, char ret[8])
{
	if (*text == '\0' || strcmp(text, "Z") == 0)
		return snprintf(ret, 8, "Z") > 0;
	if ((*text != '+' && *text != '-') || strspn(text + 1, "0123456789") != 4 ||
		text[5])
		return snprintf(ret, 8, "%s", text) < 8 && strlen(text) == 6;
	return snprintf(ret, 8, "%.3s:%.2s", text, text + 3) > 0;
}

static enum sps_time read_digits(
	const char *text, const struct notation *n, int64_t *ret_t)
{
	char iso[40], digits[16] = "00000000000000", zone[8];
	const char *rest = text + n->digits;

	if (strspn(text, "0123456789") != n->digits || (*rest && !n->zone) ||
		!zone_text(rest, zone))
		return SPS_TIME_BAD;
	memcpy(digits, text, n->digits);
	(void)snprintf(iso, sizeof(iso), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s%s", digits,
		digits + 4, digits + 6, digits + DATE_DIGITS, digits + 10, digits + 12,
		zone);
	if (clock_parse(iso, ret_t) < 0)
		return SPS_TIME_BAD;
	return *rest ? SPS_TIME_OK : SPS_TIME_NO_ZONE;
}

static enum sps_time read_iso(const char *text, int64_t *ret_t)
{
	char iso[64];

	if (strlen(text) > 40)
		return SPS_TIME_BAD;
	if (clock_parse(text, ret_t) == 0)
		return SPS_TIME_OK;
	(void)snprintf(
		iso, sizeof(iso), strchr(text, 'T') ? "%sZ" : "%sT00:00:00Z", text);
	return clock_parse(iso, ret_t) == 0 ? SPS_TIME_NO_ZONE : SPS_TIME_BAD;
}

enum sps_time sps_time_text(const char *text, const char *format, int64_t *ret_t)
{
	const struct notation *n = format && *format ? notation_of(format) : NULL;

	if (!text || !*text)
		return SPS_TIME_ABSENT;
	return n ? read_digits(text, n, ret_t) : read_iso(text, ret_t);
}

enum sps_time sps_time(const xmlNode *element, int64_t *ret_t)
{
	_cleanup_(freep) char *text = NULL, *format = NULL;
	const xmlNode *inner;

	if (!element)
		return SPS_TIME_ABSENT;
	inner = sps_child(element, "DateTime");
	if (!inner)
		inner = sps_child(element, "DateTimeString");
	if (!inner)
		inner = element;
	text = xml_text(inner);
	format = xml_attribute(inner, "format");
	return sps_time_text(text, format, ret_t);
}
