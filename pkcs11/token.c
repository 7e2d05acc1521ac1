/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/token.h"

#include "common/clock.h"
#include "pkcs11/pin.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SESSIONS_MAX 128

struct token {
	const struct instance *instance;
	const struct roles *roles;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* state, lent, stopped */
	pthread_cond_t freed;	/* a session came back */
	enum token_state state;
	bool stopped;
	bool software;
	bool active;
	uint64_t tries; /* openings, failed ones included */
	char reason[TOKEN_TEXT_SIZE];
	CK_FUNCTION_LIST *f;
	CK_SESSION_HANDLE sessions[SESSIONS_MAX];
	size_t session_count;
	size_t idle[SESSIONS_MAX]; /* stack of indexes into sessions */
	size_t idle_count;
	struct role_key keys[ROLES_MAX];
	struct module module; /* of the thread that opens */
};

/* What an opening finds; becomes the token's under the lock. */
struct opening {
	enum token_state state;
	bool software;
	bool active;
	char reason[TOKEN_TEXT_SIZE];
	struct module module;
	CK_SESSION_HANDLE sessions[SESSIONS_MAX];
	size_t session_count;
	struct role_key keys[ROLES_MAX];
};

int token_environment(const struct instance *instance)
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

struct token *token_new(const struct instance *instance, const struct roles *roles)
{
	struct token *t = calloc(1, sizeof(*t));
	pthread_condattr_t monotonic;

	if (!t)
		return NULL;
	t->instance = instance;
	t->roles = roles;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, &monotonic);
	pthread_cond_init(&t->freed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	snprintf(t->reason, sizeof(t->reason), "the token was not opened yet");
	return t;
}

static void keys_done(struct role_key keys[ROLES_MAX])
{
	for (size_t i = 0; i < ROLES_MAX; i++)
		role_key_done(&keys[i]);
}

void token_free(struct token *t)
{
	if (!t)
		return;
	module_close(&t->module);
	keys_done(t->keys);
	pthread_cond_destroy(&t->freed);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* Opening ---------------------------------------------------------------------------- */

static enum token_state end(struct opening *o, enum token_state state, const char *what)
{
	o->state = state;
	if (what)
		snprintf(o->reason, sizeof(o->reason), "%s", what);
	return state;
}

static enum token_state end_rv(struct opening *o, const char *call, CK_RV rv)
{
	snprintf(o->reason, sizeof(o->reason), "%s: %s", call, ckr_text(rv));
	return end(o, TOKEN_AWAY, NULL);
}

static enum token_state open_sessions(
	const struct token *t, struct opening *o, CK_SLOT_ID slot)
{
	size_t want = (size_t)config_int(t->instance->config, "signer.threads");

	for (; o->session_count < want && o->session_count < SESSIONS_MAX;
		o->session_count++) {
		CK_RV rv = o->module.f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL,
			NULL, &o->sessions[o->session_count]);

		/* A device with fewer sessions than wanted is used as it is. */
		if (rv == CKR_SESSION_COUNT && o->session_count > 0)
			break;
		if (rv != CKR_OK)
			return end_rv(o, "C_OpenSession", rv);
	}
	return TOKEN_READY;
}

static enum token_state activate(const struct token *t, struct opening *o)
{
	char pin[PATH_MAX], marker[PATH_MAX];
	struct pin_files files = { .pin = pin, .marker = marker };
	CK_RV rv = CKR_OK;
	int r;

	if (!config_bool(t->instance->config, "instance.test"))
		return end(o, TOKEN_INACTIVE,
			"the token was not activated by its operators");
	r = instance_path(
		t->instance, config_string(t->instance->config, "signer.pin_file"), pin);
	if (r == 0)
		r = instance_path(t->instance, PIN_MARKER_FILE, marker);
	if (r == 0)
		r = pin_login(o->module.f, o->sessions[0], &files, &rv);
	if (r == -EACCES)
		return end(o, TOKEN_INACTIVE,
			"the token refused the PIN; it is not tried "
			"again before the credential file changes");
	if (r == -EAGAIN)
		return end_rv(o, "C_Login", rv);
	if (r < 0) {
		snprintf(o->reason, sizeof(o->reason), "the PIN cannot be read: %s",
			strerror(-r));
		return end(o, TOKEN_INACTIVE, NULL);
	}
	o->active = true;
	return TOKEN_READY;
}

