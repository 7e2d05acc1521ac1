/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include "common/encode.h"
#include "xml/legacy.h"

#include <errno.h>
#include <openssl/crypto.h>

static void omit_add(const xmlNode **omit, size_t *n, const xmlNode *node)
{
	for (size_t i = 0; i < *n; i++)
		if (omit[i] == node)
			return;
	omit[(*n)++] = node;
}

/* The subtrees that the steps of a reference subtract. */
static size_t omitted(const struct sig_context *c, const struct sig *s,
	const struct sig_reference *r, const xmlNode **omit)
{
	const xmlNode *root = xmlDocGetRootElement(c->report->doc);
	size_t n = 0;

	for (size_t i = 0; i < r->step_count; i++) {
		enum sig_step_kind kind = r->steps[i].kind;

		if (kind == STEP_ENVELOPED)
			omit_add(omit, &n, s->node);
		for (size_t j = 0; j < c->count; j++)
			if ((kind == STEP_SUBTRACT && !sig_nested(c, c->signatures[j])) ||
				(kind == STEP_SUBTRACT_TOP &&
					c->signatures[j]->parent == root))
				omit_add(omit, &n, c->signatures[j]);
	}
	return n;
}

static int decode_base64(struct span text, struct buf *ret)
{
	_cleanup_(freep) uint8_t *octets = NULL;
	size_t len;
	int r = base64_decode(text, &octets, &len);

	if (r == 0)
		r = buf_add(ret, octets, len);
	return r == -ENOMEM ? r : r < 0 ? -EBADMSG : 0;
}

/* Octets from outside: as they are, or read as XML when a transform needs nodes. */
static int detached_octets(
	struct sig_context *c, const struct sig_reference *r, struct buf *ret)
{
	const struct sig_step *step = r->step_count == 1 ? &r->steps[0] : NULL;
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	_cleanup_findings_ struct findings ignored = { 0 };
	int read;

	if (r->detached->digest_algorithm)
		return -EBADMSG;
	if (sig_spend(c, r->detached->data.len * (step && step->kind == STEP_C14N
								 ? SIG_WORK_PARSE
								 : SIG_WORK_DIGEST)) < 0)
		return -EDQUOT;
	if (r->step_count == 0) {
		int e = buf_add_span(ret, r->detached->data);

		return e == -E2BIG ? -EBADMSG : e;
	}
	if (step && step->kind == STEP_BASE64)
		return decode_base64(r->detached->data, ret);
	if (!step || step->kind != STEP_C14N)
		return -EBADMSG;
	read = legacy_read(r->detached->data, &ignored, &doc);
	if (read < 0)
		return read;
	if (read == 0)
		return -EBADMSG;
	return sig_transform(
		doc, NULL, true, NULL, 0, r->steps, 1, step->c14n, c->work, ret);
}

int sig_reference_octets(struct sig_context *c, const struct sig *s,
	const struct sig_reference *r, enum xml_c14n fallback, struct buf *ret)
{
	const xmlNode *omit[SIG_MAX];
	size_t n;

	if (r->target == TARGET_NONE || !r->steps_allowed)
		return -EBADMSG;
	if (r->target == TARGET_DETACHED)
		return detached_octets(c, r, ret);
	n = omitted(c, s, r, omit);
	return sig_transform(c->report->doc, r->element, r->keep_comments, omit, n,
		r->steps, r->step_count, fallback, c->work, ret);
}

static int digest_matches(const struct sig_reference *r, struct span octets)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t len = 0;

	if (EVP_Q_digest(NULL, r->digest->name, NULL, octets.data, octets.len, digest,
		    &len) != 1)
		return -EIO;
	return len == r->value_len && CRYPTO_memcmp(digest, r->value, len) == 0;
}

/* Where only a digest is known it is that of the octets after the transforms. */
static bool detached_digest_matches(const struct sig_reference *r)
{
	const struct xades_detached *d = r->detached;

	return strcmp(d->digest_algorithm, r->digest->name) == 0 &&
	       d->data.len == r->value_len &&
	       memcmp(d->data.data, r->value, r->value_len) == 0;
}

static void note_digest(
	struct sig_context *c, const struct sig_reference *r, const char *why)
{
	sig_finding(c, SEVERITY_ERROR, "sig.digest", r->node, "%s (reference '%s')", why,
		r->uri ? r->uri : "");
}

/* Keep what a reference over the whole document digested: that alone is what was signed.
 */
static void keep_whole(struct sig *s, const struct sig_reference *r, struct buf *octets)
{
	if (r->target != TARGET_DOCUMENT || s->whole || s->in_manifest)
		return;
	s->whole_octets = (uint8_t *)buf_take(octets, &s->whole_len);
	if (s->whole_octets)
		s->whole = r;
}

static int check_octets(struct sig_context *c, struct sig *s, struct sig_reference *r)
{
	_cleanup_buf_ struct buf octets;
	int e;

	buf_init(&octets, SIG_CANONICAL_MAX);
	e = sig_reference_octets(c, s, r, XML_C14N_10, &octets);
	if (e == 0)
		e = sig_spend(c, octets.len * SIG_WORK_DIGEST);
	if (e == 0)
		e = digest_matches(r, buf_span(&octets));
	if (e == -EBADMSG || e == 0)
		note_digest(c, r,
			e == 0 ? "The data was changed after signing."
			       : "The signed data cannot be made from the document.");
	else if (e < 0)
		return e;
	r->intact = e == 1;
	if (r->intact)
		keep_whole(s, r, &octets);
	return 0;
}

static void resolve(struct sig_context *c, struct sig *s, struct sig_reference *r)
{
	sig_reference_resolve(c, s, r);
	s->properties_signed |= r->is_properties;
	if (r->ambiguous) {
		s->duplicate_id = true;
		sig_finding(c, SEVERITY_ERROR, "xml.duplicate-id", r->node,
			"More than one element has the identifier of the reference '%s'.",
			r->uri);
	}
}

int sig_reference_check(struct sig_context *c, struct sig *s, struct sig_reference *r)
{
	if (sig_spend(c, SIG_WORK_REFERENCE) < 0)
		return -EDQUOT;
	if (r->target == TARGET_NONE || r->ambiguous)
		return 0;
	if (!r->steps_allowed || !r->digest) {
		note_digest(
			c, r, "The signed data cannot be made: see the other findings.");
		return 0;
	}
	if (r->target == TARGET_DETACHED && r->detached->digest_algorithm) {
		r->intact = detached_digest_matches(r);
		if (!r->intact)
			note_digest(c, r, "The digest of the data is another one.");
		return 0;
	}
	return check_octets(c, s, r);
}

void sig_references_resolve(struct sig_context *c, struct sig *s)
{
	for (size_t i = 0; i < s->reference_count; i++)
		resolve(c, s, &s->references[i]);
}

int sig_references_check(struct sig_context *c, struct sig *s)
{
	for (size_t i = 0; i < s->reference_count; i++) {
		int r = sig_reference_check(c, s, &s->references[i]);

		if (r < 0)
			return r;
	}
	return sig_manifests_check(c, s);
}
