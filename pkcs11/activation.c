/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/activation.h"

#include "common/clock.h"
#include "common/log.h"
#include "pkcs11/boot.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define WRONG_MIN_MS 2000
#define WRONG_MAX_MS (5 * 60 * 1000)

/* The PIN as it was closed anew, which counts once the token has taken it, and as it was
 * before: whoever can open either. */
enum { CUSTODY_UNPROVEN, CUSTODY_PROVEN, CUSTODIES };
static const char *const FILES[CUSTODIES] = { CUSTODY_NEXT_FILE, CUSTODY_FILE };

struct entry {
	unsigned int people; /* who have entered, a bit each */
	uint8_t shares[CUSTODY_PEOPLE_MAX][CUSTODY_SHARE_SIZE];
};

struct activation {
	const struct instance *instance;
	pthread_mutex_t lock;
	enum activation_mode mode;
	bool ended; /* until somebody activates again */
	bool open;
	char pin[PIN_SIZE];
	bool unproven; /* the PIN is of the custody that the token has not taken yet */
	bool kept;     /* for a restart */
	struct entry entries[CUSTODIES];
	int64_t first_ms; /* when the first of them came */
	int wrong_ms;	  /* how long nobody is listened to after a wrong passphrase */
	int64_t deaf_until;
};

static const struct {
	const char *name;
	enum activation_mode mode;
} MODES[] = {
	{ "auto", ACTIVATION_AUTO },
	{ "custodians", ACTIVATION_PROCESS },
	{ "boot", ACTIVATION_BOOT },
};

int activation_new(const struct instance *instance, struct activation **ret_activation)
{
	const char *name = config_string(instance->config, "signer.activation");
	struct activation *a;
	size_t i = 0;

	while (i < sizeof(MODES) / sizeof(MODES[0]) && strcmp(MODES[i].name, name) != 0)
		i++;
	if (i == sizeof(MODES) / sizeof(MODES[0]))
		return -EINVAL;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	/* Swap is no place for it; without the right to lock it stays a wish. */
	(void)mlock(a, sizeof(*a));
	a->instance = instance;
	pthread_mutex_init(&a->lock, NULL);
	a->mode = MODES[i].mode;
	if (a->mode == ACTIVATION_AUTO && !config_bool(instance->config, "instance.test"))
		a->mode = ACTIVATION_NONE;
	if (a->mode == ACTIVATION_BOOT)
		a->open = a->kept = boot_recall(instance, a->pin) == 0;
	*ret_activation = a;
	return 0;
}

void activation_free(struct activation *a)
{
	if (!a)
		return;
	pthread_mutex_destroy(&a->lock);
	OPENSSL_cleanse(a, sizeof(*a));
	(void)munlock(a, sizeof(*a));
	free(a);
}

__attribute__((format(printf, 3, 4))) static enum activation_answer say(
	char ret_text[ACTIVATION_TEXT_SIZE], enum activation_answer answer,
	const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(ret_text, ACTIVATION_TEXT_SIZE, format, ap);
	va_end(ap);
	return answer;
}

static void forget_entry(struct entry *e)
{
	OPENSSL_cleanse(e, sizeof(*e));
}

static void forget_shares(struct activation *a)
{
	for (size_t i = 0; i < CUSTODIES; i++)
		forget_entry(&a->entries[i]);
}

static unsigned int count_of(const struct entry *e)
{
	return (unsigned int)__builtin_popcount(e->people);
}

static bool nobody_yet(const struct activation *a)
{
	return !a->entries[CUSTODY_UNPROVEN].people && !a->entries[CUSTODY_PROVEN].people;
}

static int read_custody(const struct activation *a, size_t which, struct custody *ret)
{
	char path[PATH_MAX];
	int r = instance_path(a->instance, FILES[which], path);

	return r < 0 ? r : custody_read(path, ret);
}

static void remove_unproven(const struct activation *a)
{
	char path[PATH_MAX];

	if (instance_path(a->instance, CUSTODY_NEXT_FILE, path) == 0)
		(void)unlink(path);
}

static void forget_pin(struct activation *a)
{
	OPENSSL_cleanse(a->pin, sizeof(a->pin));
	a->open = a->kept = false;
}

/* Nobody is listened to for a while, later and later, and for so much longer what was
 * entered is waited with. Return: for how many seconds. */
static int go_deaf(struct activation *a)
{
	a->wrong_ms = a->wrong_ms ? a->wrong_ms * 2 : WRONG_MIN_MS;
	if (a->wrong_ms > WRONG_MAX_MS)
		a->wrong_ms = WRONG_MAX_MS;
	a->deaf_until = clock_monotonic_ms() + a->wrong_ms;
	a->first_ms += a->wrong_ms;
	return (a->wrong_ms + 999) / 1000;
}

/* Which passphrase was wrong cannot be told: all enter again. */
static enum activation_answer wrong(
	struct activation *a, char ret_text[ACTIVATION_TEXT_SIZE])
{
	forget_shares(a);
	return say(ret_text, ACTIVATION_REFUSED,
		"a passphrase was wrong: all enter theirs again, in %d s", go_deaf(a));
}

