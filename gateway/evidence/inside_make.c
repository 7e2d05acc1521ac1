/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/inside.h"

#include "common/encode.h"
#include "common/json.h"
#include "evidence/seal_policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEADER_MAX INSIDE_MAX

struct work {
	struct inside_order order;
	json_t *header; /* what the order's texts are in */
	X509 *certificates[INSIDE_CERTIFICATES_MAX];
	uint8_t *value, *token;
	char *id;
	struct xades_draft *draft;
	size_t mains, sound; /* signatures of the document: not nested; right by itself */
	size_t newest; /* the last that is not nested, counted with those that are */
	uint8_t digest[64];
	size_t digest_len;
	char *reason;
};

static void work_done(struct work *w)
{
	for (size_t i = 0; i < INSIDE_CERTIFICATES_MAX; i++)
		X509_free(w->certificates[i]);
	json_decref(w->header);
	xades_draft_free(w->draft);
	free(w->value);
	free(w->token);
	free(w->id);
	free(w->reason);
}

static int read_octets(
	const json_t *header, const char *key, uint8_t **ret, struct span *ret_span)
{
	const char *text = json_string_of(header, key);
	size_t len = 0;

	if (!text)
		return -EPROTO;
	if (!*text)
		return 0;
	if (base64_decode(span_str(text), ret, &len) < 0)
		return -EPROTO;
	*ret_span = span_of(*ret, len);
	return 0;
}

static int read_certificates(struct work *w)
{
	const json_t *list = json_object_get(w->header, "certificates"), *one;
	size_t i;

	if (json_array_size(list) == 0 || json_array_size(list) > INSIDE_CERTIFICATES_MAX)
		return -EPROTO;
	json_array_foreach(list, i, one)
	{
		_cleanup_(freep) uint8_t *der = NULL;
		const uint8_t *p;
		size_t len = 0;

		if (!json_is_string(one) ||
			base64_decode(span_str(json_string_value(one)), &der, &len) < 0)
			return -EPROTO;
		p = der;
		w->certificates[i] = d2i_X509(NULL, &p, (long)len);
		if (!w->certificates[i])
			return -EPROTO;
	}
	w->order.certificates = w->certificates;
	w->order.certificate_count = json_array_size(list);
	return 0;
}

static int read_header(struct work *w)
{
	const char *place = json_string_of(w->header, "place");
	const json_t *time = json_object_get(w->header, "signing_time");
	struct inside_order *o = &w->order;

	o->document_id = json_string_of(w->header, "document");
	o->role = json_string_of(w->header, "role");
	o->mechanism = json_string_of(w->header, "mechanism");
	if (!place || !o->document_id || !o->role || !o->mechanism ||
		!json_is_integer(time))
		return -EPROTO;
	o->signing_time = json_integer_value(time);
	o->place = strcmp(place, "counter") == 0    ? XADES_COUNTER
		   : strcmp(place, "parallel") == 0 ? XADES_PARALLEL
						    : XADES_DETACHED;
	if (o->place == XADES_DETACHED)
		return -EPROTO;
	return asprintf(&w->id, INSIDE_ID_PREFIX "%s", o->document_id) < 0 ? -ENOMEM : 0;
}

static int order_read(struct span octets, struct work *w)
{
	const uint8_t *end = memchr(octets.data, '\n', octets.len);
	size_t len = end ? (size_t)(end - octets.data) : 0;
	int r;

	if (!end || len > HEADER_MAX)
		return -EPROTO;
	w->header = json_read(span_of(octets.data, len), HEADER_MAX);
	if (!w->header)
		return -EPROTO;
	w->order.document = span_of(end + 1, octets.len - len - 1);
	r = read_header(w);
	if (r == 0)
		r = read_certificates(w);
	if (r == 0)
		r = read_octets(w->header, "value", &w->value, &w->order.value);
	if (r == 0)
		r = read_octets(w->header, "token", &w->token, &w->order.token);
	return r;
}

static int refuse(struct work *w, const char *reason)
{
	free(w->reason);
	w->reason = strdup(reason);
	return w->reason ? 0 : -ENOMEM;
}

