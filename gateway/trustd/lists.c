/* SPDX-License-Identifier: EUPL-1.2 */
#include "trustd/supply.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memfd.h"
#include "pki/material.h"
#include "trust/list_store.h"
#include "trust/proven.h"
#include "xades/validate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of one round, since pivots are named before anything is proven: a host that lies costs
 * no more than this. A real round is 30 lists and 30 MB. */
#define LISTS_MAX 128
#define ROUND_OCTETS_MAX (256u * 1024 * 1024)
#define ROUND_MS_MAX (10 * 60 * 1000)

/* A list that was brought in this round; the list of lists is asked for twice. */
struct brought {
	char *url;
	int fd;	   /* -1: it could not be had */
	bool same; /* as the good one, says its host */
	bool kept;
	char etag[ETAG_SIZE];
};

struct round {
	const struct supply *supply;
	char store[PATH_MAX];
	struct brought lists[LISTS_MAX];
	size_t count, octets;
	int64_t until_ms; /* clock_monotonic_ms */
	bool news;	  /* a list differs from the good one before */
};

static struct brought *find(struct round *r, const char *url)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->lists[i].url, url) == 0)
			return &r->lists[i];
	return NULL;
}

/* What a host called the good list when it brought it; "" asks for it whole. */
static const char *etag_of_good(const struct round *r, const char *url)
{
	const char *etag = json_string_of(r->supply->etags, url);

	return etag && list_store_has_good(r->store, url) ? etag : "";
}

/* Download into the round. Return: NULL, or why not. */
static const char *download(struct round *r, const char *url, struct fetch_result *ret)
{
	const struct supply *s = r->supply;
	const struct fetch_context c = { s->sources, s->ca, s->stop_fd };
	struct stat st;

	if (clock_monotonic_ms() > r->until_ms)
		return "the round has taken too long";
	if (fetch(&c, url, etag_of_good(r, url), ret) < 0)
		return "no process or memory for a download";
	if (ret->outcome == FETCH_FAILED)
		return ret->reason;
	if (ret->fd >= 0 && fstat(ret->fd, &st) == 0)
		r->octets += (size_t)st.st_size;
	if (r->octets <= ROUND_OCTETS_MAX)
		return NULL;
	if (ret->fd >= 0)
		close(ret->fd);
	ret->fd = -1;
	return "the lists of this round are too long together";
}

static struct brought *bring(struct round *r, const char *url)
{
	struct fetch_result fetched = { .fd = -1 };
	struct brought *b = &r->lists[r->count];
	const char *why;

	if (r->count == LISTS_MAX)
		return NULL;
	*b = (struct brought){ .url = strdup(url), .fd = -1 };
	if (!b->url)
		return NULL;
	r->count++;
	if (!sources_allow(r->supply->sources, url)) {
		log_event(LOG_WARNING, "trustd.host", NULL,
			"%s: its host is not in hosts", url);
		return b;
	}
	why = download(r, url, &fetched);
	if (why)
		log_event(LOG_WARNING, "trustd.failed", NULL, "%s: %s", url, why);
	b->fd = fetched.fd;
	b->same = !why && fetched.outcome == FETCH_NOT_MODIFIED;
	memcpy(b->etag, fetched.etag, sizeof(b->etag));
	return b;
}

static int take_new(void *context, const char *url, uint8_t **ret_octets, size_t *ret_len)
{
	struct round *r = context;
	struct brought *b = find(r, url);
	struct span octets = { 0 };
	int e;

	if (!b)
		b = bring(r, url);
	if (b && b->same)
		return list_store_good(r->store, url, ret_octets, ret_len);
	if (!b || b->fd < 0)
		return -EHOSTUNREACH;
	e = memfd_map(b->fd, LIST_OCTETS_MAX, &octets);
	if (e < 0)
		return e;
	*ret_octets = malloc(octets.len + 1);
	if (*ret_octets)
		memcpy(*ret_octets, octets.data, octets.len);
	*ret_len = octets.len;
	memfd_unmap(&octets);
	return *ret_octets ? 0 : -ENOMEM;
}

static int take_good(
	void *context, const char *url, uint8_t **ret_octets, size_t *ret_len)
{
	const struct round *r = context;

	return list_store_good(r->store, url, ret_octets, ret_len);
}

