/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/token.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/module_variables.h"
#include "pkcs11/opening.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct token {
	const struct instance *instance;
	const struct roles *roles;
	pthread_mutex_t opening; /* of whoever opens the token, or works at it */
	pthread_mutex_t lock;	 /* taken after opening */
	pthread_cond_t changed;	 /* state, lent, stopped */
	pthread_cond_t freed;	 /* a session came back */
	enum token_state state;
	bool stopped;
	bool poked;
	struct activation *activation;
	bool software;
	bool standby;
	bool spare; /* of the pool, in the place of the first */
	bool active;
	uint64_t tries; /* openings, failed ones included */
	char reason[TOKEN_TEXT_SIZE];
	CK_FUNCTION_LIST *f;
	CK_SESSION_HANDLE sessions[SESSIONS_MAX];
	uint8_t token_of[SESSIONS_MAX];
	CK_OBJECT_HANDLE handles[POOL_MAX][ROLES_MAX];
	size_t token_count;
	bool incomplete;
	struct pool_mark marks[POOL_MAX]; /* of the thread that opens */
	size_t session_count;
	size_t idle[SESSIONS_MAX]; /* stack of indexes into sessions */
	size_t idle_count;
	struct role_key keys[ROLES_MAX];
	struct module module; /* of the thread that opens, or works at it */
};

static int software_environment(const struct instance *instance)
{
	const char *conf = config_string(instance->config, "signer.softhsm_conf");
	char path[PATH_MAX];
	int r;

	if (chdir(instance->dir) < 0)
		return -errno;
	if (!conf[0])
		return 0;
	r = instance_path(instance, conf, path);
	if (r == 0 && setenv("SOFTHSM2_CONF", path, 1) < 0)
		r = -errno;
	return r;
}

int token_environment(const struct instance *instance)
{
	char text[MODULE_VARIABLES_TEXT_SIZE];
	int r = software_environment(instance);

	if (r < 0)
		snprintf(text, sizeof(text), "%s", strerror(-r));
	else
		r = module_variables(instance, text);
	if (r < 0)
		log_event(LOG_ERR, "signer.environment", NULL, "%s", text);
	return r;
}

struct token *token_new(const struct instance *instance, const struct roles *roles)
{
	struct token *t = calloc(1, sizeof(*t));
	pthread_condattr_t monotonic;

	if (!t || activation_new(instance, &t->activation) < 0) {
		free(t);
		return NULL;
	}
	t->instance = instance;
	t->roles = roles;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&t->opening, NULL);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, &monotonic);
	pthread_cond_init(&t->freed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	snprintf(t->reason, sizeof(t->reason), "the token was not opened yet");
	return t;
}

void token_free(struct token *t)
{
	if (!t)
		return;
	module_close(&t->module);
	activation_free(t->activation);
	opening_keys_done(t->keys);
	pthread_cond_destroy(&t->freed);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	pthread_mutex_destroy(&t->opening);
	free(t);
}

/* Opening ---------------------------------------------------------------------------- */

/* Stop lending and wait for every session. Return: was it ready? */
static bool drain(struct token *t)
{
	bool ready;

	pthread_mutex_lock(&t->lock);
	ready = t->state == TOKEN_READY;
	if (ready) {
		t->state = TOKEN_AWAY;
		snprintf(t->reason, sizeof(t->reason), "the token is being opened again");
	}
	while (t->idle_count < t->session_count)
		pthread_cond_wait(&t->changed, &t->lock);
	t->session_count = t->idle_count = 0;
	pthread_mutex_unlock(&t->lock);
	return ready;
}

/* Every session is idle. Those of several tokens lie in turns, so that however many are
 * in use each token has its part. */
static void stack_idle(struct token *t)
{
	size_t next[POOL_MAX] = { 0 };

	t->idle_count = 0;
	for (size_t turn = 0; turn < t->session_count * POOL_MAX; turn++) {
		size_t token = turn % POOL_MAX;
		size_t i = next[token];

		while (i < t->session_count && t->token_of[i] != token)
			i++;
		if (i < t->session_count)
			t->idle[t->idle_count++] = i;
		next[token] = i + 1;
	}
}

/* Certificates stay known while the token is away; handles do not. */
static void publish(struct token *t, struct opening *o)
{
	pthread_mutex_lock(&t->lock);
	t->module = o->module;
	t->f = o->module.f;
	t->state = o->state;
	t->active = o->active;
	t->tries++;
	memcpy(t->reason, o->reason, sizeof(t->reason));
	if (o->state == TOKEN_READY) {
		opening_keys_done(t->keys);
		memcpy(t->keys, o->keys, sizeof(t->keys));
		t->software = o->software;
		t->standby = o->standby;
		t->spare = o->spare != 0;
		memcpy(t->sessions, o->sessions, sizeof(t->sessions));
		t->session_count = o->session_count;
		memcpy(t->token_of, o->token_of, sizeof(t->token_of));
		memcpy(t->handles, o->handles, sizeof(t->handles));
		t->token_count = o->token_count;
		t->incomplete = o->incomplete;
		stack_idle(t);
	}
	pthread_cond_broadcast(&t->changed);
	pthread_cond_broadcast(&t->freed);
	pthread_mutex_unlock(&t->lock);
}