/* Which signatures are right by themselves. */
static int look(struct span octets, struct xades_report **ret)
{
	const struct xades_options options = { .profile = XADES_EIDAS,
		.core_only = true };

	return xades_validate(octets, &options, ret);
}

static bool is_seal(const struct xades_signature *s, const char *seal_id)
{
	return s->id && strcmp(s->id, seal_id) == 0;
}

/* How many of a report's are right by themselves, the seal apart. */
static size_t sound(const struct xades_report *r, const char *seal_id)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += r->signatures[i].core_valid && !is_seal(&r->signatures[i], seal_id);
	return n;
}

static int count_signatures(struct work *w)
{
	_cleanup_(xades_report_freep) struct xades_report *report = NULL;
	int r = look(w->order.document, &report);

	if (r < 0)
		return r;
	for (size_t i = 0; i < report->count; i++)
		if (!report->signatures[i].counter) {
			w->mains++;
			w->newest = i;
		}
	w->sound = sound(report, w->id);
	return w->mains && w->sound == report->count
		       ? 0
		       : refuse(w, "not every signature of the document is right by "
				   "itself");
}

static int prepare(struct work *w)
{
	const struct seal_policy *policy = seal_policy_current();
	const struct inside_order *o = &w->order;
	const X509 *chain[INSIDE_CERTIFICATES_MAX];
	_cleanup_(freep) char *reason = NULL;
	int r;

	for (size_t i = 1; i < o->certificate_count; i++)
		chain[i - 1] = o->certificates[i];
	/* The newest one that is not nested: what the document was sent with. */
	r = xades_prepare(&(struct xades_plan){ .place = o->place,
				  .document = o->document,
				  .signer = o->certificates[0],
				  .chain = chain,
				  .chain_count = o->certificate_count - 1,
				  .signature_method = o->mechanism,
				  .signing_time = o->signing_time,
				  .id = w->id,
				  .mime_type = "application/xml",
				  .commitment = SEAL_COMMITMENT,
				  .policy_id = policy->id,
				  .policy_sha256 = policy->sha256,
				  .claimed_role = o->role,
				  .counter_of = w->newest },
		&w->draft, w->digest, &w->digest_len, &reason);
	return r == -EINVAL ? refuse(w, reason ? reason : "it cannot be signed in") : r;
}

/* Are the document's signatures still right with what the draft adds? */
static int survive(struct work *w, struct span sealed, bool with_value)
{
	_cleanup_(xades_report_freep) struct xades_report *report = NULL;
	int r = look(sealed, &report);
	bool whole;

	if (r < 0)
		return r;
	whole = sound(report, w->id) == w->sound && report->count > w->sound;
	for (size_t i = 0; whole && with_value && i < report->count; i++)
		whole = report->signatures[i].core_valid;
	return whole ? 0
		     : refuse(w, "one of its signatures would not survive the seal: it "
				 "covers what the seal adds");
}

/* Where the sealed document goes on from being the other, and with what. */
static json_t *difference(struct span document, struct span sealed)
{
	size_t at = 0, more = sealed.len - document.len;

	while (at < document.len && document.data[at] == sealed.data[at])
		at++;
	return json_pack("{s:I, s:s%}", "at", (json_int_t)at, "insert",
		(const char *)sealed.data + at, more);
}

static int finish(struct work *w, struct span sealed, json_t **ret_answer)
{
	_cleanup_json_ json_t *answer = difference(w->order.document, sealed);
	_cleanup_buf_ struct buf imprint;
	int r;

	buf_init(&imprint, INSIDE_MAX);
	r = xades_timestamp_octets(w->draft, &imprint);
	if (r < 0)
		return r;
	if (!answer || json_object_set_new(
			       answer, "imprint", json_base64(buf_span(&imprint))) < 0)
		return -ENOMEM;
	*ret_answer = TAKE(answer);
	return 0;
}

