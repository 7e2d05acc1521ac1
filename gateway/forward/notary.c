/* SPDX-License-Identifier: EUPL-1.2 */
#include "forward/notary.h"

#include "common/digest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SIGNER_TIMEOUT_MS 5000

void notary_init(struct notary *n, const struct instance *instance)
{
	*n = (struct notary){ .instance = instance };
	pthread_mutex_init(&n->lock, NULL);
}

void notary_done(struct notary *n)
{
	signer_disconnect(n->signer);
	pthread_mutex_destroy(&n->lock);
}

static int connected(struct notary *n)
{
	char path[PATH_MAX];
	int r = n->signer ? 0 : instance_socket(n->instance, "signer", path);

	return r == 0 && !n->signer ? signer_connect(path, SIGNER_TIMEOUT_MS, &n->signer)
				    : r;
}

/* Whoever does not answer is connected to anew: an answer that comes late is no answer to
 * the next question. */
static int ask(struct notary *n, const struct signer_callback *q, char **ret_jws,
	struct signer_result *ret_result)
{
	int r = connected(n);

	if (r < 0)
		return r;
	r = signer_callback(n->signer, q, ret_jws, ret_result);
	if (r < 0) {
		signer_disconnect(n->signer);
		n->signer = NULL;
	}
	return r;
}

char *notary_sign(struct notary *n, const char *partner, bool sandbox, int64_t cursor,
	struct span body, char ret_reason[NOTARY_REASON_SIZE])
{
	struct signer_callback q = {
		.size = body.len, .cursor = cursor, .sandbox = sandbox
	};
	struct signer_result result = { 0 };
	char *jws = NULL;
	bool before;
	int r = strlen(partner) < sizeof(q.partner) ? digest_sha256(body, q.sha256)
						    : -EINVAL;

	if (r == 0) {
		memcpy(q.partner, partner, strlen(partner));
		pthread_mutex_lock(&n->lock);
		before = n->signer != NULL;
		r = ask(n, &q, &jws, &result);
		/* A restart of the signer breaks what was connected before; one that is
		 * slow is asked no second time. */
		if (r < 0 && r != -EAGAIN && before)
			r = ask(n, &q, &jws, &result);
		pthread_mutex_unlock(&n->lock);
	}
	if (r < 0)
		(void)snprintf(ret_reason, NOTARY_REASON_SIZE,
			"the signer does not answer: %s", strerror(-r));
	else if (r != SIGNER_SIGNED)
		(void)snprintf(ret_reason, NOTARY_REASON_SIZE, "%s", result.reason);
	return jws;
}
