/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Small helpers over jansson; never a JSON reader of our own.
 */
#ifndef SEALGATE_COMMON_JSON_H
#define SEALGATE_COMMON_JSON_H

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/span.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define _cleanup_json_ _cleanup_(json_decrefp)

/* A JSON string of text that may hold anything: octets that are not UTF-8 become U+FFFD.
 * NULL text gives JSON null. Return: a new reference. */
json_t *json_text(const char *text);

/* A JSON string of octets in base64; "" for none. Return: a new reference. */
json_t *json_base64(struct span octets);

/* Read at most max octets as one JSON value, duplicate keys refused. NULL when not. */
json_t *json_read(struct span data, size_t max);

/* The string of a key, or NULL when absent or of another type. */
const char *json_string_of(const json_t *object, const char *key);

/* The object of a key, put there empty when there is none. Return: borrowed, or NULL. */
json_t *json_child(json_t *object, const char *key);

/* A time in seconds since 1970 as RFC 3339 text, JSON null for 0. Return: a new
 * reference. */
json_t *json_time(int64_t t);

/* The one form in which sealgate hashes and signs JSON: keys sorted, no white space,
 * UTF-8. The caller frees. NULL when memory ran out. */
char *json_canonical(const json_t *value);

/* The same form, written member by member where a tree would cost more than the text:
 * the caller gives the keys in their order. key NULL: in an array or at the top. What
 * fails shows in the buffer. */
void json_add_open(struct buf *b, const char *key, char bracket);
void json_add_close(struct buf *b, char bracket);
void json_add_text(struct buf *b, const char *key, const char *text); /* as json_text */
void json_add_integer(struct buf *b, const char *key, int64_t value);
void json_add_bool(struct buf *b, const char *key, bool value);

#endif
