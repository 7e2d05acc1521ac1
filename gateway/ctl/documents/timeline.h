/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Documents of the queue as text for people; never decides anything.
 */
#ifndef SEALGATE_CTL_TIMELINE_H
#define SEALGATE_CTL_TIMELINE_H

#include <jansson.h>
#include <stdio.h>

/* One document with its deliveries and, when it has them, its "findings" and the timeline
 * of its "events". */
void timeline_print(FILE *out, const json_t *document);

/* One line of a list. */
void timeline_print_line(FILE *out, const json_t *document);

/* A window of its "maintenance", a line. */
void timeline_print_maintenance(FILE *out, const json_t *window);

/* The answer of queue_stats. */
void timeline_print_stats(FILE *out, const json_t *stats);

/* Text of a member, "" when absent; control characters never reach a terminal. */
void timeline_text(FILE *out, const char *text);

/* A release that awaits review: one of queue_reviews. */
void timeline_print_proposal(FILE *out, const json_t *proposal);

/* "breaker traces: open since ..., next trial ...": "breakers" of the figures. */
void timeline_print_breakers(FILE *out, const json_t *breakers);

/* What retention may not erase: "legal" of the figures. */
void timeline_print_legal(FILE *out, const json_t *legal);

/* How far sealing and exporting heads has come; nothing when nobody seals. */
void timeline_print_heads(FILE *out, const json_t *heads);

/* What forecast_warnings has, a line each. */
void timeline_print_warnings(FILE *out, const json_t *warnings);

#endif
