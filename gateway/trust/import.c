/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/import.h"

#include "common/span.h"
#include "trust/list_parts.h"
#include "trust/proven.h"
#include "xades/validate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_FIRST 5 /* TS 119 612 v2.1.1; version 4 is retired */
#define VERSION_LAST 6

const char *list_status_text(enum list_status s)
{
	switch (s) {
	case LIST_PASSED:
		return "PASSED";
	case LIST_FAILED:
		return "FAILED";
	case LIST_MISSING:
	default:
		return "MISSING";
	}
}

static void say(struct list_result *r, const char *why)
{
	(void)snprintf(r->reason, sizeof(r->reason), "%s", why);
}

static int add_anchor(struct pki_material *m, X509 *x)
{
	uint8_t *der = NULL;
	int len = i2d_X509(x, &der), r;

	if (len < 0)
		return -ENOMEM;
	r = pki_material_add_anchor(m, span_of(der, (size_t)len));
	OPENSSL_free(der);
	return r == -ENOMEM ? r : 0;
}

static int anchors_of(const STACK_OF(X509) * signers, struct pki_material **ret)
{
	_cleanup_(pki_material_freep) struct pki_material *m = pki_material_new();
	int r = m ? 0 : -ENOMEM;

	for (int i = 0; i < sk_X509_num(signers) && r == 0; i++)
		r = add_anchor(m, sk_X509_value(signers, i));
	if (r == 0)
		*ret = TAKE(m);
	return r;
}

static bool is_in(const STACK_OF(X509) * list, const X509 *x)
{
	for (int i = 0; i < sk_X509_num(list); i++)
		if (X509_cmp(sk_X509_value(list, i), x) == 0)
			return true;
	return false;
}

/* One signature, over the whole list, by one of the certificates that were named for it:
 * none that one of them issued. */
static void judge_signature(const struct xades_report *report,
	const STACK_OF(X509) * signers, struct list_result *r)
{
	const struct xades_signature *s = &report->signatures[0];

	r->status = LIST_FAILED;
	if (report->count == 0) {
		say(r, report->doc ? "it is not signed" : "it cannot be read");
		return;
	}
	if (s->signer) {
		X509_up_ref(s->signer);
		r->signer = s->signer;
	}
	if (report->count != 1)
		say(r, "it has more than one signature");
	else if (!s->core_valid)
		say(r, "its signature is wrong");
	else if (!s->signer || !is_in(signers, s->signer))
		say(r, "its signer is not one of those named for it");
	else if (s->indication != XADES_TOTAL_PASSED || strcmp(s->scope, "full") != 0)
		(void)snprintf(r->reason, sizeof(r->reason),
			"its signature does not pass: %s, scope %s", s->sub_indication,
			s->scope);
	else
		r->status = LIST_PASSED;
}

/* Stricter than the reference implementation, which lets the services of a list count
 * whose signature or dates do not hold: TS 119 615 4.1.4, TS 119 612 5.3.15. */
static void judge_content(const struct trusted_list *l, int64_t at, struct list_result *r)
{
	if (r->status != LIST_PASSED)
		return;
	if (l->version < VERSION_FIRST || l->version > VERSION_LAST)
		say(r, "its version is retired or unknown");
	else if (r->role == ROLE_LIST && l->kind == LIST_OF_LISTS)
		say(r, "it is a list of lists");
	else if (*r->territory && strcmp(r->territory, l->territory) != 0)
		say(r, "it is of another territory than its pointer says");
	else if (l->issued > at)
		say(r, "it was issued after the time asked");
	else if (l->next_update == 0)
		say(r, "it names no next update: it is closed");
	else if (l->next_update < at && r->role != ROLE_PIVOT) {
		say(r, "it has expired");
		r->ended = true;
	} else
		r->effect = true;
}

static const char *key_of(const struct list_result *r)
{
	return r->role == ROLE_LIST_OF_LISTS ? "lotl" : r->url;
}

