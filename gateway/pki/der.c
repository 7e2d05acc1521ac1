/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/der.h"

#include <errno.h>
#include <openssl/objects.h>

bool pki_der_exact(struct span der)
{
	size_t len, octets;

	if (der.len < 2 || (der.data[0] & 0x1f) == 0x1f)
		return false;
	if (der.data[1] < 0x80)
		return der.len == 2u + der.data[1];
	octets = der.data[1] & 0x7fu;
	if (octets == 0 || octets > 4 || der.len < 2 + octets)
		return false;
	len = 0;
	for (size_t i = 0; i < octets; i++)
		len = len << 8 | der.data[2 + i];
	return der.len == 2 + octets + len;
}

int pki_asn1_time(const ASN1_TIME *t, int64_t *ret_t)
{
	int days, seconds, r;
	ASN1_TIME *epoch;

	if (!t || ASN1_TIME_check(t) != 1)
		return -EINVAL;
	epoch = ASN1_TIME_set(NULL, 0);
	r = epoch && ASN1_TIME_diff(&days, &seconds, epoch, t);
	ASN1_TIME_free(epoch);
	if (!r)
		return -EINVAL;
	*ret_t = (int64_t)days * 86400 + seconds;
	return 0;
}

const X509_EXTENSION *pki_extension_find(
	const STACK_OF(X509_EXTENSION) * list, const char *oid)
{
	char text[80];

	for (int i = 0; i < sk_X509_EXTENSION_num(list); i++) {
		X509_EXTENSION *e = sk_X509_EXTENSION_value(list, i);

		if (OBJ_obj2txt(text, sizeof(text), X509_EXTENSION_get_object(e), 1) >
				0 &&
			strcmp(text, oid) == 0)
			return e;
	}
	return NULL;
}
