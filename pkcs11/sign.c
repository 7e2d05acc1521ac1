/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/sign.h"

#include "common/clock.h"
#include "common/log.h"
#include "pkcs11/budget.h"
#include "pkcs11/mechanism.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LEND_MS 5000  /* for a session, when all are in use */
#define REOPEN_MS 700 /* for a lost token to come back before the asker is told */
#define CALLBACKS_PER_MINUTE 600      /* of up to a hundred outcomes each */
#define CALLBACKS_DOCUMENT "callback" /* the count's line is about no document */

/* What a signature is made for: a role, or call-backs by a role's key. */
struct errand {
	size_t index; /* of the role */
	const struct role *role;
	const char *name;     /* under which it is counted */
	const char *beside;   /* whose signatures the same key makes; NULL: nobody's */
	const char *document; /* of the line in the count */
	struct allowance *allowance;
	uint32_t max_per_minute;
	uint64_t reserved; /* of the total, for what is beside alone */
	bool verify;
};

void signing_init(struct signing *s, const struct roles *roles, struct token *token,
	struct count_log *log)
{
	*s = (struct signing){
		.roles = roles, .token = token, .log = log, .reopen_ms = REOPEN_MS
	};
	for (size_t i = 0; i < roles->count; i++) {
		pthread_mutex_init(&s->allowances[i].lock, NULL);
		s->allowances[i].left = roles->list[i].max_per_minute;
		s->allowances[i].at_ms = clock_monotonic_ms();
	}
	pthread_mutex_init(&s->callbacks.lock, NULL);
	s->callbacks_per_minute = CALLBACKS_PER_MINUTE;
	s->callbacks.left = CALLBACKS_PER_MINUTE;
	s->callbacks.at_ms = clock_monotonic_ms();
}

void signing_done(struct signing *s)
{
	for (size_t i = 0; i < s->roles->count; i++)
		pthread_mutex_destroy(&s->allowances[i].lock);
	pthread_mutex_destroy(&s->callbacks.lock);
}

static enum signer_answer answer(struct signer_result *result, enum signer_answer a,
	const char *format, ...) __attribute__((format(printf, 3, 4)));

static enum signer_answer answer(
	struct signer_result *result, enum signer_answer a, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(result->reason, sizeof(result->reason), format, ap);
	va_end(ap);
	result->answer = a;
	result->value_len = 0;
	OPENSSL_cleanse(result->value, sizeof(result->value));
	return a;
}

/* A bucket that holds a minute's worth and is filled evenly. */
static bool allowed(struct allowance *a, uint32_t max_per_minute)
{
	int64_t now = clock_monotonic_ms();
	bool yes;

	if (max_per_minute == 0)
		return true;
	pthread_mutex_lock(&a->lock);
	a->left += (double)(now - a->at_ms) * max_per_minute / 60000;
	if (a->left > max_per_minute)
		a->left = max_per_minute;
	a->at_ms = now;
	yes = a->left >= 1;
	if (yes)
		a->left -= 1;
	pthread_mutex_unlock(&a->lock);
	return yes;
}

/* Before partners are not called back any more: told once, where it begins. */
static void tell_nearly_all(const struct errand *e, uint64_t made)
{
	uint64_t most = e->role->total - e->reserved;

	if (e->role->total && e->reserved && made == budget_warned_at(most))
		log_event(LOG_WARNING, "signer.budget", NULL,
			"%s: %llu of the %llu signatures of the key of role %s that it "
			"may have are made",
			e->name, (unsigned long long)made, (unsigned long long)most,
			e->role->name);
}

/* Signatures of the errand's key so far. */
static uint64_t made(struct signing *s, const struct errand *e)
{
	uint64_t beside = e->beside ? count_log_count(s->log, e->beside) : 0;

	return count_log_count(s->log, e->name) + beside;
}

static enum signer_answer all_made(struct signer_result *result, uint64_t most)
{
	return answer(result, SIGNER_REFUSED, "the role has made all its %llu signatures",
		(unsigned long long)most);
}

/* What the role's table says. Return: SIGNER_SIGNED to go on. */
static enum signer_answer check_role(struct signing *s, const struct errand *e,
	struct span digest, struct signer_result *result)
{
	const struct role *role = e->role;
	int64_t now = clock_now();

	if (digest.len != role->mechanism->digest_len)
		return answer(result, SIGNER_REFUSED,
			"the role signs digests of %zu octets, not %zu",
			role->mechanism->digest_len, digest.len);
	if (now < role->not_before || now > role->not_after)
		return answer(
			result, SIGNER_REFUSED, "the role does not sign at this time");
	if (role->total && made(s, e) >= role->total)
		return all_made(result, role->total);
	if (role->total && count_log_count(s->log, e->name) >= role->total - e->reserved)
		return all_made(result, role->total - e->reserved);
	if (!allowed(e->allowance, e->max_per_minute))
		return answer(result, SIGNER_AWAY, "the role signs at most %u a minute",
			e->max_per_minute);
	return SIGNER_SIGNED;
}

