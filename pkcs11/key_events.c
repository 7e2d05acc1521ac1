/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/key_events.h"

#include "common/events.h"
#include "common/json.h"
#include "common/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAID_SIZE 200

static int tell(const struct instance *i, const char *event, json_t *detail)
{
	int r = events_note(i, "signer", event, detail);

	if (r < 0)
		log_event(LOG_ERR, "signer.events", NULL,
			"%s is not in the audit chain: " EVENTS_FOLDER "/signer: %s",
			event, events_reason(r));
	return r;
}

/* Texts of whatever octets and length. */
static void put(json_t *detail, const char *key, const char *text)
{
	char cut[SAID_SIZE];

	if (!text || !*text)
		return;
	snprintf(cut, sizeof(cut), "%.*s", (int)strcspn(text, "\n"), text);
	json_object_set_new(detail, key, json_text(cut));
}

void key_event_person(const struct instance *i, bool activate, const char *name,
	uid_t uid, int answer, const char *said)
{
	static const char *const RESULTS[] = { [SIGNER_UNDECIDED] = "undecided",
		[SIGNER_REFUSED] = "refused",
		[SIGNER_SIGNED] = "done",
		[SIGNER_AWAY] = "waiting" };
	json_t *detail = json_pack(
		"{s:s, s:I}", "result", RESULTS[answer], "uid", (json_int_t)uid);

	put(detail, "by", *name ? name : "an administrator");
	put(detail, "said", said);
	put(detail, "mode", config_string(i->config, "signer.activation"));
	(void)tell(i, activate ? "key.activate" : "key.deactivate", detail);
}

void key_event_token(const struct instance *i, const struct token_view *view)
{
	static const char *const STATES[] = { [TOKEN_AWAY] = "away",
		[TOKEN_INACTIVE] = "inactive",
		[TOKEN_FORBIDDEN] = "forbidden",
		[TOKEN_READY] = "ready" };
	json_t *detail = json_pack("{s:s}", "state", STATES[view->state]);

	if (view->state != TOKEN_READY || view->incomplete)
		put(detail, "why", view->reason);
	put(detail, "token",
		config_string(
			i->config, view->standby ? "signer.standby" : "signer.token"));
	put(detail, "mode", config_string(i->config, "signer.activation"));
	(void)tell(i, "key.token", detail);
}

/* Whose session it is although he became another: "" where none began it. */
static void login_uid(char ret[16])
{
	_cleanup_(closep) int fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, ret, 15);

	ret[n > 0 ? n : 0] = '\0';
	if (strtoul(ret, NULL, 10) == UINT32_MAX)
		ret[0] = '\0';
}

static json_t *of_work(const struct key_work *w, const char *result, const char *said)
{
	char sha256[SHA256_TEXT_SIZE], login[16] = "";
	json_t *detail = json_pack("{s:s, s:s, s:I, s:s}", "work", w->work, "result",
		result, "uid", (json_int_t)w->uid, "where",
		w->alone ? "at the machine" : "by the signer");

	put(detail, "role", w->role);
	put(detail, "ceremony", w->ceremony);
	put(detail, "by", *w->by ? w->by : "an administrator");
	put(detail, "first", w->first);
	put(detail, "said", said);
	if (w->alone)
		login_uid(login);
	put(detail, "login_uid", login);
	if (w->given.len && digest_sha256_text(w->given, sha256) == 0)
		put(detail, "given_sha256", sha256);
	return detail;
}

int key_work_begins(const struct instance *i, const struct key_work *w)
{
	return tell(i, "key.work", of_work(w, "begun", NULL));
}

void key_work_ended(
	const struct instance *i, const struct key_work *w, int r, const char *said)
{
	const char *result = r == 0 ? "done" : "refused";

	(void)tell(i, "key.work", of_work(w, r == -EAGAIN ? "away" : result, said));
}