/* TS 119 612 5.3.2: a number that falls is somebody who plays an old list again. */
static void judge_sequence(const struct import_request *q, struct list_result *r)
{
	const json_t *seen = json_object_get(q->sequences, key_of(r));

	if (r->status != LIST_PASSED || !r->list || !seen ||
		r->list->sequence >= json_integer_value(seen))
		return;
	r->status = LIST_FAILED;
	r->effect = r->ended = false;
	(void)snprintf(r->reason, sizeof(r->reason),
		"it is an old one: its sequence number is %lld, %lld was seen",
		(long long)r->list->sequence, (long long)json_integer_value(seen));
}

/* The signature, its signer, and what the list says; without a look at its dates. */
static int prove_octets(const struct import_request *q, struct span octets,
	const STACK_OF(X509) * signers, struct list_result *r)
{
	_cleanup_(pki_material_freep) struct pki_material *m = NULL;
	_cleanup_(xades_report_freep) struct xades_report *report = NULL;
	struct xades_options options = { .profile = XADES_EIDAS, .at = q->at };
	const char *why = "";
	int e = anchors_of(signers, &m);

	if (e < 0)
		return e;
	options.material = m;
	e = xades_validate(octets, &options, &report);
	if (e < 0)
		return e;
	judge_signature(report, signers, r);
	if (!report->doc)
		return 0;
	e = trusted_list_parse(report->doc, &r->list, &why);
	if (e != -EINVAL)
		return e;
	if (r->status == LIST_PASSED)
		say(r, why);
	return 0;
}

/* A list that was proven before, by the same certificates: its signature passes again. Of
 * one that leads to others all is read. */
static int recall(const struct import_request *q, struct span octets, const char *key,
	struct list_result *r)
{
	const char *why;
	int e = list_proof_find(q->proofs, key, r);

	if (e <= 0)
		return e;
	r->status = LIST_PASSED;
	if (r->role == ROLE_LIST)
		return 1;
	trusted_list_free(r->list);
	r->list = NULL;
	e = trusted_list_read(octets, &r->list, &why);
	return e < 0 ? e : 1;
}

static int recall_or_prove(const struct import_request *q, struct span octets,
	const STACK_OF(X509) * signers, struct list_result *r)
{
	char key[SHA256_TEXT_SIZE];
	int e;

	if (!q->proofs)
		return prove_octets(q, octets, signers, r);
	e = list_proof_key(octets, signers, q->at, key);
	if (e == 0)
		e = recall(q, octets, key, r);
	if (e != 0)
		return e < 0 ? e : 0;
	e = prove_octets(q, octets, signers, r);
	return e == 0 && r->status == LIST_PASSED && r->list
		       ? list_proof_note(q->proofs, key, r)
		       : e;
}

static int judge_octets(const struct import_request *q, struct span octets,
	const STACK_OF(X509) * signers, struct list_result *r)
{
	int e = digest_sha256_text(octets, r->sha256);

	if (e == 0)
		e = recall_or_prove(q, octets, signers, r);
	if (e == 0 && r->list) {
		judge_content(r->list, q->at, r);
		memcpy(r->territory, r->list->territory, sizeof(r->territory));
	}
	return e;
}

static int judge_source(const struct import_request *q, list_source source,
	const STACK_OF(X509) * signers, struct list_result *r)
{
	_cleanup_(freep) uint8_t *octets = NULL;
	size_t len = 0;
	int e = source(q->context, r->url, &octets, &len);

	if (e == -ENOMEM)
		return e;
	if (e < 0) {
		say(r, e == -ENOENT ? "it is not there" : "it cannot be had");
		return 0;
	}
	e = judge_octets(q, span_of(octets, len), signers, r);
	if (e < 0)
		return e;
	judge_sequence(q, r);
	if (q->keep && source == q->source && r->status == LIST_PASSED && r->list)
		q->keep(q->context, r->url, span_of(octets, len));
	return 0;
}

