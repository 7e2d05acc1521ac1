/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/renewed.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/memfd.h"
#include "policy/policy.h"
#include "policy/verify_client.h"
#include "trust/snapshot.h"
#include "trust/store.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LOOK_MS 1000
#define ASK_FOR_MS 30000 /* verify takes up what changed within seconds */
#define TIMEOUT_MS 5000
/* Is no name of a partner's: whatever it sends is refused. */
#define NOBODY "(renewed)"

static uint64_t stamp_of(const struct renewed *r)
{
	return policy_stamp(r->policies) ^ trust_store_stamp(r->anchors, r->revocation) ^
	       trust_snapshot_stamp(r->lists);
}

int renewed_init(struct renewed *r, const struct instance *instance,
	const char *verify_socket, const char *queued_socket)
{
	int e;

	*r = (struct renewed){ .lock = PTHREAD_MUTEX_INITIALIZER, .stop = -1 };
	(void)snprintf(r->verify_socket, sizeof(r->verify_socket), "%s", verify_socket);
	(void)snprintf(r->queued_socket, sizeof(r->queued_socket), "%s", queued_socket);
	e = instance_path(instance, "policies", r->policies);
	if (e == 0)
		e = instance_path(instance, "policies/anchors", r->anchors);
	if (e == 0)
		e = instance_path(instance, "state/trust/revocation", r->revocation);
	return e == 0 ? instance_path(instance, "state/trust/lists", r->lists) : e;
}

void renewed_done(struct renewed *r)
{
	if (r->stop >= 0)
		close(r->stop);
	pthread_mutex_destroy(&r->lock);
}

/* By what verify judges, as it says of a document that is none. Return: whether it said
 * so. */
static bool ask(const struct renewed *r, struct judged_by *ret)
{
	static const char NOTHING[] = "<nothing/>";
	struct verify_request q = { .mode = VERIFY_DOCUMENT, .at = clock_now() };
	uint8_t sha256[SHA256_SIZE];
	struct verdict v;
	int fd = -1, report = -1, answered;

	(void)snprintf(q.subject, sizeof(q.subject), NOBODY);
	(void)snprintf(q.document_id, sizeof(q.document_id), NOBODY);
	if (digest_sha256(span_str(NOTHING), sha256) < 0 ||
		(fd = memfd_from("nothing", span_str(NOTHING))) < 0)
		return false;
	answered = verify_ask(r->verify_socket, &q, fd, sha256, TIMEOUT_MS, &v, &report);
	close(fd);
	if (report >= 0)
		close(report);
	if (answered != 1)
		return false;
	memcpy(ret->policy, v.policy_digest, sizeof(ret->policy));
	memcpy(ret->store, v.store_version, sizeof(ret->store));
	return true;
}

static bool same(const struct judged_by *a, const char *policy, const char *store)
{
	return strcmp(a->policy, policy) == 0 && strcmp(a->store, store) == 0;
}

/* Return: true when verify judges by something else than before. */
static bool take(struct renewed *r, const struct judged_by *found)
{
	bool first, other;

	pthread_mutex_lock(&r->lock);
	first = !*r->now.policy;
	other = !same(&r->now, found->policy, found->store);
	if (other && !first)
		r->before = r->now;
	r->now = *found;
	pthread_mutex_unlock(&r->lock);
	return other && !first;
}

bool renewed_holds(struct renewed *r, const struct verdict *v)
{
	bool old;

	pthread_mutex_lock(&r->lock);
	old = *r->before.policy && same(&r->before, v->policy_digest, v->store_version) &&
	      !same(&r->now, v->policy_digest, v->store_version);
	pthread_mutex_unlock(&r->lock);
	return !old;
}

/* Return: whether queued knows. */
static bool tell(const struct renewed *r)
{
	struct queue *queue = NULL;
	int answer = queue_connect(r->queued_socket, TIMEOUT_MS, &queue);

	if (answer == 0)
		answer = queue_held_due(queue);
	queue_disconnect(queue);
	return answer == QUEUE_DONE;
}

void renewed_look(struct renewed *r)
{
	int64_t now = clock_monotonic_ms();
	uint64_t stamp = stamp_of(r);
	struct judged_by found;

	if (stamp != r->stamp) {
		r->stamp = stamp;
		r->until_ms = now + ASK_FOR_MS;
	}
	if (now < r->until_ms && ask(r, &found) && take(r, &found)) {
		log_event(LOG_INFO, "intake.renewed", NULL,
			"verify judges by policy %s, trust store %s: held documents are "
			"judged again",
			found.policy, found.store);
		r->owed = true;
	}
	if (r->owed)
		r->owed = !tell(r);
}

static void *run(void *arg)
{
	struct renewed *r = arg;
	struct pollfd p = { .fd = r->stop, .events = POLLIN };

	do
		renewed_look(r);
	while (poll(&p, 1, LOOK_MS) <= 0);
	return NULL;
}

int renewed_start(struct renewed *r)
{
	int e;

	r->stop = eventfd(0, EFD_CLOEXEC);
	if (r->stop < 0)
		return -errno;
	e = pthread_create(&r->thread, NULL, run, r);
	return -e;
}

void renewed_stop(struct renewed *r)
{
	if (eventfd_write(r->stop, 1) == 0)
		pthread_join(r->thread, NULL);
}