static bool is_good(const struct round *r, const char *url, struct span octets)
{
	_cleanup_(freep) uint8_t *good = NULL;
	size_t len;

	return list_store_good(r->store, url, &good, &len) == 0 &&
	       span_equal(span_of(good, len), octets);
}

/* The next round asks whether it is still this one. */
static void note_etag(const struct round *r, const struct brought *b)
{
	if (*b->etag)
		json_object_set_new(r->supply->etags, b->url, json_text(b->etag));
	else
		json_object_del(r->supply->etags, b->url);
}

static void keep(void *context, const char *url, struct span octets)
{
	struct round *r = context;
	struct brought *b = find(r, url);

	if (!b || b->kept || b->same)
		return;
	if (is_good(r, url, octets)) {
		note_etag(r, b);
		return;
	}
	b->kept = true;
	r->news = true;
	if (list_store_keep(r->store, url, octets) == 0)
		note_etag(r, b);
	else
		log_event(
			LOG_ERR, "trustd.status", NULL, "%s cannot be written", r->store);
}

static void round_done(struct round *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->lists[i].url);
		if (r->lists[i].fd >= 0)
			close(r->lists[i].fd);
	}
}

/* What the whole says of itself: as good as the list of lists, until its next update. */
static void conclude(struct round *r, const struct import_request *q,
	struct list_results *all, json_t *sequences, struct supply_state *state)
{
	const struct list_result *lotl = NULL;
	int64_t now = clock_now();
	int e;

	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].role == ROLE_LIST_OF_LISTS)
			lotl = &all->list[i];
	if (q->proofs->noted > 0)
		log_event(LOG_INFO, "trustd.proven", NULL,
			"%zu lists proven, %zu as they were", q->proofs->noted,
			q->proofs->hits);
	if (!all->usable || !lotl) {
		supply_fail(state, "refused", lotl ? lotl->reason : "no list of lists");
		return;
	}
	e = list_store_update(r->store, q, all, sequences, !r->news);
	if (e >= 0 && list_proofs_write(r->store, q->proofs) < 0)
		log_event(
			LOG_ERR, "trustd.status", NULL, "%s cannot be written", r->store);
	if (e < 0) {
		supply_fail(state, "failed", strerror(-e));
		return;
	}
	state->this_update = lotl->list->issued;
	state->next_update = lotl->list->next_update;
	if (*lotl->reason)
		supply_fail(state, "refused", lotl->reason);
	else
		supply_succeed(state, e == 1 ? "published" : "unchanged", now);
}

static int import(struct round *r, struct supply_state *state)
{
	_cleanup_(pki_material_freep) struct pki_material *journal = pki_material_new();
	_cleanup_json_ json_t *sequences = NULL;
	_cleanup_(list_proofs_done) struct list_proofs proofs = { 0 };
	_cleanup_(freep) char *error = NULL;
	const struct source_lists *source = &r->supply->sources->lists;
	struct import_request q = { .lotl_url = source->lotl,
		.at = clock_now(),
		.source = take_new,
		.last_good = take_good,
		.keep = keep,
		.context = r,
		.proofs = &proofs };
	struct list_results all = { 0 };
	int e = journal ? list_store_sequences(r->store, &sequences) : -ENOMEM;

	if (e == 0)
		e = list_proofs_read(r->store, &proofs);
	if (e == 0 &&
		pki_material_load(journal, PKI_ANCHORS, source->journal, &error) <= 0)
		e = -ENOENT;
	if (e < 0)
		return e;
	q.sequences = sequences;
	q.journal = journal->anchors;
	e = trust_import(&q, &all);
	if (e == 0)
		conclude(r, &q, &all, sequences, state);
	list_results_done(&all);
	return e;
}

void lists_round(const struct supply *s, struct supply_state *state)
{
	_cleanup_(round_done) struct round r = { .supply = s };
	int e = snprintf(r.store, sizeof(r.store), "%s/lists", s->folder) < PATH_MAX
			? 0
			: -ENAMETOOLONG;

	r.until_ms = clock_monotonic_ms() + ROUND_MS_MAX;
	state->tried = clock_now();
	if (e == 0)
		e = import(&r, state);
	if (e < 0)
		supply_fail(state, "failed",
			e == -ENOENT ? "the journal's certificates are not there"
				     : strerror(-e));
}
