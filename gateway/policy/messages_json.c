/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/messages.h"

#include "common/finding.h"
#include "common/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct translating {
	const struct messages *messages;
	const char *language;
};

/* What the catalogue has not comes from elsewhere: the sentence of the code, translated,
 * with the English text in brackets. */
static char *by_code(const struct translating *t, const char *code, const char *english)
{
	const struct reason *reason = code ? reason_find(code) : NULL;
	_cleanup_(freep) char *sentence = NULL;
	char *both;

	if (reason)
		sentence = messages_find(t->messages, t->language, reason->sentence);
	if (!sentence || asprintf(&both, "%s (%s)", sentence, english) < 0)
		return NULL;
	return both;
}

static int replace(
	const struct translating *t, json_t *object, const char *key, const char *code)
{
	const char *english = json_string_of(object, key);
	_cleanup_(freep) char *text = NULL;

	if (!english || !*english)
		return 0;
	text = messages_find(t->messages, t->language, english);
	if (!text && code)
		text = by_code(t, code, english);
	return text && json_object_set_new(object, key, json_text(text)) < 0 ? -ENOMEM
									     : 0;
}

int messages_translate(const struct messages *m, const char *language, json_t *object)
{
	const struct translating t = { .messages = m, .language = language };
	json_t *findings = json_object_get(object, "findings"), *finding;
	size_t i;
	int r = replace(&t, object, "detail", json_string_of(object, "code"));

	if (r == 0)
		r = replace(&t, object, "fix", NULL);
	json_array_foreach(findings, i, finding)
	{
		if (r == 0)
			r = replace(
				&t, finding, "message", json_string_of(finding, "code"));
		if (r == 0)
			r = replace(&t, finding, "fix", NULL);
	}
	return r;
}
