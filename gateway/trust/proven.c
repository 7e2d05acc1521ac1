/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/proven.h"

#include "common/durable.h"
#include "common/encode.h"
#include "common/json.h"
#include "xades/validate.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define PROOFS_MAX (4u * 1024 * 1024)
#define DAY_S 86400
#define FORM "1" /* of a proof; another one finds nothing of before */

static int path_of(const char *store, char ret[PATH_MAX])
{
	return snprintf(ret, PATH_MAX, "%s/proven.json", store) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

int list_proofs_read(const char *store, struct list_proofs *ret)
{
	_cleanup_(freep) uint8_t *data = NULL;
	char path[PATH_MAX];
	size_t len;

	*ret = (struct list_proofs){ .used = json_object() };
	if (path_of(store, path) == 0 && file_read(path, PROOFS_MAX, &data, &len) == 0)
		ret->known = json_read(span_of(data, len), PROOFS_MAX);
	if (!json_is_object(ret->known)) {
		json_decref(ret->known);
		ret->known = json_object();
	}
	if (ret->known && ret->used)
		return 0;
	list_proofs_done(ret);
	return -ENOMEM;
}

void list_proofs_done(struct list_proofs *p)
{
	json_decref(p->known);
	json_decref(p->used);
	*p = (struct list_proofs){ 0 };
}

int list_proofs_write(const char *store, const struct list_proofs *p)
{
	_cleanup_(freep) char *text = NULL;
	char path[PATH_MAX];
	int r = path_of(store, path);

	if (r < 0 || json_equal(p->known, p->used))
		return r;
	text = json_canonical(p->used);
	return text ? durable_write(path, span_str(text), 0644) : -ENOMEM;
}

int list_proof_key(struct span octets, const STACK_OF(X509) * signers, int64_t at,
	char ret_key[SHA256_TEXT_SIZE])
{
	_cleanup_buf_ struct buf b;
	char sha256[SHA256_TEXT_SIZE];
	int r = digest_sha256_text(octets, sha256);

	buf_init(&b, 1024 * 1024);
	buf_addf(&b, FORM " " SEALGATE_VERSION " %s %lld %s", xades_policy_digest(),
		(long long)(at / DAY_S), sha256);
	for (int i = 0; i < sk_X509_num(signers) && r == 0; i++) {
		r = pki_certificate_sha256(sk_X509_value(signers, i), sha256);
		buf_addf(&b, " %s", sha256);
	}
	if (r == 0)
		r = b.error;
	return r == 0 ? digest_sha256_text(buf_span(&b), ret_key) : r;
}

static X509 *signer_of(const json_t *proof)
{
	const char *text = json_string_of(proof, "signer");
	_cleanup_(freep) uint8_t *der = NULL;
	size_t len;

	if (!text || base64_decode(span_str(text), &der, &len) < 0)
		return NULL;
	return pki_certificate_parse(span_of(der, len));
}

static int64_t number(const json_t *proof, const char *key)
{
	return json_integer_value(json_object_get(proof, key));
}

static struct trusted_list *outline_of(const json_t *proof)
{
	const char *territory = json_string_of(proof, "territory");
	struct trusted_list *l = calloc(1, sizeof(*l));

	if (!l || !territory || strlen(territory) >= sizeof(l->territory)) {
		free(l);
		return NULL;
	}
	memcpy(l->territory, territory, strlen(territory) + 1);
	l->kind = LIST_NATIONAL;
	l->is_outline = true;
	l->version = (int)number(proof, "version");
	l->sequence = number(proof, "sequence");
	l->issued = number(proof, "issued");
	l->next_update = number(proof, "next_update");
	l->providers = (size_t)number(proof, "providers");
	l->outline_services = (size_t)number(proof, "services");
	l->certificates = (size_t)number(proof, "certificates");
	return l;
}

int list_proof_find(struct list_proofs *p, const char *key, struct list_result *r)
{
	json_t *proof = json_object_get(p->known, key);
	X509 *signer = proof ? signer_of(proof) : NULL;
	struct trusted_list *l = signer ? outline_of(proof) : NULL;

	if (!l) {
		X509_free(signer);
		return 0;
	}
	p->hits++;
	r->signer = signer;
	r->list = l;
	return json_object_set(p->used, key, proof) < 0 ? -ENOMEM : 1;
}

int list_proof_note(struct list_proofs *p, const char *key, const struct list_result *r)
{
	const struct trusted_list *l = r->list;
	uint8_t *der = NULL;
	int len = i2d_X509(r->signer, &der);
	_cleanup_(freep) char *signer =
		len > 0 ? base64_encode(span_of(der, (size_t)len)) : NULL;
	json_t *proof = json_pack("{s:o,s:s,s:i,s:I,s:I,s:I,s:I,s:I,s:I}", "signer",
		json_text(signer), "territory", l->territory, "version", l->version,
		"sequence", (json_int_t)l->sequence, "issued", (json_int_t)l->issued,
		"next_update", (json_int_t)l->next_update, "providers",
		(json_int_t)l->providers, "services", (json_int_t)l->service_count,
		"certificates", (json_int_t)l->certificates);

	OPENSSL_free(der);
	p->noted++;
	return json_object_set_new(p->used, key, proof) < 0 ? -ENOMEM : 0;
}
