/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/head_seal.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/id.h"
#include "common/log.h"
#include "common/memfd.h"
#include "pkcs11/client.h"
#include "queue/head_stamp.h"
#include "queue/sealed_head.h"
#include "queued/head_heal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define SIGNER_TIMEOUT_MS 5000
#define LOOK_MS 1000
#define LATE_TIMES 5	    /* audit.seal_s: then a head is late, */
#define LATE_LEAST_S 60	    /* not before this */
#define STOP_MS 2000	    /* for the last head, when queued ends */
#define STOP_EXPORT_MS 1000 /* at least, to put it into the second folder, too */

static int sign(struct signer *s, const char *id, const char *statement, char **ret_text)
{
	_cleanup_(freep) uint8_t *der = NULL;
	struct signer_result result;
	uint8_t digest[SHA256_SIZE];
	size_t len;
	int r = signer_certificates(s, SEALED_HEAD_ROLE, &der, &len, &result);

	if (r != SIGNER_SIGNED)
		return r < 0 ? r : -EAGAIN;
	r = digest_sha256(span_str(statement), digest);
	if (r == 0)
		r = signer_sign(s, SEALED_HEAD_ROLE, digest, SHA256_SIZE, id, &result);
	if (r != SIGNER_SIGNED || result.value_len != SEALED_HEAD_SIGNATURE_SIZE)
		return r < 0 ? r : -EAGAIN;
	*ret_text = sealed_head_assemble(statement, span_of(der, len), result.value);
	return *ret_text ? 0 : -ENOMEM;
}

static int keep(
	const char *heads, int64_t position, enum head_kind kind, const char *text)
{
	const struct head_file f = { .position = position, .kind = kind };
	char folder[PATH_MAX], path[PATH_MAX];
	int r = head_folder_path(heads, position, folder);

	if (r == 0 && kind != HEAD_PENDING)
		r = durable_mkdir(folder, 0755);
	if (r == 0)
		r = head_file_path(heads, &f, path);
	return r < 0 ? r : durable_write(path, span_str(text), 0644);
}

static int keep_here(const struct head_seal *h, int64_t position, enum head_kind kind,
	const char *text)
{
	char heads[PATH_MAX];
	int r = head_folder(h->folder, heads);

	if (r == 0)
		r = durable_mkdir(heads, 0755);
	return r < 0 ? r : keep(heads, position, kind, text);
}

static int keep_head(
	struct head_seal *h, const struct engine_head *head, const char *text)
{
	char heads[PATH_MAX];
	int r = head_folder(h->folder, heads);

	if (r < 0)
		return r;
	head_spare(heads, head);
	return keep_here(h, head->position, HEAD_JSON, text);
}

static void note_newest(struct head_seal *h, const struct sealed_head *head, char *text)
{
	pthread_mutex_lock(&h->lock);
	free(h->newest);
	h->newest = text;
	h->newest_position = head->position;
	h->told.sealed.position = head->position;
	h->told.sealed.at = head->at;
	h->waiting_since_ms =
		h->head.position > head->position ? clock_monotonic_ms() : 0;
	pthread_mutex_unlock(&h->lock);
	head_export_note(h->export, HEAD_JSON, head->position);
}

bool head_seal_newest(
	struct head_seal *h, int64_t *ret_position, uint8_t ret_sha256[SHA256_SIZE])
{
	bool there = false;

	if (!h->running)
		return false;
	pthread_mutex_lock(&h->lock);
	if (h->newest && digest_sha256(span_str(h->newest), ret_sha256) == 0) {
		*ret_position = h->newest_position;
		there = true;
	}
	pthread_mutex_unlock(&h->lock);
	return there;
}

int head_seal_unstamped(struct head_seal *h, int64_t *ret_position, int *ret_fd)
{
	int64_t now = clock_monotonic_ms();
	int r = QUEUE_EMPTY;

	if (!h->running || !h->stamp_every_ms)
		return QUEUE_EMPTY;
	pthread_mutex_lock(&h->lock);
	if (h->newest && h->newest_position > h->stamped_position &&
		(h->stamped_ms == 0 || now - h->stamped_ms >= h->stamp_every_ms)) {
		r = memfd_from("head", span_str(h->newest));
		if (r >= 0) {
			*ret_fd = r;
			*ret_position = h->newest_position;
			r = QUEUE_DONE;
		}
	}
	pthread_mutex_unlock(&h->lock);
	return r;
}

static bool is_stamped(struct head_seal *h, int64_t position)
{
	bool stamped;

	pthread_mutex_lock(&h->lock);
	stamped = position <= h->stamped_position;
	pthread_mutex_unlock(&h->lock);
	return stamped;
}