/* A custody waits for more people while the other one was tried in vain. Its own people
 * do that when they enter what the other does not know, so that it goes on waiting; but
 * a guess costs the same whichever of the two waits. */
static enum activation_answer waits(struct activation *a, unsigned int have,
	unsigned int threshold, bool rejected, char ret_text[ACTIVATION_TEXT_SIZE])
{
	int seconds;

	if (!rejected)
		return say(ret_text, ACTIVATION_WAITING, "%u of %u have entered", have,
			threshold);
	seconds = go_deaf(a);
	log_event(LOG_WARNING, "signer.activation", NULL,
		"a passphrase was wrong for one of two custodies: nobody is listened to "
		"for %d s",
		seconds);
	return say(ret_text, ACTIVATION_WAITING,
		"%u of %u have entered; the next not before %d s", have, threshold,
		seconds);
}

/* For a restart of the signer; a PIN that no token has taken is not kept: after a restart
 * it would be tried again, and nobody would know what custody it came of. */
static void keep(struct activation *a)
{
	if (a->mode != ACTIVATION_BOOT || a->kept)
		return;
	a->kept = boot_keep(a->instance, a->pin) == 0;
	if (!a->kept)
		log_event(LOG_ERR, "signer.activation", NULL,
			"the activation cannot be kept for a restart of the signer");
}

static enum activation_answer opened(
	struct activation *a, size_t which, char ret_text[ACTIVATION_TEXT_SIZE])
{
	forget_shares(a);
	a->open = true;
	a->unproven = which == CUSTODY_UNPROVEN;
	a->ended = false;
	a->wrong_ms = 0;
	return say(ret_text, ACTIVATION_OPEN, "activated");
}

/* Of two custodies each is tried when enough of its people have entered. */
static enum activation_answer open_either(struct activation *a,
	const struct custody c[CUSTODIES], char ret_text[ACTIVATION_TEXT_SIZE])
{
	const struct custody *waiting = NULL;
	unsigned int have = 0;
	bool rejected = false;
	int r = 0;

	for (size_t i = 0; i < CUSTODIES; i++) {
		struct entry *e = &a->entries[i];

		if (e->people && count_of(e) < c[i].threshold) {
			waiting = &c[i];
			have = count_of(e);
		} else if (e->people) {
			r = custody_open(&c[i], e->people, e->shares, a->pin);
			if (r == 0)
				return opened(a, i, ret_text);
			rejected |= r == -EKEYREJECTED;
			forget_entry(e);
		}
	}
	if (waiting)
		return waits(a, have, waiting->threshold, rejected, ret_text);
	return rejected ? wrong(a, ret_text)
			: say(ret_text, ACTIVATION_REFUSED, "%s", strerror(-r));
}

static enum activation_answer take(struct activation *a,
	const struct custody c[CUSTODIES], const int person[CUSTODIES],
	const char *passphrase, char ret_text[ACTIVATION_TEXT_SIZE])
{
	int64_t now = clock_monotonic_ms();

	if (now < a->deaf_until)
		return say(ret_text, ACTIVATION_REFUSED, "not before %d s",
			(int)((a->deaf_until - now + 999) / 1000));
	if (now - a->first_ms > ACTIVATION_ENTER_MS)
		forget_shares(a);
	if (nobody_yet(a))
		a->first_ms = now;
	for (size_t i = 0; i < CUSTODIES; i++) {
		if (person[i] < 0)
			continue;
		if (custody_share(&c[i], (size_t)person[i], passphrase,
			    a->entries[i].shares[person[i]]) < 0)
			return say(ret_text, ACTIVATION_REFUSED,
				"no memory for the passphrase");
		a->entries[i].people |= 1u << person[i];
	}
	return open_either(a, c, ret_text);
}

static enum activation_answer enter_custody(struct activation *a, const char *name,
	const char *passphrase, char ret_text[ACTIVATION_TEXT_SIZE])
{
	struct custody c[CUSTODIES] = { 0 };
	int person[CUSTODIES], r[CUSTODIES];

	for (size_t i = 0; i < CUSTODIES; i++) {
		r[i] = read_custody(a, i, &c[i]);
		person[i] = r[i] < 0 ? -1 : custody_find(&c[i], name);
	}
	if (r[CUSTODY_UNPROVEN] < 0 && r[CUSTODY_PROVEN] < 0)
		return say(ret_text, ACTIVATION_REFUSED, CUSTODY_FILE ": %s",
			strerror(-r[CUSTODY_PROVEN]));
	if (person[CUSTODY_UNPROVEN] < 0 && person[CUSTODY_PROVEN] < 0)
		return say(ret_text, ACTIVATION_REFUSED, "there is no such custodian");
	if (a->open)
		return say(ret_text, ACTIVATION_OPEN, "it is active already");
	return take(a, c, person, passphrase, ret_text);
}

