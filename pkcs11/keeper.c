/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/keeper.h"

#include "common/clock.h"
#include "common/log.h"
#include "pkcs11/key_events.h"

#include <errno.h>

#define REOPEN_MIN_MS 1000  /* between two openings */
#define REOPEN_SLOW_MS 5000 /* after many, and when only an operator can help */
#define REOPEN_MANY 60
#define FIRST_AGAIN_MS 60000
#define EXPIRY_EVERY_MS (24 * 3600 * 1000LL)
#define DAY_S 86400

void keeper_report(struct token *token, enum token_state state)
{
	struct token_view view;

	token_view(token, &view);
	switch (state) {
	case TOKEN_READY:
		log_event(LOG_NOTICE, "signer.token-ready", NULL,
			"the %stoken is ready%s", view.standby ? "second " : "",
			view.software ? "; it is software: TEST only" : "");
		if (view.incomplete)
			log_event(LOG_WARNING, "signer.pool", NULL, "%s", view.reason);
		break;
	case TOKEN_INACTIVE:
		log_event(LOG_WARNING, "signer.token-inactive", NULL, "%s", view.reason);
		break;
	case TOKEN_FORBIDDEN:
		log_event(LOG_CRIT, "signer.token-forbidden", NULL, "%s", view.reason);
		break;
	case TOKEN_AWAY:
	default:
		log_event(LOG_ERR, "signer.token-away", NULL, "%s", view.reason);
		break;
	}
}

/* Sleep until the next opening is due. */
static void pause_between(struct token *t, int64_t opened_ms, int ms)
{
	int64_t left = opened_ms + ms - clock_monotonic_ms();

	if (left > 0)
		token_watch(t, (int)left);
}

static void know_state(struct keeper *k, const struct token_view *view)
{
	k->noted_state = view->state;
	k->noted_standby = view->standby;
	k->noted_incomplete = view->incomplete;
}

/* Each change once, a loss that was mended at once as well. */
static void note_state(struct keeper *k, const struct token_view *view)
{
	if (k->noted_state == view->state && k->noted_standby == view->standby &&
		k->noted_incomplete == view->incomplete)
		return;
	know_state(k, view);
	key_event_token(token_instance(k->signing->token), view);
}

/* Open until the token is ready; a state is reported once. */
static void bring_back(
	struct keeper *k, const struct token_view *lost, int64_t *opened_ms)
{
	struct token *t = k->signing->token;
	struct token_view view;
	enum token_state last = TOKEN_READY, state = TOKEN_AWAY;

	for (unsigned int n = 0; state != TOKEN_READY && !token_stopped(t); n++) {
		bool slow = n > REOPEN_MANY || (n > 0 && state != TOKEN_AWAY);

		pause_between(t, *opened_ms, slow ? REOPEN_SLOW_MS : REOPEN_MIN_MS);
		if (token_stopped(t))
			return;
		*opened_ms = clock_monotonic_ms();
		state = token_open(t);
		if (state != last)
			keeper_report(t, state);
		last = state;
		token_view(t, &view);
		note_state(k, lost); /* whoever waits to sign does not wait for that */
		lost = &view;
		note_state(k, &view);
	}
}

static void try_roles(struct signing *s, const struct token_view *view)
{
	for (size_t i = 0; i < s->roles->count; i++) {
		char why[KEY_TEXT_SIZE];
		int r;

		if (!view->roles[i].usable)
			continue;
		r = sign_trial(s, i, why);
		if (r < 0)
			log_event(LOG_ERR, "signer.trial", NULL,
				"trial signature of role %s: %s", s->roles->list[i].name,
				why);
		if (r == -EAGAIN)
			break; /* what is away is away for the others too */
	}
}

/* From when on the end of a certificate is named, and how loudly. */
static const struct {
	int days, priority;
} EXPIRY[] = { { 7, LOG_ERR }, { 30, LOG_WARNING }, { 90, LOG_NOTICE } };

/* Return: a priority, or -1 while it is too far away to be named. */
static int expiry_priority(int64_t days)
{
	for (size_t i = 0; i < sizeof(EXPIRY) / sizeof(EXPIRY[0]); i++)
		if (days < EXPIRY[i].days)
			return EXPIRY[i].priority;
	return -1;
}

/* Once a day, name the certificates that end soon. */
static void warn_of_expiry(struct keeper *k, const struct token_view *view)
{
	const struct roles *roles = k->signing->roles;
	int64_t now_ms = clock_monotonic_ms();

	if (k->warned_ms && now_ms - k->warned_ms < EXPIRY_EVERY_MS)
		return;
	k->warned_ms = now_ms;
	for (size_t i = 0; i < roles->count; i++) {
		int64_t end = view->roles[i].not_after;
		int64_t days = (end - clock_now()) / DAY_S;

		if (end && expiry_priority(days) >= 0)
			log_event(expiry_priority(days), "signer.expiry", NULL,
				"the certificate of role %s ends in %lld days",
				roles->list[i].name, (long long)days);
	}
}

/* While the second token is in use, or one of the pool is not, what is away is looked for
 * now and then. */
static bool want_first(struct keeper *k, const struct token_view *view)
{
	int64_t now = clock_monotonic_ms();

	if (!view->standby && !view->incomplete) {
		k->standby_ms = 0;
		return false;
	}
	if (!k->standby_ms)
		k->standby_ms = now;
	if (now - k->standby_ms < FIRST_AGAIN_MS)
		return false;
	k->standby_ms = now;
	return true;
}

static void *keep(void *data)
{
	struct keeper *k = data;
	struct token *t = k->signing->token;
	int64_t opened_ms = clock_monotonic_ms() - REOPEN_MIN_MS;
	struct token_view view;

	while (!token_stopped(t)) {
		token_view(t, &view);
		if (view.state != TOKEN_READY) {
			bring_back(k, &view, &opened_ms);
			continue;
		}
		note_state(k, &view);
		warn_of_expiry(k, &view);
		token_watch(t, k->trial_ms);
		token_view(t, &view);
		if (view.state != TOKEN_READY || token_stopped(t))
			continue;
		try_roles(k->signing, &view);
		if (token_stale(t) || want_first(k, &view)) {
			opened_ms = clock_monotonic_ms();
			token_open(t);
		}
	}
	return NULL;
}

int keeper_start(struct keeper *k, struct signing *signing, int trial_ms)
{
	struct token_view view;

	*k = (struct keeper){ .signing = signing, .trial_ms = trial_ms };
	token_view(signing->token, &view);
	know_state(k, &view);
	return -pthread_create(&k->thread, NULL, keep, k);
}

void keeper_stop(struct keeper *k)
{
	token_stop(k->signing->token);
	pthread_join(k->thread, NULL);
}
