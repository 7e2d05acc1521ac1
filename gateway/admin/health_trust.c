/* SPDX-License-Identifier: EUPL-1.2 */
/* Whether there is something to trust, and whether the clock agrees with it. */
#include "admin/admin.h"

#include "common/clock.h"
#include "common/clock_watch.h"
#include "policy/degraded.h"
#include "trust/snapshot.h"
#include "trust/store.h"

#include <errno.h>
#include <stdio.h>

/* What the gate judges by. */
struct trusted {
	struct trust_store *store;    /* NULL: it cannot be read */
	struct trust_snapshot *lists; /* NULL: there are none, or see lists_error */
	char *lists_error;	      /* why they cannot be read */
};

static void trusted_open(const struct visit *v, struct trusted *ret)
{
	_cleanup_(freep) char *error = NULL;
	char anchors[PATH_MAX], lists[PATH_MAX];

	*ret = (struct trusted){ 0 };
	if (instance_path(v->admin->instance, "policies/anchors", anchors) == 0 &&
		trust_store_open(anchors, v->admin->revocation, &ret->store, &error) < 0)
		ret->store = NULL;
	if (instance_path(v->admin->instance, "state/trust/lists", lists) < 0 ||
		trust_snapshot_open(lists, INT64_MAX, &ret->lists, &ret->lists_error) !=
			-ENOENT)
		return;
	free(ret->lists_error);
	ret->lists_error = NULL;
}

static void trusted_done(struct trusted *t)
{
	trust_store_close(t->store);
	trust_snapshot_free(t->lists);
	free(t->lists_error);
}

/* When the newest of it was made: the clock has been there. */
static int64_t known_at(const struct trusted *t)
{
	int64_t newest = t->store ? trust_store_newest(t->store) : 0;

	return t->lists && t->lists->at > newest ? t->lists->at : newest;
}

static json_t *clock_check(const struct visit *v, const struct trusted *t)
{
	char reason[160];
	int64_t behind;

	if (!clock_watch_trusts(v->admin->instance, reason, sizeof(reason)))
		return check(false, reason,
			"See the log of appliance-time: its sources must be reachable.");
	behind = known_at(t) - clock_now();
	if (behind <= DEGRADED_CLOCK_SKEW_S)
		return check(true, "the clock is right, or nobody watches it", "");
	snprintf(reason, sizeof(reason),
		"the clock is %lld s behind the newest CRL, OCSP response or trusted "
		"list",
		(long long)behind);
	return check(false, reason,
		"Set the clock; policies/degraded/clock.cfg says what is done "
		"meanwhile.");
}

/* Lists that are there and say nothing are as bad as no anchors: what policy demands of
 * them nobody fulfils. */
static json_t *lists_check(const struct trusted *t)
{
	if (t->lists_error)
		return check(false, t->lists_error,
			"Import the lists again (sealgate trust import), or see the log "
			"of sealgate-trustd.");
	if (t->lists && trust_snapshot_count_anchors(t->lists, clock_now()) == 0)
		return check(false,
			"the trusted lists give no anchor: nothing is qualified",
			"sealgate trust status says how each list stands.");
	return NULL;
}

/* Zero anchors means closed, and that must be seen here, not in a refusal. */
static json_t *store_check(const struct trusted *t)
{
	json_t *lists;

	if (!t->store ||
		sk_X509_num(trust_material(t->store, TRUST_SIGNERS)->anchors) <= 0)
		return check(false,
			"there are no trust anchors for signers: nobody is admitted",
			"Put anchors into policies/anchors/signers.");
	if (sk_X509_num(trust_material(t->store, TRUST_TSA)->anchors) <= 0)
		return check(false,
			"there are no trust anchors for time-stamps: nothing is sealed",
			"Put anchors into policies/anchors/tsa.");
	lists = lists_check(t);
	return lists ? lists : check(true, trust_store_version(t->store), "");
}

void trust_checks(const struct visit *v, json_t **ret_clock, json_t **ret_store,
	json_t **ret_certificates)
{
	_cleanup_(trusted_done) struct trusted t;

	trusted_open(v, &t);
	*ret_clock = clock_check(v, &t);
	*ret_store = store_check(&t);
	*ret_certificates = certificates_check(v, t.store);
}
