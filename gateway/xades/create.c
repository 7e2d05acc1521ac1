/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/create.h"

#include "common/encode.h"
#include "xades/draft.h"
#include "xml/reader.h"

#include <errno.h>
#include <openssl/rsa.h>

#define CONTAINER_OPEN                                                                   \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                   \
	"<asic:XAdESSignatures xmlns:asic=\"http://uri.etsi.org/02918/v1.2.1#\">"
#define CONTAINER_CLOSE "</asic:XAdESSignatures>\n"

void xades_draft_free(struct xades_draft *d)
{
	if (!d)
		return;
	for (size_t i = 0; d->references && i < d->reference_count; i++) {
		free(d->references[i].uri);
		free(d->references[i].type);
	}
	free(d->references);
	free(d->id);
	EVP_PKEY_free(d->key);
	free(d->key_info);
	free(d->properties);
	free(d->value);
	buf_done(&d->timestamps);
	free(d->document);
	xmlFreeDoc(d->doc);
	free(d->signed_info);
	free(d);
}

DEFINE_CLEANUP(struct xades_draft *, xades_draft_free)

static bool id_usable(const char *id)
{
	if (!id || strlen(id) > 200 ||
		!(((*id | 0x20) >= 'a' && (*id | 0x20) <= 'z') || *id == '_'))
		return false;
	return id[strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			     "0123456789-_.")] == '\0';
}

/* The digest of references and properties: the method's own. */
static const struct digest_method *reference_digest(const struct signature_method *m)
{
	return m ? digest_method_named(m->digest) : NULL;
}

static const char *check_plan(const struct xades_plan *plan)
{
	const struct signature_method *m = signature_method_named(plan->signature_method);

	if (!plan->signer)
		return "The plan has no certificate of the signer.";
	if (!reference_digest(m))
		return "The signature method is not one that can be made here.";
	if (!id_usable(plan->id))
		return "The identifier is not usable.";
	if (plan->policy_id && !plan->policy_sha256)
		return "A signature policy needs its digest.";
	if (plan->place == XADES_DETACHED && plan->object_count == 0)
		return "There is nothing to sign.";
	return NULL;
}

/* The octets that will be around the signature. */
static int take_document(const struct xades_plan *plan, struct xades_draft *d)
{
	_cleanup_buf_ struct buf b;

	buf_init(&b, LIMIT_CONTAINER);
	if (plan->place == XADES_DETACHED) {
		buf_add_str(&b, CONTAINER_OPEN CONTAINER_CLOSE);
		d->at = strlen(CONTAINER_OPEN);
		d->before = d->after = "";
	} else {
		buf_add_span(&b, plan->document);
	}
	if (b.error)
		return b.error;
	d->document = (uint8_t *)buf_take(&b, &d->document_len);
	return d->document ? 0 : -ENOMEM;
}

static int write_all(const struct xades_draft *d, struct buf *ret)
{
	buf_add(ret, d->document, d->at);
	buf_add_str(ret, d->before);
	draft_signature(d, ret);
	buf_add_str(ret, d->after);
	return buf_add(ret, d->document + d->at, d->document_len - d->at);
}

/* Read XML of ours or the caller's. Return: 0, -EINVAL, negative. */
static int read_xml(struct span octets, xmlDoc **ret_doc)
{
	_cleanup_findings_ struct findings ignored = { 0 };
	int r = xml_read(octets, XML_READ_EIDAS, &ignored, ret_doc);

	return r == 0 ? -EINVAL : r < 0 ? r : 0;
}

static const xmlNode *by_id(xmlDoc *doc, const char *id)
{
	struct sig_ids ids;
	const xmlNode *found;
	bool ambiguous;

	if (sig_ids_collect(doc, &ids) < 0)
		return NULL;
	found = sig_ids_find(&ids, id, &ambiguous);
	sig_ids_done(&ids);
	return ambiguous ? NULL : found;
}

/* Write it without digests, read that, and put the digests in. */
static int build_tree(struct xades_draft *d, const char **ret_reason)
{
	_cleanup_buf_ struct buf b;
	int r;

	buf_init(&b, DRAFT_MAX);
	r = write_all(d, &b);
	if (r == 0)
		r = read_xml(buf_span(&b), &d->doc);
	if (r < 0)
		return r;
	*ret_reason = "The identifier is already used in the document.";
	d->signature = by_id(d->doc, d->id);
	if (!xml_is(d->signature, NS_DS, "Signature"))
		return -EINVAL;
	*ret_reason = "The data to sign has no canonical form.";
	return draft_digests(d);
}

