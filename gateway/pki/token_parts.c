/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/token_parts.h"

#include "common/cleanup.h"
#include "pki/parsed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CERTIFICATES 0 /* the tag of SignedData's certificates */
#define CARRIED_MAX 32

/* Where the pieces of a token are: SignedData is prefix, certificates, suffix. */
struct pieces {
	struct span type;	  /* ContentInfo's contentType, with its header */
	struct span prefix;	  /* version, digestAlgorithms, encapContentInfo */
	struct span certificates; /* without their header */
	struct span suffix;	  /* crls, signerInfos */
};

/* Takes the next element of definite length off *rest. Return: its tag and class in one
 * number (class | tag), -1 when there is none. *ret_content lies within *ret_whole. */
static int take(struct span *rest, struct span *ret_whole, struct span *ret_content)
{
	const unsigned char *p = rest->data;
	long len;
	int tag, class;
	size_t size;
	int how = rest->len == 0
			  ? 0x80
			  : ASN1_get_object(&p, &len, &tag, &class, (long)rest->len);

	/* 0x80: an error; 1: of indefinite length. Only INTEGER and OBJECT are primitive.
	 */
	if ((how & 0x81) || tag > 30 || len < 0)
		return -1;
	if (!(how & V_ASN1_CONSTRUCTED) && tag != V_ASN1_INTEGER && tag != V_ASN1_OBJECT)
		return -1;
	size = (size_t)(p - rest->data) + (size_t)len;
	*ret_whole = span_of(rest->data, size);
	*ret_content = span_of(p, (size_t)len);
	*rest = span_of(rest->data + size, rest->len - size);
	return class | tag;
}

/* The content of the one element that fills a span; data NULL when it is another one. */
static struct span only(struct span s, int want)
{
	struct span whole, content;

	if (take(&s, &whole, &content) != want || s.len > 0)
		return span_of(NULL, 0);
	return content;
}

static bool split_signed_data(struct span rest, struct pieces *ret)
{
	static const int PREFIX[] = { V_ASN1_INTEGER, V_ASN1_SET, V_ASN1_SEQUENCE };
	const uint8_t *start = rest.data;
	struct span whole, content;

	for (size_t i = 0; i < sizeof(PREFIX) / sizeof(PREFIX[0]); i++)
		if (take(&rest, &whole, &content) != PREFIX[i])
			return false;
	ret->prefix = span_of(start, (size_t)(rest.data - start));
	if (take(&rest, &whole, &ret->certificates) !=
		(V_ASN1_CONTEXT_SPECIFIC | CERTIFICATES))
		return false;
	ret->suffix = rest;
	return true;
}

static bool split(struct span der, struct pieces *ret)
{
	struct span rest = only(der, V_ASN1_SEQUENCE), content;

	if (take(&rest, &ret->type, &content) != V_ASN1_OBJECT)
		return false;
	rest = only(rest, V_ASN1_CONTEXT_SPECIFIC | 0);
	rest = only(rest, V_ASN1_SEQUENCE);
	return rest.data && split_signed_data(rest, ret);
}

/* The content without its certificates, encoded anew. Return: its length, 0: no memory.
 */
static size_t join(const struct pieces *s, uint8_t **ret_der)
{
	int inner = (int)(s->prefix.len + s->suffix.len);
	int data = ASN1_object_size(1, inner, V_ASN1_SEQUENCE);
	int outer = (int)s->type.len + ASN1_object_size(1, data, 0);
	int size = ASN1_object_size(1, outer, V_ASN1_SEQUENCE);
	unsigned char *p = *ret_der = size > 0 ? malloc((size_t)size) : NULL;

	if (!p)
		return 0;
	ASN1_put_object(&p, 1, outer, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	memcpy(p, s->type.data, s->type.len);
	p += s->type.len;
	ASN1_put_object(&p, 1, data, 0, V_ASN1_CONTEXT_SPECIFIC);
	ASN1_put_object(&p, 1, inner, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	memcpy(p, s->prefix.data, s->prefix.len);
	p += s->prefix.len;
	memcpy(p, s->suffix.data, s->suffix.len);
	return (size_t)size;
}

/* NULL: something among them is no plain certificate, or memory is short. */
static STACK_OF(X509) * certificates(struct span rest)
{
	STACK_OF(X509) *list = sk_X509_new_null();
	struct span whole, content;

	while (list && rest.len > 0) {
		X509 *x = NULL;

		if (sk_X509_num(list) < CARRIED_MAX &&
			take(&rest, &whole, &content) == V_ASN1_SEQUENCE)
			x = pki_parsed_certificate(whole);
		if (!x || !sk_X509_push(list, x)) {
			X509_free(x);
			sk_X509_pop_free(list, X509_free);
			return NULL;
		}
	}
	return list;
}

static CMS_ContentInfo *decode(struct span der)
{
	const unsigned char *p = der.data;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)der.len);

	if (cms && p == der.data + der.len)
		return cms;
	CMS_ContentInfo_free(cms);
	return NULL;
}

/* NULL: not to be taken apart; the whole decides. */
static CMS_ContentInfo *read_apart(struct span der, STACK_OF(X509) * *ret_carried)
{
	_cleanup_(freep) uint8_t *joined = NULL;
	STACK_OF(X509) * carried;
	CMS_ContentInfo *cms;
	struct pieces s;
	size_t len;

	if (!split(der, &s))
		return NULL;
	len = join(&s, &joined);
	carried = len > 0 ? certificates(s.certificates) : NULL;
	if (!carried)
		return NULL;
	cms = decode(span_of(joined, len));
	if (cms && OBJ_obj2nid(CMS_get0_type(cms)) == NID_pkcs7_signed) {
		*ret_carried = carried;
		return cms;
	}
	sk_X509_pop_free(carried, X509_free);
	CMS_ContentInfo_free(cms);
	return NULL;
}

CMS_ContentInfo *token_parts_read(struct span der, STACK_OF(X509) * *ret_carried)
{
	CMS_ContentInfo *cms = read_apart(der, ret_carried);

	if (cms)
		return cms;
	cms = decode(der);
	if (cms)
		*ret_carried = CMS_get1_certs(cms);
	return cms;
}
