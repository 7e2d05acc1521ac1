/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The gate's sentences in other languages, by policies/messages/LANGUAGE.cfg: a
 * translation belongs to the English sentence, whose changing parts are "{}"; never
 * changes what was found, where, or how grave it is.
 */
#ifndef SEALGATE_POLICY_MESSAGES_H
#define SEALGATE_POLICY_MESSAGES_H

#include "common/cleanup.h"

#include <jansson.h>
#include <stdbool.h>

#define MESSAGE_SIZE 800 /* octets of a sentence, with the NUL */

struct messages;

/* Read the folder; without it there is English alone. *ret_error: one line, the caller
 * frees. Return: 0, -EINVAL, -errno. */
int messages_load(const char *policies, struct messages **ret_messages, char **ret_error);
void messages_free(struct messages *m);
DEFINE_CLEANUP(struct messages *, messages_free)

/* The languages, sorted; NULL behind the last. */
const char *messages_language(const struct messages *m, size_t index);

/* What of an Accept-Language (RFC 9110 12.5.4) there is, English included, or NULL: the
 * asker has no wish that can be met. */
const char *messages_negotiate(const struct messages *m, const char *accept);

/* A sentence in a language: a new text, or NULL when it is not in the catalogue. */
char *messages_find(const struct messages *m, const char *language, const char *english);

/* Is it there, whole? Words in the place of a hole would stay English. */
bool messages_have(const struct messages *m, const char *language, const char *english);

/* Put sentences of a language in the place of English ones: `detail` and `fix` of an
 * object, `message` and `fix` of its `findings`. A message that is not in the catalogue
 * is the sentence of its code with the English text in brackets. Return: 0 or -ENOMEM. */
int messages_translate(const struct messages *m, const char *language, json_t *object);

#endif
