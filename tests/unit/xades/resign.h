/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A signature whose properties were changed, signed again; never used outside tests.
 */
#ifndef SEALGATE_TESTS_XADES_RESIGN_H
#define SEALGATE_TESTS_XADES_RESIGN_H

#include "tests/unit/xades/fixture.h"

#include "common/encode.h"
#include "xml/c14n.h"
#include "xml/node.h"
#include "xml/reader.h"

/* The exclusive canonical form of the only element of that name. */
static UNUSED struct buf canonical_of(const char *text, const char *name)
{
	_cleanup_findings_ struct findings f = { 0 };
	struct buf out;
	xmlDoc *doc = NULL;
	xmlNode *n;

	buf_init(&out, 1u << 22);
	assert_int_equal(xml_read(span_str(text), XML_READ_EIDAS, &f, &doc), 1);
	for (n = xmlDocGetRootElement(doc); strcmp((const char *)n->name, name) != 0;) {
		if (xml_child(n, NULL, NULL))
			n = xml_child(n, NULL, NULL);
		else {
			while (!xml_next(n, NULL, NULL))
				n = n->parent;
			n = xml_next(n, NULL, NULL);
		}
	}
	assert_int_equal(
		xml_canonicalize(doc, n, NULL, 0, XML_C14N_EXCLUSIVE, NULL, &out), 0);
	xmlFreeDoc(doc);
	return out;
}

/* Put base64 of octets between a mark, the first behind some place, and the next tag; the
 * text is released. */
static UNUSED char *put_value(
	char *text, const char *behind, const char *mark, struct span octets)
{
	char *value = base64_encode(octets), *at = strstr(strstr(text, behind), mark),
	     *old;

	assert_non_null(at);
	at += strlen(mark);
	old = strndup(at, strcspn(at, "<"));
	text = swap(text, old, value);
	free(old);
	free(value);
	return text;
}

/* Digest the properties and sign again with a digest of SignedInfo. */
static UNUSED char *resign(char *text, EVP_PKEY *key, const EVP_MD *md)
{
	struct buf properties = canonical_of(text, "SignedProperties"), info;
	uint8_t digest[32], hash[64], value[1024];
	unsigned int hash_len;
	size_t len = sizeof(value);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

	assert_int_equal(digest_sha256(buf_span(&properties), digest), 0);
	text = put_value(text, "01903#SignedProperties", "<ds:DigestValue>",
		span_of(digest, sizeof(digest)));
	info = canonical_of(text, "SignedInfo");
	assert_true(EVP_Digest(info.data, info.len, hash, &hash_len, md, NULL));
	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	assert_int_equal(EVP_PKEY_sign(ctx, value, &len, hash, hash_len), 1);
	len = to_raw(key, value, len);
	text = put_value(text, "Id=\"value-s1\"", ">", span_of(value, len));
	EVP_PKEY_CTX_free(ctx);
	buf_done(&properties);
	buf_done(&info);
	return text;
}

/* A signature with a time-stamp of some time over what it signs (AllDataObjects). */
static UNUSED char *content_stamped(const struct house *h, const struct party *signer,
	const char *time, const char *method, const EVP_MD *md)
{
	char *text = make(h, (struct wish){ .place = XADES_ENVELOPED, .signer = signer });
	struct xades_report *r = validate(h, text, XADES_EIDAS);
	struct xades_signature *s = &r->signatures[0];
	struct octets token;
	char *value, *property;

	assert_non_null(s->signed_octets);
	token = stamp(&h->tsa, span_of(s->signed_octets, s->signed_len), when(time));
	value = base64_encode(span_of_octets(&token));
	assert_true(
		asprintf(&property,
			"<xades:AllDataObjectsTimeStamp><ds:CanonicalizationMethod "
			"Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>"
			"<xades:EncapsulatedTimeStamp>%s</xades:EncapsulatedTimeStamp>"
			"</xades:AllDataObjectsTimeStamp>"
			"</xades:SignedDataObjectProperties>",
			value) > 0);
	text = swap(text, "</xades:SignedDataObjectProperties>", property);
	text = swap(text, "xmldsig-more#ecdsa-sha256", method);
	xades_report_free(r);
	octets_done(&token);
	free(property);
	free(value);
	return resign(text, signer->key, md);
}

#endif