/* Whatever was sealed meanwhile: the token is about the head that was given out. */
int head_seal_stamped(struct head_seal *h, int64_t position, struct span token)
{
	_cleanup_(freep) uint8_t *head = NULL;
	_cleanup_(freep) char *text = NULL;
	struct head_file f = { .position = position, .kind = HEAD_JSON };
	char heads[PATH_MAX], path[PATH_MAX];
	size_t len = 0;
	int r;

	if (!h->running || is_stamped(h, position))
		return QUEUE_NOT_FOUND;
	r = head_folder(h->folder, heads);
	if (r == 0)
		r = head_file_find(heads, &f, path);
	if (r == 0)
		r = file_read(path, SEALED_HEAD_MAX, &head, &len);
	if (r < 0)
		return r == -ENOENT ? QUEUE_NOT_FOUND : r;
	text = head_stamp_assemble(position, span_of(head, len), token);
	r = text ? keep_here(h, position, HEAD_PENDING, text) : -ENOMEM;
	if (r < 0)
		return r;
	h->pending_position = position;
	return QUEUE_DONE;
}

void head_seal_settle(struct head_seal *h, bool committed)
{
	int64_t position;

	if (!h || !h->pending_position)
		return;
	position = h->pending_position;
	h->pending_position = 0;
	head_stamp_settle(h->folder, position, committed);
	if (!committed)
		return;
	h->stamped_ms = clock_monotonic_ms();
	pthread_mutex_lock(&h->lock);
	h->stamped_position = position;
	pthread_mutex_unlock(&h->lock);
	head_export_note(h->export, HEAD_STAMP, position);
}

/* Note who is asked, so that the end can break it off. Return: 0, or -ECANCELED. */
static int note_asked(struct head_seal *h, struct signer *signer)
{
	int r = 0;

	pthread_mutex_lock(&h->lock);
	if (h->cut && signer)
		r = -ECANCELED;
	else
		h->asked = signer;
	pthread_mutex_unlock(&h->lock);
	return r;
}

static int ask_signer(
	struct head_seal *h, const char *id, const char *statement, char **ret_text)
{
	_cleanup_(signer_disconnectp) struct signer *signer = NULL;
	int r = signer_connect(h->signer, SIGNER_TIMEOUT_MS, &signer);

	if (r == 0)
		r = note_asked(h, signer);
	if (r < 0)
		return r;
	r = sign(signer, id, statement, ret_text);
	note_asked(h, NULL);
	return r;
}

/* An earlier start sealed this very head: another seal would take the place of one that
 * was stamped, linked and put into the second folder. Return: whether it did. */
static bool take_kept(struct head_seal *h, const struct engine_head *head)
{
	struct head_file f = { .position = head->position, .kind = HEAD_JSON };
	_cleanup_(freep) uint8_t *text = NULL;
	_cleanup_(freep) char *reason = NULL;
	char heads[PATH_MAX], path[PATH_MAX];
	struct sealed_head kept;
	size_t len = 0;

	if (head_folder(h->folder, heads) < 0 || head_file_find(heads, &f, path) < 0 ||
		file_read(path, SEALED_HEAD_MAX, &text, &len) < 0 ||
		sealed_head_verify(span_of(text, len), NULL, 0, &kept, &reason) != 1 ||
		kept.position != head->position ||
		memcmp(kept.chain, head->chain, SHA256_SIZE) != 0)
		return false;
	f.kind = HEAD_STAMP;
	if (head_file_find(heads, &f, path) == 0) {
		pthread_mutex_lock(&h->lock);
		h->stamped_position = head->position;
		pthread_mutex_unlock(&h->lock);
	}
	note_newest(h, &kept, (char *)TAKE(text));
	return true;
}

static int seal_head(struct head_seal *h, const struct engine_head *head)
{
	_cleanup_(freep) char *statement = NULL, *text = NULL, *reason = NULL;
	const struct config *config = h->instance->config;
	struct sealed_head check;
	char id[DOCUMENT_ID_SIZE];
	int r = id_new(id);

	if (r < 0)
		return r;
	statement = sealed_head_statement(id, config_string(config, "instance.name"),
		config_bool(config, "instance.test"), head->position, head->chain,
		clock_now());
	if (!statement)
		return -ENOMEM;
	r = ask_signer(h, id, statement, &text);
	if (r == 0 && sealed_head_verify(span_str(text), NULL, 0, &check, &reason) != 1)
		r = -EBADMSG;
	if (r == 0)
		r = keep_head(h, head, text);
	if (r == 0)
		note_newest(h, &check, TAKE(text));
	return r;
}

static bool stopping(struct head_seal *h)
{
	bool stop;

	pthread_mutex_lock(&h->lock);
	stop = h->stop;
	pthread_mutex_unlock(&h->lock);
	return stop;
}

/* Say once that it does not work, and once that it does again. */
static void tell(struct head_seal *h, int r)
{
	/* at the end the signer may be gone already */
	if (r < 0 && !h->failing && !stopping(h))
		log_event(LOG_WARNING, "queued.head-unsealed", NULL,
			"the head of the audit chain is not sealed: %s", strerror(-r));
	else if (r == 0 && h->failing)
		log_event(LOG_NOTICE, "queued.head-unsealed", NULL,
			"heads are sealed again");
	h->failing = r < 0;
}

