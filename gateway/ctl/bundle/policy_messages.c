/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/policy_messages.h"

#include "policy/messages.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

struct checking_messages {
	const char *policies;
	const struct messages *messages;
	const char *language;
	void (*fault)(const void *data, const char *line);
	const void *data;
};

static void check_text(
	const struct checking_messages *c, const char *id, const char *english)
{
	char line[PATH_MAX + MESSAGE_SIZE + 200];

	if (!english || messages_have(c->messages, c->language, english))
		return;
	(void)snprintf(line, sizeof(line),
		"%s/messages/%s.cfg: %s has no translation of: %s", c->policies,
		c->language, id, english);
	c->fault(c->data, line);
}

static void check_language(
	const struct checking_messages *c, const struct document_types *types)
{
	struct document_rule rule;

	for (size_t i = 0; document_types_rule(types, i, &rule); i++) {
		_cleanup_(freep) char *message = document_types_text(types, i, false);
		_cleanup_(freep) char *fix = document_types_text(types, i, true);

		check_text(c, rule.id, message);
		check_text(c, rule.id, fix);
	}
}

int policy_messages_check(const char *policies, const struct document_types *types,
	void (*fault)(const void *data, const char *line), const void *data)
{
	_cleanup_(messages_freep) struct messages *messages = NULL;
	_cleanup_(freep) char *error = NULL;
	struct checking_messages c = {
		.policies = policies, .fault = fault, .data = data
	};
	int r = messages_load(policies, &messages, &error);

	if (r < 0) {
		fault(data, error ? error : strerror(-r));
		return r == -ENOMEM ? r : 0;
	}
	c.messages = messages;
	for (size_t i = 0; (c.language = messages_language(messages, i)) != NULL; i++)
		check_language(&c, types);
	return 0;
}

static bool has_language(const struct messages *m, const char *language)
{
	const char *one;

	for (size_t i = 0; (one = messages_language(m, i)) != NULL; i++)
		if (strcmp(one, language) == 0)
			return true;
	return strcmp(language, "en") == 0;
}

int policy_languages_check(const char *policies, const struct policy *policy,
	void (*fault)(const void *data, const char *line), const void *data)
{
	_cleanup_(messages_freep) struct messages *messages = NULL;
	_cleanup_(freep) char *error = NULL;
	const struct partner *p;
	char text[PATH_MAX + 200];

	if (messages_load(policies, &messages, &error) < 0)
		return 0; /* policy_messages_check says so */
	for (size_t i = 0; (p = policy_partner_at(policy, i)) != NULL; i++) {
		if (!*p->language || has_language(messages, p->language))
			continue;
		(void)snprintf(text, sizeof(text),
			"%s/partners/%s.cfg: there is no language %s in messages/",
			policies, p->name, p->language);
		fault(data, text);
	}
	return 0;
}