static enum token_state open_drained(struct token *t)
{
	struct opening *o = calloc(1, sizeof(*o));
	enum token_state state;

	if (!o)
		return TOKEN_AWAY;
	module_close(&t->module);
	state = opening_run(
		&(struct opening_of){ t->instance, t->roles, t->activation, t->marks },
		o);
	publish(t, o);
	free(o);
	return state;
}

enum token_state token_open(struct token *t)
{
	enum token_state state;

	pthread_mutex_lock(&t->opening);
	(void)drain(t);
	state = open_drained(t);
	pthread_mutex_unlock(&t->opening);
	return state;
}

/* Who may write on a token is logged in there, which holds for sessions opened later. */
static CK_RV open_to_write(
	const struct token *t, const PKCS11_SLOT *slot, CK_SESSION_HANDLE *ret_session)
{
	CK_SLOT_ID id = PKCS11_get_slotid_from_slot((PKCS11_SLOT *)(uintptr_t)slot);
	CK_SESSION_INFO info;
	CK_RV rv = t->module.f->C_OpenSession(
		id, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, ret_session);

	if (rv != CKR_OK)
		return rv;
	rv = t->module.f->C_GetSessionInfo(*ret_session, &info);
	if (rv == CKR_OK && info.state != CKS_RW_USER_FUNCTIONS)
		rv = CKR_USER_NOT_LOGGED_IN;
	if (rv != CKR_OK)
		t->module.f->C_CloseSession(*ret_session);
	return rv;
}

static int work_drained(struct token *t,
	int (*work)(const struct key_place *place, void *data), void *data,
	char ret_why[TOKEN_TEXT_SIZE])
{
	const char *label = config_string(t->instance->config, "signer.token");
	struct key_place place = { &t->module, module_find_token(&t->module, label), 0 };
	CK_RV rv;
	int r;

	if (!place.slot) {
		snprintf(ret_why, TOKEN_TEXT_SIZE,
			"another token is in use: the one with the label %.32s is away",
			label);
		return -EAGAIN;
	}
	rv = open_to_write(t, place.slot, &place.session);
	if (rv != CKR_OK) {
		snprintf(ret_why, TOKEN_TEXT_SIZE, "no session to work in: %s",
			ckr_text(rv));
		return -EAGAIN;
	}
	r = work(&place, data);
	t->module.f->C_CloseSession(place.session);
	return r;
}

int token_work(struct token *t, int (*work)(const struct key_place *place, void *data),
	void *data, char ret_why[TOKEN_TEXT_SIZE])
{
	struct token_view view;
	int r = -EAGAIN;

	pthread_mutex_lock(&t->opening);
	if (drain(t)) {
		r = work_drained(t, work, data, ret_why);
		(void)open_drained(t);
	} else {
		token_view(t, &view);
		memcpy(ret_why, view.reason, TOKEN_TEXT_SIZE);
	}
	pthread_mutex_unlock(&t->opening);
	return r;
}

/* Lending ---------------------------------------------------------------------------- */

static struct timespec deadline_in(int ms)
{
	int64_t at = clock_monotonic_ms() + ms;

	return (struct timespec){ .tv_sec = at / 1000, .tv_nsec = (at % 1000) * 1000000 };
}