/* What became of it by the last good list; the reason says why that one was needed. */
static int judge_last_good(const struct import_request *q, const STACK_OF(X509) * signers,
	struct list_result *r)
{
	struct list_result old = { .role = r->role, .url = r->url };
	int e;

	memcpy(old.territory, r->territory, sizeof(old.territory));
	e = judge_source(q, q->last_good, signers, &old);
	if (e == 0 && old.status == LIST_PASSED && old.list) {
		if (old.effect)
			(void)snprintf(old.reason, sizeof(old.reason),
				"the one from before counts: %.160s", r->reason);
		X509_free(r->signer);
		trusted_list_free(r->list);
		old.from_good = true;
		*r = old;
		return 0;
	}
	X509_free(old.signer);
	trusted_list_free(old.list);
	return e;
}

static int judge_list(const struct import_request *q, const STACK_OF(X509) * signers,
	struct list_result *r)
{
	int e = judge_source(q, q->source, signers, r);

	if (e < 0 || !q->last_good || (r->status == LIST_PASSED && r->list))
		return e;
	return judge_last_good(q, signers, r);
}

static struct list_result *add_result(
	struct list_results *all, enum list_role role, const char *url)
{
	struct list_result *more = realloc(all->list, (all->count + 1) * sizeof(*more));

	if (!more)
		return NULL;
	all->list = more;
	more += all->count;
	*more = (struct list_result){ .role = role, .url = strdup(url) };
	if (!more->url)
		return NULL;
	all->count++;
	return more;
}

static bool is_pivot(const char *uri)
{
	size_t n = strlen(uri);

	return n > 4 && strcmp(uri + n - 4, ".xml") == 0;
}

/* The newest signers that a chain of pivots from the Official Journal's reaches: a pivot
 * is signed by those that the one before it names (TS 119 615 4.1). The list of lists
 * names its pivots newest first. Return: 0 or negative; *ret_signers is borrowed. */
static int follow_pivots(const struct import_request *q, const struct trusted_list *lotl,
	struct list_results *all, const STACK_OF(X509) * *ret_signers)
{
	const STACK_OF(X509) *signers = q->journal;

	for (size_t i = lotl->information.count; i-- > 0;) {
		const char *uri = lotl->information.list[i];
		struct list_result *r;
		int e;

		if (!is_pivot(uri))
			continue;
		r = add_result(all, ROLE_PIVOT, uri);
		e = r ? judge_list(q, signers, r) : -ENOMEM;
		if (e < 0)
			return e;
		if (r->effect && trusted_list_own_pointer(r->list))
			signers = trusted_list_own_pointer(r->list)->signers;
	}
	*ret_signers = signers;
	return 0;
}

/* The pivots that the list of lists names, before anything of it is believed: they prove
 * themselves. */
static int import_pivots(const struct import_request *q, struct list_results *all,
	const STACK_OF(X509) * *ret_signers)
{
	_cleanup_(trusted_list_freep) struct trusted_list *unproven = NULL;
	_cleanup_(freep) uint8_t *octets = NULL;
	const char *why;
	size_t len = 0;
	int e = q->source(q->context, q->lotl_url, &octets, &len);

	if (e < 0)
		return e == -ENOMEM ? e : 0;
	e = trusted_list_read(span_of(octets, len), &unproven, &why);
	if (e < 0)
		return e == -EINVAL ? 0 : e;
	return follow_pivots(q, unproven, all, ret_signers);
}

static int import_lotl(const struct import_request *q, struct list_results *all,
	struct list_result *ret_lotl)
{
	const STACK_OF(X509) *signers = q->journal;
	int e = import_pivots(q, all, &signers);

	*ret_lotl = (struct list_result){ .role = ROLE_LIST_OF_LISTS };
	ret_lotl->url = strdup(q->lotl_url);
	if (e == 0)
		e = ret_lotl->url ? judge_list(q, signers, ret_lotl) : -ENOMEM;
	if (e == 0 && ret_lotl->effect && ret_lotl->list->kind != LIST_OF_LISTS) {
		ret_lotl->effect = false;
		say(ret_lotl, "it is no list of lists");
	}
	return e;
}

