/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/known.h"

#include <string.h>

void known_init(struct known *k)
{
	*k = (struct known){ .lock = PTHREAD_MUTEX_INITIALIZER };
}

void known_done(struct known *k)
{
	pthread_mutex_destroy(&k->lock);
}

/* All that the check reads of a request and its listener, texts by their digests.
 * Return: 0 or negative. */
static int asked(const struct scgi_request *scgi, enum web_revocation revocation,
	uint8_t ret[SHA256_SIZE])
{
	uint8_t both[2 * SHA256_SIZE + 1];
	int r = digest_sha256(span_str(scgi_get(scgi, "CLIENT_VERIFY")), both);

	if (r == 0)
		r = digest_sha256(span_str(scgi_get(scgi, "CLIENT_CERTIFICATE")),
			both + SHA256_SIZE);
	both[2 * SHA256_SIZE] = (uint8_t)revocation;
	return r < 0 ? r : digest_sha256(span_of(both, sizeof(both)), ret);
}

static const struct known_certificate *find(
	const struct known *k, const uint8_t digest[SHA256_SIZE], int64_t at)
{
	for (size_t i = 0; i < KNOWN_MAX; i++)
		if (k->list[i].at == at &&
			memcmp(k->list[i].asked, digest, SHA256_SIZE) == 0)
			return &k->list[i];
	return NULL;
}

bool known_find(struct known *k, const struct scgi_request *scgi,
	enum web_revocation revocation, int64_t at, char ret_sha256[SHA256_TEXT_SIZE],
	int64_t *ret_until)
{
	const struct known_certificate *found;
	uint8_t digest[SHA256_SIZE];

	if (at <= 0 || asked(scgi, revocation, digest) < 0)
		return false;
	pthread_mutex_lock(&k->lock);
	found = find(k, digest, at);
	if (found) {
		memcpy(ret_sha256, found->sha256, SHA256_TEXT_SIZE);
		*ret_until = found->until;
	}
	pthread_mutex_unlock(&k->lock);
	return found != NULL;
}

void known_add(struct known *k, const struct scgi_request *scgi,
	enum web_revocation revocation, int64_t at, const char sha256[SHA256_TEXT_SIZE],
	int64_t until)
{
	struct known_certificate c = { .at = at, .until = until };

	if (at <= 0 || asked(scgi, revocation, c.asked) < 0)
		return;
	memcpy(c.sha256, sha256, SHA256_TEXT_SIZE);
	pthread_mutex_lock(&k->lock);
	if (!find(k, c.asked, at)) {
		k->list[k->next] = c;
		k->next = (k->next + 1) % KNOWN_MAX;
	}
	pthread_mutex_unlock(&k->lock);
}