int token_lend(struct token *t, size_t role, int wait_ms, struct token_lease *ret_lease)
{
	struct timespec deadline = deadline_in(wait_ms);
	int r = 0;

	pthread_mutex_lock(&t->lock);
	while (t->state == TOKEN_READY && t->idle_count == 0 && r == 0)
		r = pthread_cond_timedwait(&t->freed, &t->lock, &deadline);
	if (t->state != TOKEN_READY) {
		r = -EAGAIN;
	} else if (t->idle_count == 0) {
		r = -EBUSY;
	} else {
		size_t index = t->idle[--t->idle_count];

		*ret_lease = (struct token_lease){ .f = t->f,
			.session = t->sessions[index],
			.key = &t->keys[role],
			.handle = t->handles[t->token_of[index]][role],
			.index = index,
			.tries = t->tries };
		r = 0;
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

int token_lend_first(struct token *t, struct token_lease *ret_lease)
{
	int r = -EAGAIN;

	pthread_mutex_lock(&t->lock);
	if (t->state == TOKEN_READY && !t->standby && !t->spare)
		r = -EBUSY;
	for (size_t i = 0; r == -EBUSY && i < t->idle_count; i++) {
		size_t index = t->idle[i];

		if (t->token_of[index] != 0)
			continue;
		t->idle[i] = t->idle[--t->idle_count];
		*ret_lease = (struct token_lease){ .f = t->f,
			.session = t->sessions[index],
			.index = index,
			.tries = t->tries };
		r = 0;
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

bool token_return(struct token *t, const struct token_lease *lease, CK_RV rv)
{
	bool lost = ckr_lost(rv);

	pthread_mutex_lock(&t->lock);
	t->idle[t->idle_count++] = lease->index;
	if (lost && t->state == TOKEN_READY) {
		t->state = TOKEN_AWAY;
		snprintf(t->reason, sizeof(t->reason), "the token was lost: %s",
			ckr_text(rv));
	}
	if (t->state == TOKEN_READY)
		pthread_cond_signal(&t->freed);
	else
		pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	return lost;
}

bool token_await(struct token *t, const struct token_lease *lease, int wait_ms)
{
	struct timespec deadline = deadline_in(wait_ms);
	bool ready;
	int r = 0;

	pthread_mutex_lock(&t->lock);
	while (t->tries == lease->tries && !t->stopped && r == 0)
		r = pthread_cond_timedwait(&t->changed, &t->lock, &deadline);
	ready = t->state == TOKEN_READY;
	pthread_mutex_unlock(&t->lock);
	return ready;
}

void token_watch(struct token *t, int wait_ms)
{
	struct timespec deadline = deadline_in(wait_ms);
	enum token_state before;
	int r = 0;

	pthread_mutex_lock(&t->lock);
	before = t->state;
	while (t->state == before && !t->stopped && !t->poked && r == 0)
		r = pthread_cond_timedwait(&t->changed, &t->lock, &deadline);
	t->poked = false;
	pthread_mutex_unlock(&t->lock);
}

void token_poke(struct token *t)
{
	pthread_mutex_lock(&t->lock);
	t->poked = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

void token_deactivate(struct token *t)
{
	activation_end(t->activation);
	pthread_mutex_lock(&t->lock);
	if (t->state == TOKEN_READY)
		t->state = TOKEN_INACTIVE;
	snprintf(t->reason, sizeof(t->reason), "it was deactivated");
	t->poked = true;
	pthread_cond_broadcast(&t->changed);
	pthread_cond_broadcast(&t->freed);
	pthread_mutex_unlock(&t->lock);
}

const struct instance *token_instance(const struct token *t)
{
	return t->instance;
}

struct activation *token_activation(struct token *t)
{
	return t->activation;
}

void token_stop(struct token *t)
{
	pthread_mutex_lock(&t->lock);
	t->stopped = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

bool token_stopped(struct token *t)
{
	bool stopped;

	pthread_mutex_lock(&t->lock);
	stopped = t->stopped;
	pthread_mutex_unlock(&t->lock);
	return stopped;
}

/* Looking ---------------------------------------------------------------------------- */

void token_view(struct token *t, struct token_view *ret_view)
{
	struct token_view v = { 0 };

	pthread_mutex_lock(&t->lock);
	v.state = t->state;
	v.software = t->software;
	v.standby = t->standby && t->state == TOKEN_READY;
	v.active = t->active && t->state == TOKEN_READY;
	v.tokens = t->state == TOKEN_READY ? t->token_count : 0;
	v.incomplete = t->incomplete && t->state == TOKEN_READY;
	v.tries = t->tries;
	memcpy(v.reason, t->reason, sizeof(v.reason));
	for (size_t i = 0; i < t->roles->count; i++) {
		const struct role_key *k = &t->keys[i];

		v.roles[i].usable = k->usable && t->state == TOKEN_READY;
		v.roles[i].missing = k->missing && t->state == TOKEN_READY;
		v.roles[i].not_before = k->not_before;
		v.roles[i].not_after = k->not_after;
		memcpy(v.roles[i].reason, k->reason, sizeof(v.roles[i].reason));
	}
	pthread_mutex_unlock(&t->lock);
	*ret_view = v;
}

bool token_stale(struct token *t)
{
	bool stale = false;

	for (size_t i = 0; i < t->roles->count && !stale; i++) {
		struct chain_mark now = { 0 };
		char path[PATH_MAX];

		if (opening_chain_path(t->instance, &t->roles->list[i], path) == 0)
			now = chain_mark_of(path);
		pthread_mutex_lock(&t->lock);
		stale = !t->keys[i].usable || !chain_mark_equal(&now, &t->keys[i].chain);
		pthread_mutex_unlock(&t->lock);
	}
	return stale;
}

int token_certificates(struct token *t, size_t role, uint8_t **ret_der, size_t *ret_len)
{
	const struct role_key *k = &t->keys[role];
	int r = -ENOENT;

	pthread_mutex_lock(&t->lock);
	if (k->der) {
		*ret_der = malloc(k->der_len);
		r = *ret_der ? 0 : -ENOMEM;
		if (r == 0) {
			memcpy(*ret_der, k->der, k->der_len);
			*ret_len = k->der_len;
		}
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}