static struct timespec after(int64_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	return t;
}

/* Sleep until something changed, at most a moment. Return: the head to seal, or position
 * 0. */
static struct engine_head wait_for_head(
	struct head_seal *h, int64_t sealed, int64_t sealed_ms)
{
	struct engine_head head = { 0 };
	struct timespec until = after(LOOK_MS);
	int64_t fresh;

	pthread_mutex_lock(&h->lock);
	if (!h->stop)
		pthread_cond_timedwait(&h->changed, &h->lock, &until);
	fresh = h->head.position - sealed;
	if (fresh > 0 && (h->stop || fresh >= h->every_records ||
				 clock_monotonic_ms() - sealed_ms >= h->every_ms))
		head = h->head;
	pthread_mutex_unlock(&h->lock);
	return head;
}

/* What an earlier start sealed. */
static void note_earlier(struct head_seal *h)
{
	struct sealed_head head;

	if (head_newest_sealed(h->folder, &head) <= 0)
		return;
	pthread_mutex_lock(&h->lock);
	h->told.sealed.position = head.position;
	h->told.sealed.at = head.at;
	pthread_mutex_unlock(&h->lock);
}

static void *run(void *argument)
{
	struct head_seal *h = argument;
	int64_t sealed = 0, sealed_ms = clock_monotonic_ms();
	bool last = false;

	note_earlier(h);
	while (!last) {
		struct engine_head head;

		last = stopping(h);
		head_export_watch(h->export);
		head = wait_for_head(h, sealed, sealed_ms);
		if (head.position == 0)
			continue;
		sealed_ms = clock_monotonic_ms(); /* what failed is tried after a pause */
		tell(h, take_kept(h, &head) ? 0 : seal_head(h, &head));
		if (!h->failing)
			sealed = head.position;
	}
	pthread_mutex_lock(&h->lock);
	h->ended = true;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

int head_seal_start(
	struct head_seal *h, const struct instance *instance, const char *folder)
{
	const char *export = config_string(instance->config, "audit.export");
	pthread_condattr_t attributes;
	int r;

	*h = (struct head_seal){ .instance = instance,
		.folder = folder,
		.every_ms = config_int(instance->config, "audit.seal_s") * 1000,
		.every_records = config_int(instance->config, "audit.seal_records"),
		.stamp_every_ms = config_int(instance->config, "audit.stamp_s") * 1000 };
	r = instance_socket(instance, "signer", h->signer);
	if (r == 0 && *export)
		r = head_export_start(folder, export, &h->export);
	if (r < 0)
		return r;
	pthread_mutex_init(&h->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&h->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	r = -pthread_create(&h->thread, NULL, run, h);
	h->running = r == 0;
	if (r < 0) {
		const struct timespec now = after(0);

		head_export_stop(TAKE(h->export), &now);
	}
	return r;
}

void head_seal_offer(struct head_seal *h, const struct engine_head *head)
{
	if (!h->running)
		return;
	pthread_mutex_lock(&h->lock);
	h->head = *head;
	if (head->position > h->newest_position && !h->waiting_since_ms)
		h->waiting_since_ms = clock_monotonic_ms();
	pthread_mutex_unlock(&h->lock);
}

void head_seal_told(struct head_seal *h, struct heads_told *ret)
{
	int64_t late_s = h->every_ms / 1000 * LATE_TIMES;
	struct head_exported exported;

	if (!h->running)
		return;
	pthread_mutex_lock(&h->lock);
	*ret = h->told;
	ret->sealing = true;
	ret->late_s = late_s > LATE_LEAST_S ? late_s : LATE_LEAST_S;
	if (h->waiting_since_ms)
		ret->sealed.waiting_ms = clock_monotonic_ms() - h->waiting_since_ms;
	pthread_mutex_unlock(&h->lock);
	ret->exporting = head_export_told(h->export, &exported);
	if (ret->exporting)
		ret->exported = (struct head_told){ exported.position, exported.at,
			exported.waiting_ms };
}

/* Whoever ends queued kills it when it waits for a signer that does not answer. */
void head_seal_stop(struct head_seal *h)
{
	struct timespec until = after(STOP_MS), soon;

	if (!h->running)
		return;
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_cond_broadcast(&h->changed);
	while (!h->ended && pthread_cond_timedwait(&h->changed, &h->lock, &until) == 0)
		;
	h->cut = true;
	if (h->asked)
		signer_interrupt(h->asked);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	soon = after(STOP_EXPORT_MS);
	head_export_stop(TAKE(h->export), soon.tv_sec > until.tv_sec ? &soon : &until);
	pthread_cond_destroy(&h->changed);
	pthread_mutex_destroy(&h->lock);
	free(TAKE(h->newest));
	h->running = false;
}
