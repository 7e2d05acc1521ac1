/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/renew.h"

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/memfd.h"
#include "evidence/augment.h"
#include "seal/queue_link.h"
#include "seal/stamp.h"

#include <errno.h>
#include <stdio.h>

#define UNSTAMPED_MS 1000
#define STAMP_AGAIN_S 30 /* of a container that waits for its first time-stamp */

struct step {
	struct seal_tools *tools;
	struct evidence_augment_plan plan;
	struct renewal_step *ret;
	int64_t end; /* until when its newest archive time-stamp proves */
};

static int say(struct step *s, const char *what, const char *why)
{
	(void)snprintf(s->ret->reason, sizeof(s->ret->reason), "%s%s%s", what,
		*why ? ": " : "", why);
	return 0;
}

/* Have the octets of a prepared container stamped and the token put in. */
static int finish(struct step *s, struct evidence_archive *a, struct span octets)
{
	_cleanup_(freep) uint8_t *token = NULL;
	_cleanup_(freep) char *reason = NULL;
	char why[ATTEMPT_REASON_SIZE] = "";
	int64_t gen_time = 0;
	size_t len = 0;
	int r;

	if (stamp_octets(s->tools, octets, &token, &len, &gen_time, why, sizeof(why)) !=
		STAMP_MADE) {
		s->ret->unstamped = true;
		return say(s, "no time-stamp", why);
	}
	r = evidence_archive_finish(
		a, span_of(token, len), clock_now(), &s->ret->container, &reason);
	s->end = renewal_end_of(span_of(token, len), clock_now());
	return r > 0 ? r : say(s, "not put in", reason ? reason : strerror(-r));
}

static int stamp(struct step *s, bool archive)
{
	_cleanup_(evidence_archive_freep) struct evidence_archive *a = NULL;
	_cleanup_(freep) char *reason = NULL;
	_cleanup_buf_ struct buf octets;
	int r;

	buf_init(&octets, 2 * LIMIT_CONTAINER);
	r = archive ? evidence_archive_prepare(&s->plan, &a, &octets, &reason)
		    : evidence_time_stamp_prepare(&s->plan, &a, &octets, &reason);
	if (r <= 0)
		return say(s, "not yet", reason ? reason : strerror(-r));
	return finish(s, a, buf_span(&octets));
}

static int add_data(struct step *s)
{
	_cleanup_(freep) char *reason = NULL;
	int r = evidence_add_validation_data(&s->plan, &s->ret->container, &reason);

	return r > 0 ? r : say(s, "not yet", reason ? reason : strerror(-r));
}

/* Return: 1 with *ret_level, 0 with the reason said. */
static int take(struct step *s, enum seal_level level, enum seal_level *ret_level)
{
	*ret_level = level == LEVEL_LTA ? level : (enum seal_level)(level + 1);
	switch (level) {
	case LEVEL_B:
		return stamp(s, false);
	case LEVEL_T:
		return add_data(s);
	case LEVEL_LT:
	case LEVEL_LTA:
		return stamp(s, true);
	case LEVEL_NONE:
	default:
		return say(s, "a container of an unknown level", "");
	}
}

void renew_step(struct seal_tools *t, struct span container, enum seal_level level,
	int64_t now, struct renewal_step *ret)
{
	const struct renewal_rule *rule = &t->house->renewal;
	_cleanup_(pki_material_freep) struct pki_material *material = pki_material_new();
	struct step s = { .tools = t, .ret = ret };
	enum seal_level next;
	int wait = level == LEVEL_B ? STAMP_AGAIN_S : rule->retry_s;

	*ret = (struct renewal_step){ .level = level, .due = now + wait };
	buf_init(&ret->container, LIMIT_CONTAINER);
	if (!material || anchors_evidence(&t->house->anchors, material, ret->reason,
				 sizeof(ret->reason)) < 0)
		return;
	s.plan = (struct evidence_augment_plan){
		.container = container, .material = material, .at = now, .released = true
	};
	if (!take(&s, level, &next)) {
		buf_done(&ret->container);
		buf_init(&ret->container, LIMIT_CONTAINER);
		return;
	}
	ret->level = next;
	ret->due = renewal_due(rule, next, false, now, s.end);
}

/* The loop --------------------------------------------------------------------------- */

struct renewer {
	struct queue_link link;
	struct seal_tools tools;
};

static void report(struct renewer *w, const struct queue_claim *claim,
	const struct renewal_step *step)
{
	const char *id = claim->document.id, *level = seal_level_text(step->level);
	_cleanup_(closep) int fd = -1;
	int r;

	if (step->container.len) {
		fd = memfd_from("container", buf_span(&step->container));
		if (fd < 0)
			return; /* comes again when the lease has run out */
	} else {
		log_event(LOG_NOTICE, "seal.not-augmented", id,
			"the container stays at level %s: %s", level, step->reason);
	}
	r = queue_renewed(w->link.queue, claim, level, step->due, fd);
	if (r == QUEUE_DONE && fd >= 0)
		log_event(LOG_INFO, "seal.augmented", id, "the container is at level %s",
			level);
	else if (r < 0)
		queue_link_drop(&w->link);
}

static void one(struct renewer *w)
{
	struct renewal_step step;
	struct queue_claim claim;
	_cleanup_(closep) int fd = -1;
	struct span container;
	int r = queue_claim_renewal(w->link.queue, w->link.house->lease_s, &claim, &fd);

	if (r == QUEUE_EMPTY)
		return;
	if (r != QUEUE_DONE || memfd_map(fd, LIMIT_CONTAINER, &container) < 0) {
		queue_link_drop(&w->link);
		return;
	}
	renew_step(
		&w->tools, container, seal_level_find(claim.level), clock_now(), &step);
	memfd_unmap(&container);
	if (!daemon_wait(w->link.house->daemon, 0))
		report(w, &claim, &step);
	buf_done(&step.container);
	/* An authority that is away is asked at leisure, however many wait for it. */
	if (step.unstamped)
		daemon_wait(w->link.house->daemon, UNSTAMPED_MS);
}

void *renew_run(void *arg)
{
	struct renewer w = { .link = { .house = arg }, .tools = { .house = arg } };

	while (!daemon_wait(w.link.house->daemon, 0))
		if (queue_link_up(&w.link))
			one(&w);
	seal_tools_done(&w.tools);
	queue_link_done(&w.link);
	return NULL;
}