static int carry_out(struct work *w, json_t **ret_answer)
{
	const struct inside_order *o = &w->order;
	_cleanup_buf_ struct buf sealed;
	int r = 0;

	buf_init(&sealed, INSIDE_ORDER_MAX);
	if (o->value.len)
		r = xades_set_value(w->draft, o->value);
	if (r == 0 && o->value.len && o->token.len)
		r = xades_add_timestamp(w->draft, o->token);
	if (r == 0)
		r = o->value.len ? xades_write(w->draft, &sealed)
				 : xades_write_unsigned(w->draft, &sealed);
	if (r == 0)
		r = survive(w, buf_span(&sealed), o->value.len);
	if (r < 0 || w->reason)
		return r;
	if (o->value.len)
		return finish(w, buf_span(&sealed), ret_answer);
	*ret_answer = json_pack(
		"{s:o}", "digest", json_base64(span_of(w->digest, w->digest_len)));
	return *ret_answer ? 0 : -ENOMEM;
}

int inside_make(struct span order, json_t **ret_answer)
{
	_cleanup_(work_done) struct work w = { .mains = 0 };
	int r = order_read(order, &w);

	*ret_answer = NULL;
	if (r == 0)
		r = count_signatures(&w);
	if (r == 0 && !w.reason)
		r = prepare(&w);
	if (r == 0 && !w.reason)
		r = carry_out(&w, ret_answer);
	if (r < 0 || !w.reason)
		return r;
	*ret_answer = json_pack("{s:s}", "reason", w.reason);
	return *ret_answer ? 0 : -ENOMEM;
}

/* Is sealed the document with something put in at one place? */
static bool is_insertion(struct span document, struct span sealed)
{
	size_t at = 0, more;

	if (sealed.len <= document.len || sealed.len - document.len > INSIDE_MAX)
		return false;
	more = sealed.len - document.len;
	while (at < document.len && document.data[at] == sealed.data[at])
		at++;
	return memcmp(document.data + at, sealed.data + at + more, document.len - at) ==
	       0;
}

static const struct xades_signature *find_seal(
	const struct xades_report *r, const char *document_id)
{
	size_t n = strlen(INSIDE_ID_PREFIX);

	for (size_t i = 0; i < r->count; i++) {
		const char *id = r->signatures[i].id;

		if (id && document_id && strncmp(id, INSIDE_ID_PREFIX, n) == 0 &&
			strcmp(id + n, document_id) == 0)
			return &r->signatures[i];
	}
	return NULL;
}

/* Is the seal over the newest signature that is not nested, or beside all of them? */
static bool is_at(
	const struct xades_report *r, const struct xades_signature *seal, bool counter)
{
	size_t newest = r->count;

	for (size_t i = 0; i < r->count; i++)
		if (!r->signatures[i].counter && &r->signatures[i] != seal)
			newest = i;
	return counter ? seal->counter && seal->parent == newest : !seal->counter;
}

/* Return: why it is not the document and its seal, NULL, or negative. */
static int departs(struct span document, struct xades_report *sealed,
	const struct xades_signature *seal, bool counter, const char **ret_why)
{
	_cleanup_(xades_report_freep) struct xades_report *report = NULL;
	int r = look(document, &report);

	if (r < 0)
		return r;
	if (!seal || sealed->count != report->count + 1)
		*ret_why = "It has not exactly the seal that the document has not.";
	else if (sound(sealed, seal->id) != report->count)
		*ret_why = "A signature of the document is not right with the seal "
			   "beside it.";
	else if (!is_at(sealed, seal, counter))
		*ret_why = "The seal in it is not where it should be.";
	else if (!seal->core_valid)
		*ret_why = "The seal in it is not right by itself.";
	return 0;
}

int inside_check(struct span document, struct span sealed, enum xades_place place,
	const char *document_id, const struct xades_options *options,
	const char **ret_why, enum xades_indication *ret_seal)
{
	_cleanup_(xades_report_freep) struct xades_report *report = NULL;
	const struct xades_signature *seal;
	int r;

	*ret_why = NULL;
	*ret_seal = XADES_TOTAL_FAILED;
	if (!is_insertion(document, sealed)) {
		*ret_why = "It is not the document with a seal put in.";
		return 0;
	}
	r = xades_validate(sealed, options, &report);
	if (r < 0)
		return r;
	seal = find_seal(report, document_id);
	r = departs(document, report, seal, place == XADES_COUNTER, ret_why);
	if (r == 0 && seal)
		*ret_seal = seal->indication;
	return r;
}
