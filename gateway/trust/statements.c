/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/statements.h"

#include <openssl/asn1t.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <string.h>

#define COMPLIANCE "0.4.0.1862.1.1"
#define SSCD "0.4.0.1862.1.4"
#define TYPE "0.4.0.1862.1.6"
#define TYPE_ESIGN "0.4.0.1862.1.6.1"
#define TYPE_ESEAL "0.4.0.1862.1.6.2"
#define TYPE_WEB "0.4.0.1862.1.6.3"
#define LEGISLATION "0.4.0.1862.1.7"

/* The content of a DER element of a tag at *at, which then stands behind it. */
static bool element(const unsigned char **at, const unsigned char *end, int wanted,
	const unsigned char **ret_content, long *ret_len)
{
	int tag, class;
	const unsigned char *p = *at;

	if (p >= end || (ASN1_get_object(&p, ret_len, &tag, &class, end - *at) & 0x80) ||
		tag != wanted || class != V_ASN1_UNIVERSAL || *ret_len > end - p)
		return false;
	*ret_content = p;
	*at = p + *ret_len;
	return true;
}

static bool oid_at(const unsigned char **at, const unsigned char *end, char text[64])
{
	const unsigned char *content, *start = *at;
	ASN1_OBJECT *object;
	long len;
	int n;

	if (!element(at, end, V_ASN1_OBJECT, &content, &len))
		return false;
	object = d2i_ASN1_OBJECT(NULL, &start, *at - start);
	n = object ? OBJ_obj2txt(text, 64, object, 1) : 0;
	ASN1_OBJECT_free(object);
	return n > 0 && n < 64;
}

static void read_types(
	const unsigned char *at, const unsigned char *end, struct statements *s)
{
	const unsigned char *content;
	char oid[64];
	long len;

	if (!element(&at, end, V_ASN1_SEQUENCE, &content, &len))
		return;
	for (end = content + len; oid_at(&content, end, oid);) {
		s->esign |= strcmp(oid, TYPE_ESIGN) == 0;
		s->eseal |= strcmp(oid, TYPE_ESEAL) == 0;
		s->web |= strcmp(oid, TYPE_WEB) == 0;
	}
}

static void read_one(const unsigned char *at, const unsigned char *end,
	struct statements *s, bool *foreign)
{
	char oid[64];

	if (!oid_at(&at, end, oid))
		return;
	s->compliance |= strcmp(oid, COMPLIANCE) == 0;
	s->sscd |= strcmp(oid, SSCD) == 0;
	*foreign |= strcmp(oid, LEGISLATION) == 0;
	if (strcmp(oid, TYPE) == 0)
		read_types(at, end, s);
}

void statements_read(const X509 *certificate, struct statements *ret)
{
	int i = X509_get_ext_by_NID(certificate, NID_qcStatements, -1);
	const ASN1_OCTET_STRING *value =
		i >= 0 ? X509_EXTENSION_get_data(X509_get_ext(certificate, i)) : NULL;
	const unsigned char *at, *content, *one;
	bool foreign = false;
	long len, one_len;

	*ret = (struct statements){ 0 };
	if (!value)
		return;
	at = ASN1_STRING_get0_data(value);
	if (!element(
		    &at, at + ASN1_STRING_length(value), V_ASN1_SEQUENCE, &content, &len))
		return;
	at = content + len;
	while (element(&content, at, V_ASN1_SEQUENCE, &one, &one_len))
		read_one(one, one + one_len, ret, &foreign);
	if (ret->compliance && !ret->esign && !ret->eseal && !ret->web)
		ret->esign = true;
	if (foreign)
		ret->compliance = false;
}
