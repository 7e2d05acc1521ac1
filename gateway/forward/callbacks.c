/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which partners are called back: whoever the policy in force says. When it changes,
 * nobody is called by the old one any more.
 */
#include "forward/callback.h"

#include "common/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CREDENTIALS "callback"
#define LOOK_MS 1000

struct callbacks {
	const struct daemon *daemon;
	char policies[PATH_MAX];
	uint64_t stamp; /* of the policy that is gone by; 0: look again */
	struct policy *policy;
	struct credentials credentials;
	struct trunk trunks[LIMIT_CALLER_TRUNKS]; /* in turn */
	struct notary notary;
	struct caller *callers;
	size_t count;
	atomic_bool over;
	bool told;
	pthread_t thread;
};

static int load(struct callbacks *c, char **ret_error)
{
	size_t count = 0;
	int r = policy_load(c->policies, &c->policy, ret_error);

	if (r < 0)
		return r;
	for (size_t i = 0; policy_partner_at(c->policy, i); i++)
		count += partner_is_called(policy_partner_at(c->policy, i));
	c->callers = calloc(count + 1, sizeof(*c->callers));
	if (!c->callers)
		return -ENOMEM;
	/* by its certificate the partner knows that it is the gate who calls */
	r = count ? credentials_load(
			    &c->daemon->instance, CREDENTIALS, &c->credentials, ret_error)
		  : 0;
	return r == 0 && count && !c->credentials.certificate ? -ENOKEY : r;
}

static int call(struct callbacks *c, char **ret_error)
{
	const struct partner *p;
	int r = load(c, ret_error);

	for (size_t i = 0; r == 0 && (p = policy_partner_at(c->policy, i)) != NULL; i++) {
		if (!partner_is_called(p))
			continue;
		r = caller_start(&c->callers[c->count], c->daemon, p, &c->credentials,
			&c->trunks[c->count % LIMIT_CALLER_TRUNKS], &c->notary, &c->over);
		c->count += r == 0;
	}
	return r;
}

static void stop(struct callbacks *c)
{
	atomic_store(&c->over, true);
	for (size_t i = 0; i < c->count; i++)
		caller_join(&c->callers[i]);
	credentials_done(&c->credentials);
	free(c->callers);
	policy_free(c->policy);
	c->credentials = (struct credentials){ 0 };
	c->callers = NULL;
	c->policy = NULL;
	c->count = 0;
	atomic_store(&c->over, false);
}

/* The stamp is taken first: what changes meanwhile is seen at the next look. Without a
 * policy that can be read nobody is called. */
static void renew(struct callbacks *c)
{
	_cleanup_(freep) char *error = NULL;
	uint64_t stamp = policy_stamp(c->policies);
	int r;

	if (stamp != 0 && stamp == c->stamp)
		return;
	stop(c);
	r = call(c, &error);
	c->stamp = r == 0 ? stamp : 0;
	if (r < 0) {
		stop(c);
		if (!c->told)
			log_event(LOG_ERR, "forward.callback", NULL,
				"partners are not called: %s",
				error ? error : strerror(-r));
	} else {
		log_event(LOG_INFO, "forward.callback", NULL, "%zu partner%s called back",
			c->count, c->count == 1 ? " is" : "s are");
	}
	c->told = r < 0;
}

static void *run(void *argument)
{
	struct callbacks *c = argument;

	do
		renew(c);
	while (!daemon_wait(c->daemon, LOOK_MS));
	stop(c);
	return NULL;
}

static void means_init(struct callbacks *c)
{
	for (size_t i = 0; i < LIMIT_CALLER_TRUNKS; i++)
		trunk_init(&c->trunks[i], &c->daemon->instance);
	notary_init(&c->notary, &c->daemon->instance);
}

static void means_done(struct callbacks *c)
{
	for (size_t i = 0; i < LIMIT_CALLER_TRUNKS; i++)
		trunk_done(&c->trunks[i]);
	notary_done(&c->notary);
}

int callbacks_start(const struct daemon *d, struct callbacks **ret)
{
	struct callbacks *c = calloc(1, sizeof(*c));
	int r = c ? instance_path(&d->instance, "policies", c->policies) : -ENOMEM;

	if (r == 0) {
		c->daemon = d;
		means_init(c);
		r = -pthread_create(&c->thread, NULL, run, c);
	}
	if (r < 0 && c && c->daemon)
		means_done(c);
	if (r < 0) {
		free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void callbacks_join(struct callbacks *c)
{
	if (!c)
		return;
	pthread_join(c->thread, NULL);
	means_done(c);
	free(c);
}
