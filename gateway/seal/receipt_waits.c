/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/receipt_waits.h"

#include "common/json.h"
#include "common/limits.h"

#include <errno.h>
#include <string.h>

void receipt_waits_init(struct receipt_waits *w)
{
	*w = (struct receipt_waits){ .lock = PTHREAD_MUTEX_INITIALIZER };
}

int receipt_signer_of(struct span receipt, uint8_t ret_signer[SHA256_SIZE])
{
	_cleanup_json_ json_t *json = json_read(receipt, LIMIT_RECEIPT);
	const char *header = json_string_of(json, "protected");

	if (!header)
		return -EINVAL;
	return digest_sha256(span_str(header), ret_signer) < 0 ? -ENOMEM : 0;
}

static struct receipt_wait *find(struct receipt_waits *w, const uint8_t *signer)
{
	for (size_t i = 0; i < w->count; i++)
		if (memcmp(w->list[i].signer, signer, SHA256_SIZE) == 0)
			return &w->list[i];
	return NULL;
}

bool receipt_waits_ask(
	struct receipt_waits *w, const uint8_t signer[SHA256_SIZE], int64_t now)
{
	struct receipt_wait *one;
	bool may;

	pthread_mutex_lock(&w->lock);
	one = find(w, signer);
	may = !one || now >= one->until;
	if (one && may)
		one->until =
			now + one->delay; /* the others wait for what becomes of it */
	pthread_mutex_unlock(&w->lock);
	return may;
}

static struct receipt_wait *add(struct receipt_waits *w, const uint8_t *signer)
{
	struct receipt_wait *one = &w->list[0];

	if (w->count < RECEIPT_WAITS_MAX)
		one = &w->list[w->count++];
	else
		for (size_t i = 1; i < w->count; i++)
			if (w->list[i].until < one->until)
				one = &w->list[i];
	*one = (struct receipt_wait){ .delay = RECEIPT_WAITS_MIN_MS / 2 };
	memcpy(one->signer, signer, SHA256_SIZE);
	return one;
}

void receipt_waits_failed(
	struct receipt_waits *w, const uint8_t signer[SHA256_SIZE], int64_t now)
{
	struct receipt_wait *one;

	pthread_mutex_lock(&w->lock);
	one = find(w, signer);
	if (!one)
		one = add(w, signer);
	one->delay *= 2;
	if (one->delay > RECEIPT_WAITS_LONGEST_MS)
		one->delay = RECEIPT_WAITS_LONGEST_MS;
	one->until = now + one->delay;
	pthread_mutex_unlock(&w->lock);
}

void receipt_waits_worked(struct receipt_waits *w, const uint8_t signer[SHA256_SIZE])
{
	struct receipt_wait *one;

	pthread_mutex_lock(&w->lock);
	one = find(w, signer);
	if (one)
		*one = w->list[--w->count];
	pthread_mutex_unlock(&w->lock);
}
