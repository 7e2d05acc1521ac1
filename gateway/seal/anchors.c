/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/anchors.h"

#include "evidence/material.h"
#include "trust/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int anchors_init(struct anchors *a, const struct instance *instance)
{
	int r;

	*a = (struct anchors){ .lock = PTHREAD_RWLOCK_INITIALIZER };
	r = instance_path(instance, "policies/anchors", a->folder);
	if (r == 0)
		r = instance_path(instance, "state/trust/revocation", a->revocation);
	return r;
}

void anchors_done(struct anchors *a)
{
	if (a->store)
		trust_store_close(a->store);
	a->store = NULL;
}

/* A store that cannot be loaded leaves the one there was in use. */
static void load(struct anchors *a, uint64_t stamp, char *ret_reason, size_t size)
{
	_cleanup_(freep) char *error = NULL;
	struct trust_store *store;
	int r = trust_store_open(a->folder, a->revocation, &store, &error);

	if (r < 0) {
		(void)snprintf(ret_reason, size, "%s", error ? error : strerror(-r));
		return;
	}
	anchors_done(a);
	a->store = store;
	a->stamp = stamp;
}

const struct pki_material *anchors_borrow(
	struct anchors *a, char *ret_reason, size_t size)
{
	uint64_t stamp = trust_store_stamp(a->folder, a->revocation);

	pthread_rwlock_rdlock(&a->lock);
	if (a->store && a->stamp == stamp)
		return trust_material(a->store, TRUST_TSA);
	pthread_rwlock_unlock(&a->lock);
	pthread_rwlock_wrlock(&a->lock);
	load(a, stamp, ret_reason, size);
	pthread_rwlock_unlock(&a->lock);
	pthread_rwlock_rdlock(&a->lock);
	if (a->store)
		return trust_material(a->store, TRUST_TSA);
	pthread_rwlock_unlock(&a->lock);
	return NULL;
}

void anchors_release(struct anchors *a)
{
	pthread_rwlock_unlock(&a->lock);
}

int anchors_evidence(
	struct anchors *a, struct pki_material *m, char *ret_reason, size_t size)
{
	int r = -EAGAIN;

	if (!anchors_borrow(a, ret_reason, size))
		return r;
	r = evidence_material_add(m, a->store);
	anchors_release(a);
	if (r < 0)
		(void)snprintf(ret_reason, size, "no anchors: %s", strerror(-r));
	return r;
}
