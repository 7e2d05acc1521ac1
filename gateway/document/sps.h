/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Steps through UN/CEFACT SPS documents of any version: elements by local name, times in
 * every notation in use; never checks against a schema.
 */
#ifndef SEALGATE_DOCUMENT_SPS_H
#define SEALGATE_DOCUMENT_SPS_H

#include <libxml/tree.h>
#include <stdbool.h>
#include <stdint.h>

/* Whether an element has that local name in any UN/CEFACT namespace. */
bool sps_is(const xmlNode *node, const char *name);

/* First child element (next sibling) with that local name in any UN/CEFACT namespace. */
xmlNode *sps_child(const xmlNode *parent, const char *name);
xmlNode *sps_next(const xmlNode *node, const char *name);

enum sps_time {
	SPS_TIME_ABSENT = 0,
	SPS_TIME_BAD,	  /* not of a known notation */
	SPS_TIME_NO_ZONE, /* read as UTC */
	SPS_TIME_OK,
};

/* Read a text by a notation of UN/EDIFACT 2379 (102, 203, 204, 205, 208) or, without one,
 * as RFC 3339, where the time or the zone may be left out. */
enum sps_time sps_time_text(const char *text, const char *format, int64_t *ret_t);

/* Read an element: its DateTime or DateTimeString child, else its own text. */
enum sps_time sps_time(const xmlNode *element, int64_t *ret_t);

#endif