/* Return: 0 or -ENOMEM. */
static int import_pointer(const struct import_request *q, const struct list_pointer *p,
	struct list_results *all)
{
	struct list_result *r =
		add_result(all, p->mutual ? ROLE_THIRD_COUNTRY : ROLE_LIST, p->location);

	if (!r)
		return -ENOMEM;
	memcpy(r->territory, p->territory, sizeof(r->territory));
	if (!p->mutual)
		return judge_list(q, p->signers, r);
	say(r, "it is of a third country, by mutual recognition, which is off");
	return 0;
}

static int import_lists(const struct import_request *q, const struct trusted_list *lotl,
	struct list_results *all)
{
	for (size_t i = 0; i < lotl->pointer_count; i++) {
		const struct list_pointer *p = &lotl->pointers[i];
		int e;

		if ((p->kind != LIST_NATIONAL && !p->mutual) || !p->is_xml)
			continue;
		e = import_pointer(q, p, all);
		if (e < 0)
			return e;
	}
	return 0;
}

int trust_import(const struct import_request *q, struct list_results *ret_results)
{
	struct list_results all = { 0 };
	struct list_result lotl = { 0 }, *place;
	int e = import_lotl(q, &all, &lotl);

	all.usable = lotl.effect;
	if (e == 0) {
		place = add_result(&all, ROLE_LIST_OF_LISTS, lotl.url);
		e = place ? 0 : -ENOMEM;
		if (place) {
			free(place->url);
			*place = lotl;
			lotl = (struct list_result){ 0 };
		}
	}
	if (e == 0 && all.usable)
		e = import_lists(q, all.list[all.count - 1].list, &all);
	free(lotl.url);
	trusted_list_free(lotl.list);
	X509_free(lotl.signer);
	if (e < 0)
		list_results_done(&all);
	*ret_results = all;
	return e;
}

static int complete(const struct import_request *q, struct list_result *r)
{
	list_source source = r->from_good ? q->last_good : q->source;
	_cleanup_(freep) uint8_t *octets = NULL;
	_cleanup_(trusted_list_freep) struct trusted_list *whole = NULL;
	char sha256[SHA256_TEXT_SIZE];
	const char *why;
	size_t len = 0;
	int e = source(q->context, r->url, &octets, &len);

	if (e == 0)
		e = digest_sha256_text(span_of(octets, len), sha256);
	if (e == 0 && strcmp(sha256, r->sha256) != 0)
		e = -EAGAIN;
	if (e == 0)
		e = trusted_list_read(span_of(octets, len), &whole, &why);
	if (e < 0)
		return e;
	trusted_list_free(r->list);
	r->list = TAKE(whole);
	return 0;
}

int list_results_complete(const struct import_request *q, struct list_results *r)
{
	int e = 0;

	for (size_t i = 0; i < r->count && e == 0; i++)
		if ((r->list[i].effect || r->list[i].ended) &&
			r->list[i].list->is_outline)
			e = complete(q, &r->list[i]);
	return e;
}

void list_results_done(struct list_results *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->list[i].url);
		X509_free(r->list[i].signer);
		trusted_list_free(r->list[i].list);
	}
	free(r->list);
	*r = (struct list_results){ 0 };
}

int list_sequences_note(const struct list_results *r, json_t *sequences)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct list_result *l = &r->list[i];
		const json_t *seen = json_object_get(sequences, key_of(l));

		if (l->role == ROLE_PIVOT || l->status != LIST_PASSED || !l->list ||
			json_integer_value(seen) >= l->list->sequence)
			continue;
		if (json_object_set_new(
			    sequences, key_of(l), json_integer(l->list->sequence)) < 0)
			return -ENOMEM;
	}
	return 0;
}