static int chain_path(const struct token *t, size_t role, char ret_path[PATH_MAX])
{
	char name[64];

	snprintf(name, sizeof(name), CHAIN_FILE, t->roles->list[role].name);
	return instance_path(t->instance, name, ret_path);
}

static enum token_state load_keys(
	const struct token *t, struct opening *o, PKCS11_SLOT *slot)
{
	struct key_place place = { &o->module, slot, o->sessions[0] };

	for (size_t i = 0; i < t->roles->count; i++) {
		const struct role *role = &t->roles->list[i];
		char path[PATH_MAX];
		int r = chain_path(t, i, path);

		if (r == 0)
			r = key_load(&place, role, path, &o->keys[i]);
		if (r == 0 || r == -ENOENT)
			continue;
		snprintf(o->reason, sizeof(o->reason), "role %s: %s", role->name,
			o->keys[i].reason);
		return end(o, r == -EPERM ? TOKEN_FORBIDDEN : TOKEN_AWAY, NULL);
	}
	return TOKEN_READY;
}

static enum token_state open_module(const struct token *t, struct opening *o)
{
	const char *label = config_string(t->instance->config, "signer.token");
	enum token_state state;
	PKCS11_SLOT *slot;
	CK_SLOT_ID id;

	if (module_open(config_string(t->instance->config, "signer.module"), &o->module,
		    o->reason) < 0)
		return end(o, TOKEN_AWAY, NULL);
	slot = module_find_token(&o->module, label);
	if (!slot) {
		snprintf(o->reason, sizeof(o->reason),
			"there is no token, or more than one, "
			"with the label %.32s",
			label);
		return end(o, TOKEN_AWAY, NULL);
	}
	id = PKCS11_get_slotid_from_slot(slot);
	o->software = module_is_software(&o->module, id);
	if (o->software && !config_bool(t->instance->config, "instance.test"))
		return end(
			o, TOKEN_FORBIDDEN, "a software token in a production instance");
	state = open_sessions(t, o, id);
	if (state == TOKEN_READY)
		state = activate(t, o);
	if (state == TOKEN_READY)
		state = load_keys(t, o, slot);
	return end(o, state, NULL);
}

/* Stop lending and wait for every session. */
static void drain(struct token *t)
{
	pthread_mutex_lock(&t->lock);
	if (t->state == TOKEN_READY) {
		t->state = TOKEN_AWAY;
		snprintf(t->reason, sizeof(t->reason), "the token is being opened again");
	}
	while (t->idle_count < t->session_count)
		pthread_cond_wait(&t->changed, &t->lock);
	t->session_count = t->idle_count = 0;
	pthread_mutex_unlock(&t->lock);
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
		keys_done(t->keys);
		memcpy(t->keys, o->keys, sizeof(t->keys));
		t->software = o->software;
		memcpy(t->sessions, o->sessions, sizeof(t->sessions));
		t->session_count = o->session_count;
		for (t->idle_count = 0; t->idle_count < t->session_count; t->idle_count++)
			t->idle[t->idle_count] = t->idle_count;
	}
	pthread_cond_broadcast(&t->changed);
	pthread_cond_broadcast(&t->freed);
	pthread_mutex_unlock(&t->lock);
}

enum token_state token_open(struct token *t)
{
	struct opening *o = calloc(1, sizeof(*o));
	enum token_state state;

	if (!o)
		return TOKEN_AWAY;
	drain(t);
	module_close(&t->module);
	state = open_module(t, o);
	if (state != TOKEN_READY) {
		module_close(&o->module);
		keys_done(o->keys);
		o->active = false;
	}
	publish(t, o);
	free(o);
	return state;
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
	while (t->state == before && !t->stopped && r == 0)
		r = pthread_cond_timedwait(&t->changed, &t->lock, &deadline);
	pthread_mutex_unlock(&t->lock);
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
	v.active = t->active && t->state == TOKEN_READY;
	v.tries = t->tries;
	memcpy(v.reason, t->reason, sizeof(v.reason));
	for (size_t i = 0; i < t->roles->count; i++) {
		const struct role_key *k = &t->keys[i];

		v.roles[i].usable = k->usable && t->state == TOKEN_READY;
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

		if (chain_path(t, i, path) == 0)
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