static enum signer_answer check_key(
	const struct role_key *key, struct signer_result *result)
{
	int64_t now = clock_now();

	if (!key->usable)
		return answer(result, SIGNER_AWAY, "%.90s", key->reason);
	if (now < key->not_before || now > key->not_after)
		return answer(result, SIGNER_REFUSED,
			"the role's certificate is not valid now");
	return SIGNER_SIGNED;
}

/* Sign within a lease. *ret_rv: the module's answer. *ret_key: with which the value is to
 * be verified; the caller frees it. */
static enum signer_answer sign_leased(const struct role *role,
	const struct token_lease *lease, struct span digest, struct signer_result *result,
	EVP_PKEY **ret_key, CK_RV *ret_rv)
{
	enum signer_answer a = check_key(lease->key, result);
	size_t len;

	*ret_rv = CKR_OK;
	if (a != SIGNER_SIGNED)
		return a;
	*ret_rv = mechanism_sign(lease->f, lease->session, lease->handle, role->mechanism,
		digest, result->value, &len);
	if (*ret_rv != CKR_OK)
		return answer(
			result, SIGNER_AWAY, "the token answers %s", ckr_text(*ret_rv));
	if (EVP_PKEY_up_ref(lease->key->public_key) != 1)
		return answer(result, SIGNER_AWAY, "no memory");
	*ret_key = lease->key->public_key;
	result->value_len = (uint32_t)len;
	return SIGNER_SIGNED;
}

/* After the session went back: while one signature is verified, the device makes the
 * next. */
static enum signer_answer verify(struct signing *s, const struct role *role,
	EVP_PKEY *key, struct span digest, struct signer_result *result)
{
	if (mechanism_verify(role->mechanism, key, digest,
		    span_of(result->value, result->value_len)))
		return SIGNER_SIGNED;
	atomic_fetch_add(&s->unverified, 1);
	log_event(LOG_CRIT, "signer.unverified", NULL,
		"role %s: the token made a signature that does not verify", role->name);
	return answer(result, SIGNER_REFUSED,
		"the token made a signature that does not verify");
}

/* One attempt, of which the value is not verified. *ret_key: as of sign_leased.
 * *ret_lost: the token was put away by it, *ret_lease then says when. */
static enum signer_answer sign_only(struct signing *s, size_t index, struct span digest,
	struct signer_result *result, EVP_PKEY **ret_key, struct token_lease *ret_lease,
	bool *ret_lost)
{
	const struct role *role = &s->roles->list[index];
	struct token_view view;
	enum signer_answer a;
	CK_RV rv;
	int r = token_lend(s->token, index, LEND_MS, ret_lease);

	*ret_lost = false;
	if (r == -EBUSY)
		return answer(
			result, SIGNER_AWAY, "every session with the token is in use");
	if (r < 0) {
		token_view(s->token, &view);
		return answer(result, SIGNER_AWAY, "%.90s", view.reason);
	}
	a = sign_leased(role, ret_lease, digest, result, ret_key, &rv);
	*ret_lost = token_return(s->token, ret_lease, rv);
	return a;
}

/* One attempt with its verification. */
static enum signer_answer sign_once(struct signing *s, size_t index, struct span digest,
	struct signer_result *result, struct token_lease *ret_lease, bool *ret_lost)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	enum signer_answer a =
		sign_only(s, index, digest, result, &key, ret_lease, ret_lost);

	return a == SIGNER_SIGNED ? verify(s, &s->roles->list[index], key, digest, result)
				  : a;
}

/* One attempt for an asker: who verifies what it gives out need not have it done twice.
 */
static enum signer_answer sign_asked(struct signing *s, const struct errand *e,
	struct span digest, struct signer_result *result, struct token_lease *ret_lease,
	bool *ret_lost)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;

	if (e->verify)
		return sign_once(s, e->index, digest, result, ret_lease, ret_lost);
	return sign_only(s, e->index, digest, result, &key, ret_lease, ret_lost);
}

static enum signer_answer count(struct signing *s, const struct errand *e,
	struct span digest, struct signer_result *result)
{
	struct count_entry entry = { .role = e->name,
		.digest = digest.data,
		.digest_len = digest.len,
		.document = e->document,
		.total = e->role->total,
		.reserved = e->reserved,
		.beside = e->beside };
	int r = count_log_append(s->log, &entry, &result->count);