static int canonical_signed_info(struct xades_draft *d)
{
	_cleanup_buf_ struct buf b;
	int r;

	buf_init(&b, DRAFT_MAX);
	r = sig_canonicalize(d->doc, xml_child(d->signature, NS_DS, "SignedInfo"),
		XML_C14N_EXCLUSIVE, NULL, NULL, &b);
	if (r < 0)
		return r;
	d->signed_info = (uint8_t *)buf_take(&b, &d->signed_info_len);
	return d->signed_info ? 0 : -ENOMEM;
}

static int prepare(
	const struct xades_plan *plan, struct xades_draft *d, const char **ret_reason)
{
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	int r = take_document(plan, d);

	*ret_reason = "The document cannot be read as XML.";
	if (r == 0 && plan->place != XADES_DETACHED)
		r = read_xml(plan->document, &doc);
	if (r == 0 && plan->place != XADES_DETACHED)
		r = draft_place(plan, doc, d, ret_reason);
	if (r == 0)
		r = draft_references(plan, doc, d, ret_reason);
	if (r == 0)
		r = draft_key_info(plan, d);
	if (r == 0)
		r = draft_properties(plan, d);
	if (r == 0)
		r = build_tree(d, ret_reason);
	return r == 0 ? canonical_signed_info(d) : r;
}

static struct xades_draft *draft_new(const struct xades_plan *plan)
{
	struct xades_draft *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	buf_init(&d->timestamps, DRAFT_MAX);
	d->place = plan->place;
	d->method = signature_method_named(plan->signature_method);
	d->digest = reference_digest(d->method);
	d->id = strdup(plan->id);
	d->key = X509_get0_pubkey(plan->signer);
	if (d->id && d->key && EVP_PKEY_up_ref(d->key) == 1)
		return d;
	d->key = NULL;
	xades_draft_free(d);
	return NULL;
}

int xades_prepare(const struct xades_plan *plan, struct xades_draft **ret_draft,
	uint8_t ret_digest[64], size_t *ret_digest_len, char **ret_reason)
{
	_cleanup_(xades_draft_freep) struct xades_draft *d = NULL;
	const char *reason = check_plan(plan);
	int r = reason ? -EINVAL : 0;

	*ret_reason = NULL;
	if (r == 0) {
		d = draft_new(plan);
		r = d ? prepare(plan, d, &reason) : -ENOMEM;
	}
	if (r == 0 && EVP_Q_digest(NULL, d->digest->name, NULL, d->signed_info,
			      d->signed_info_len, ret_digest, ret_digest_len) != 1)
		r = -EIO;
	if (r == -EINVAL)
		*ret_reason = strdup(reason ? reason : "");
	if (r == 0)
		*ret_draft = TAKE(d);
	return r;
}

int xades_set_value(struct xades_draft *d, struct span value)
{
	xmlNode *node;
	const xmlNode *element = xml_child(d->signature, NS_DS, "SignatureValue");
	int r = sig_verify_raw(d->key, d->method, d->method->digest,
		RSA_PSS_SALTLEN_DIGEST, span_of(d->signed_info, d->signed_info_len),
		value, false);

	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	free(d->value);
	d->value = base64_encode(value);
	if (!d->value)
		return -ENOMEM;
	memcpy(&node, &element, sizeof(node));
	xmlNodeSetContent(node, (const xmlChar *)d->value);
	return 0;
}

int xades_timestamp_octets(const struct xades_draft *d, struct buf *ret)
{
	if (!d->value)
		return -EINVAL;
	return sig_canonicalize(d->doc, xml_child(d->signature, NS_DS, "SignatureValue"),
		XML_C14N_EXCLUSIVE, NULL, NULL, ret);
}

int xades_add_timestamp(struct xades_draft *d, struct span token)
{
	_cleanup_(freep) char *text = base64_encode(token);

	if (!text || !d->value)
		return text ? -EINVAL : -ENOMEM;
	buf_addf(&d->timestamps,
		"<xades:SignatureTimeStamp Id=\"ts-%s-%zu\"><ds:CanonicalizationMethod "
		"Algorithm=\"%s\"/><xades:EncapsulatedTimeStamp>",
		d->id, ++d->timestamp_count, xml_c14n_uri(XML_C14N_EXCLUSIVE));
	buf_add_str(&d->timestamps, text);
	return buf_add_str(&d->timestamps,
		"</xades:EncapsulatedTimeStamp></xades:SignatureTimeStamp>");
}

int xades_write(const struct xades_draft *d, struct buf *ret)
{
	return d->value ? write_all(d, ret) : -EINVAL;
}

int xades_write_unsigned(const struct xades_draft *d, struct buf *ret)
{
	return write_all(d, ret);
}