enum activation_answer activation_enter(struct activation *a, const char *name,
	const char *passphrase, char ret_text[ACTIVATION_TEXT_SIZE])
{
	enum activation_answer answer;

	pthread_mutex_lock(&a->lock);
	switch (a->mode) {
	case ACTIVATION_AUTO:
		a->ended = false;
		answer = say(ret_text, ACTIVATION_OPEN, "activated by the PIN file");
		break;
	case ACTIVATION_PROCESS:
	case ACTIVATION_BOOT:
		answer = enter_custody(a, name, passphrase, ret_text);
		break;
	case ACTIVATION_NONE:
	default:
		answer = say(ret_text, ACTIVATION_REFUSED,
			"signer.activation must be custodians or boot");
		break;
	}
	pthread_mutex_unlock(&a->lock);
	return answer;
}

int activation_pin(
	struct activation *a, char ret_pin[PIN_SIZE], char ret_text[ACTIVATION_TEXT_SIZE])
{
	bool open;

	pthread_mutex_lock(&a->lock);
	open = a->open;
	if (open)
		memcpy(ret_pin, a->pin, PIN_SIZE);
	else
		say(ret_text, ACTIVATION_REFUSED, "%s",
			a->ended ? "it was deactivated"
				 : "the token was not activated by its operators");
	pthread_mutex_unlock(&a->lock);
	return open ? 0 : -EAGAIN;
}

bool activation_auto(struct activation *a)
{
	bool is;

	pthread_mutex_lock(&a->lock);
	is = a->mode == ACTIVATION_AUTO && !a->ended;
	pthread_mutex_unlock(&a->lock);
	return is;
}

int activation_renew(struct activation *a, const struct custody *c)
{
	char path[PATH_MAX];
	int r = instance_path(a->instance, CUSTODY_NEXT_FILE, path);

	/* Under the lock: what is proven or refused is what the PIN was opened by. */
	pthread_mutex_lock(&a->lock);
	if (r == 0)
		r = custody_write(c, path);
	if (r == 0) {
		forget_entry(&a->entries[CUSTODY_UNPROVEN]);
		a->unproven = false; /* the PIN that is open is not of the new file */
	}
	pthread_mutex_unlock(&a->lock);
	return r;
}

/* The token takes its time: people may have ended it and opened another PIN meanwhile. */
static bool is_open(const struct activation *a, const char pin[PIN_SIZE])
{
	return a->open && CRYPTO_memcmp(a->pin, pin, PIN_SIZE) == 0;
}

/* What stays when the power goes in between is proven again. */
static void promote(const struct activation *a)
{
	char path[PATH_MAX];
	struct custody c;

	if (read_custody(a, CUSTODY_UNPROVEN, &c) < 0 ||
		instance_path(a->instance, CUSTODY_FILE, path) < 0 ||
		custody_write(&c, path) < 0)
		return;
	remove_unproven(a);
	log_event(LOG_NOTICE, "signer.activation", NULL,
		"the token has taken the PIN that was closed anew: it counts from now "
		"on");
}

void activation_proven(struct activation *a, const char pin[PIN_SIZE])
{
	pthread_mutex_lock(&a->lock);
	if (is_open(a, pin)) {
		if (a->unproven)
			promote(a);
		a->unproven = false;
		keep(a);
	}
	pthread_mutex_unlock(&a->lock);
}

static void give_up(struct activation *a)
{
	if (a->unproven) {
		remove_unproven(a);
		log_event(LOG_ERR, "signer.activation", NULL,
			"the token refused the PIN that was closed anew: it is given "
			"up, and the one before counts");
	}
	a->unproven = false;
	forget_pin(a);
	if (a->mode == ACTIVATION_BOOT)
		boot_forget(a->instance);
}

void activation_wrong(struct activation *a, const char pin[PIN_SIZE])
{
	pthread_mutex_lock(&a->lock);
	if (is_open(a, pin))
		give_up(a);
	pthread_mutex_unlock(&a->lock);
}

void activation_end(struct activation *a)
{
	pthread_mutex_lock(&a->lock);
	forget_pin(a);
	forget_shares(a);
	a->unproven = false;
	a->ended = true;
	if (a->mode == ACTIVATION_BOOT)
		boot_forget(a->instance);
	pthread_mutex_unlock(&a->lock);
}

void activation_view(struct activation *a, struct activation_view *ret_view)
{
	struct custody c = { 0 };

	*ret_view = (struct activation_view){ .mode = "none" };
	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < sizeof(MODES) / sizeof(MODES[0]); i++)
		if (MODES[i].mode == a->mode)
			ret_view->mode = MODES[i].name;
	for (size_t i = 0; i < CUSTODIES; i++)
		if (count_of(&a->entries[i]) > ret_view->entered)
			ret_view->entered = count_of(&a->entries[i]);
	ret_view->open = a->open;
	ret_view->ended = a->ended;
	pthread_mutex_unlock(&a->lock);
	ret_view->unproven = read_custody(a, CUSTODY_UNPROVEN, &c) == 0;
	if (ret_view->unproven || read_custody(a, CUSTODY_PROVEN, &c) == 0)
		ret_view->threshold = c.threshold;
}