	if (r == 0) {
		tell_nearly_all(e, result->count);
		return SIGNER_SIGNED;
	}
	result->count = 0;
	if (r == -EDQUOT)
		return all_made(result, e->role->total - e->reserved);
	log_event(LOG_ERR, "signer.count", e->document,
		"the signature cannot be counted: %s",
		r == -ETIME ? "the clock is behind the count" : strerror(-r));
	return answer(result, SIGNER_AWAY, "the signature cannot be counted");
}

static enum signer_answer sign(struct signing *s, const struct errand *e,
	struct span digest, struct signer_result *ret_result)
{
	int64_t begun = clock_now_us();
	struct token_lease lease;
	enum signer_answer a;
	bool lost = false;

	*ret_result = (struct signer_result){ 0 };
	snprintf(ret_result->mechanism, sizeof(ret_result->mechanism), "%s",
		e->role->mechanism->name);
	a = check_role(s, e, digest, ret_result);
	if (a != SIGNER_SIGNED)
		return a;
	a = sign_asked(s, e, digest, ret_result, &lease, &lost);
	if (lost && token_await(s->token, &lease, s->reopen_ms))
		a = sign_asked(s, e, digest, ret_result, &lease, &lost);
	if (a == SIGNER_SIGNED)
		a = count(s, e, digest, ret_result);
	if (a != SIGNER_SIGNED)
		return a;
	ret_result->reason[0] = '\0';
	ret_result->answer = SIGNER_SIGNED;
	atomic_store(&s->last_at, begun / 1000000);
	atomic_store(&s->last_us, clock_now_us() - begun);
	return SIGNER_SIGNED;
}

static struct errand errand_of(struct signing *s, size_t index, const char *document)
{
	const struct role *role = &s->roles->list[index];
	bool beside = strcmp(role->name, ROLE_OF_CALLBACKS) == 0;

	return (struct errand){ .index = index,
		.role = role,
		.name = role->name,
		.beside = beside ? CALLBACKS_NAME : NULL,
		.document = document,
		.allowance = &s->allowances[index],
		.max_per_minute = role->max_per_minute,
		.verify = !role->verified_by_peer };
}

enum signer_answer sign_for(struct signing *s, size_t index, struct span digest,
	const char *document, struct signer_result *ret_result)
{
	struct errand e = errand_of(s, index, document);

	return sign(s, &e, digest, ret_result);
}

enum signer_answer sign_callback(struct signing *s, size_t index, struct span digest,
	struct signer_result *ret_result)
{
	const struct role *role = &s->roles->list[index];
	struct errand e = { .index = index,
		.role = role,
		.name = CALLBACKS_NAME,
		.beside = role->name,
		.document = CALLBACKS_DOCUMENT,
		.allowance = &s->callbacks,
		.max_per_minute = s->callbacks_per_minute,
		/* whoever asks for call-backs cannot use up what acceptance needs */
		.reserved = role->total - role->total / 2,
		.verify = true };

	return sign(s, &e, digest, ret_result);
}

enum signer_answer sign_try(
	struct signing *s, size_t index, struct signer_result *ret_result)
{
	struct errand e = errand_of(s, index, NULL);
	const struct mechanism *m = e.role->mechanism;
	uint8_t digest[SIGNER_DIGEST_MAX];
	struct span trial = span_of(digest, m->digest_len);
	struct token_lease lease;
	enum signer_answer a;
	bool lost;

	*ret_result = (struct signer_result){ 0 };
	if (trial_digest(m, digest) < 0)
		return answer(ret_result, SIGNER_AWAY, "no memory");
	a = check_role(s, &e, trial, ret_result);
	if (a == SIGNER_SIGNED)
		a = sign_once(s, index, trial, ret_result, &lease, &lost);
	return a == SIGNER_SIGNED ? answer(ret_result, a, "%s", "") : a;
}

int sign_trial(struct signing *s, size_t index, char ret_text[KEY_TEXT_SIZE])
{
	const struct role *role = &s->roles->list[index];
	struct signer_result result = { 0 };
	uint8_t digest[SIGNER_DIGEST_MAX];
	struct token_lease lease;
	enum signer_answer a;
	bool lost;

	if (trial_digest(role->mechanism, digest) < 0)
		return -EAGAIN;
	a = sign_once(s, index, span_of(digest, role->mechanism->digest_len), &result,
		&lease, &lost);
	memcpy(ret_text, result.reason, KEY_TEXT_SIZE);
	OPENSSL_cleanse(&result, sizeof(result));
	if (a == SIGNER_SIGNED)
		return 0;
	return a == SIGNER_AWAY ? -EAGAIN : -EBADMSG;
}
