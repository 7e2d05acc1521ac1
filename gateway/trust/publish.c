/* SPDX-License-Identifier: EUPL-1.2 */

#include "common/buf.h"
#include "common/digest.h"
#include "common/durable.h"
#include "common/json.h"
#include "pki/crl.h"
#include "pki/der.h"
#include "pki/errors.h"
#include "trust/publish_parts.h"

#include <errno.h>
#include <limits.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#define MARKS_MAX (4u * 1024 * 1024)

DEFINE_CLEANUP(ASN1_INTEGER *, ASN1_INTEGER_free)

int publish_refuse(struct publish_result *r, const char *why)
{
	r->outcome = PUBLISH_REFUSED;
	(void)snprintf(r->reason, sizeof(r->reason), "%s", why);
	return 0;
}

static X509_CRL *parse(struct span octets)
{
	X509_CRL *crl = pki_crl_parse(octets);
	BIO *pem;

	if (crl || octets.len > PKI_CRL_MAX)
		return crl;
	pem = BIO_new_mem_buf(octets.data, (int)octets.len);
	crl = pem ? PEM_read_bio_X509_CRL(pem, NULL, NULL, NULL) : NULL;
	BIO_free(pem);
	pki_errors_clear();
	return crl;
}

/* SHA-256 of issuer name and issuing distribution point: what a CRL is the successor of.
 */
static int key_of(const X509_CRL *crl, char ret[SHA256_TEXT_SIZE])
{
	int at = X509_CRL_get_ext_by_NID(crl, NID_issuing_distribution_point, -1);
	const ASN1_OCTET_STRING *idp =
		at < 0 ? NULL : X509_EXTENSION_get_data(X509_CRL_get_ext(crl, at));
	_cleanup_buf_ struct buf b;
	unsigned char *name = NULL;
	int len = i2d_X509_NAME(X509_CRL_get_issuer(crl), &name);

	buf_init(&b, MARKS_MAX);
	if (len > 0)
		buf_add(&b, name, (size_t)len);
	if (idp)
		buf_add(&b, ASN1_STRING_get0_data(idp), (size_t)ASN1_STRING_length(idp));
	OPENSSL_free(name);
	return len > 0 && !b.error ? digest_sha256_text(buf_span(&b), ret) : -ENOMEM;
}

static int mark_of(const X509_CRL *crl, struct span der, struct mark *ret)
{
	_cleanup_(ASN1_INTEGER_freep) ASN1_INTEGER *number =
		X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	int r = key_of(crl, ret->key);

	ret->number = number ? ASN1_INTEGER_to_BN(number, NULL) : NULL;
	if (number && !ret->number)
		return -ENOMEM;
	return r == 0 ? digest_sha256_text(der, ret->sha256) : r;
}

/* Everything that the CRL says about itself. Return: true when it may be published. */
static bool sound(X509_CRL *crl, X509 *issuer, int64_t now, struct publish_result *r)
{
	const char *reason = "";
	int good;

	if (pki_asn1_time(X509_CRL_get0_lastUpdate(crl), &r->this_update) < 0)
		publish_refuse(r, "its thisUpdate cannot be read");
	else if (!X509_CRL_get0_nextUpdate(crl) ||
		 pki_asn1_time(X509_CRL_get0_nextUpdate(crl), &r->next_update) < 0)
		publish_refuse(r, "it has no nextUpdate");
	else if (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0)
		publish_refuse(r, "it is a delta CRL");
	else if (r->this_update > now + PUBLISH_CLOCK_SKEW)
		publish_refuse(r, "it is from the future: is the clock right?");
	else if (r->next_update <= now)
		publish_refuse(r, "it is out of date");
	if (r->outcome == PUBLISH_REFUSED)
		return false;
	good = pki_crl_verify(crl, issuer, r->this_update, &reason);
	if (good != 1)
		publish_refuse(r, good < 0 ? "it could not be verified" : reason);
	return good == 1;
}

/* Whether the mark of an earlier CRL lets this one follow. */
static bool follows(const json_t *old, const struct mark *m, struct publish_result *r)
{
	const char *text = json_string_of(old, "number");
	const char *sha256 = json_string_of(old, "sha256");
	int64_t before = json_integer_value(json_object_get(old, "this_update"));
	_cleanup_(BN_freep) BIGNUM *number = NULL;
	int order;

	if (!old)
		return true;
	if (text && !m->number)
		return publish_refuse(r, "it has no CRL number, an earlier one has"),
		       false;
	if (r->this_update < before)
		return publish_refuse(r, "it is older than one that was published"),
		       false;
	if (!text)
		return true;
	if (BN_hex2bn(&number, text) == 0)
		return publish_refuse(r, "marks.json cannot be read"), false;
	order = BN_cmp(m->number, number);
	if (order < 0)
		return publish_refuse(
			       r, "its CRL number is lower than a published one's"),
		       false;
	if (order == 0 && sha256 && strcmp(sha256, m->sha256) != 0)
		return publish_refuse(r, "another CRL with its number was published"),
		       false;
	return true;
}

static int note(json_t *marks, const struct mark *m, const struct publish_result *r)
{
	char *number = m->number ? BN_bn2hex(m->number) : NULL;
	json_t *entry = json_pack("{s:o,s:s,s:I}", "number", json_text(number), "sha256",
		m->sha256, "this_update", (json_int_t)r->this_update);
	int failed = !entry || json_object_set_new(marks, m->key, entry) < 0;

	OPENSSL_free(number);
	return failed ? -ENOMEM : 0;
}

static int write_marks(const char *path, const json_t *marks)
{
	_cleanup_(freep) char *text = json_canonical(marks);

	return text ? durable_write(path, span_str(text), 0644) : -ENOMEM;
}

/* The marks that there are; an unreadable file is no reason to begin anew. */
static int read_marks(const char *path, json_t **ret)
{
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;
	int r = file_read(path, MARKS_MAX, &data, &len);

	*ret = r == -ENOENT ? json_object()
	       : r == 0	    ? json_read(span_of(data, len), MARKS_MAX)
			    : NULL;
	if (r < 0 && r != -ENOENT)
		return r;
	return json_is_object(*ret) ? 0 : -EINVAL;
}

static bool in_force(const char *path, struct span der)
{
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;

	return file_read(path, PKI_CRL_MAX, &data, &len) == 0 &&
	       span_equal(span_of(data, len), der);
}

/* The mark is written before the file: after a power cut between the two the CRL is
 * published again, and no older one instead. */
int publish_file(const char *folder, const char *file, const struct mark *m,
	struct span der, struct publish_result *ret)
{
	_cleanup_json_ json_t *marks = NULL;
	char path[PATH_MAX], target[PATH_MAX];
	int r;

	if (snprintf(path, sizeof(path), "%s/marks.json", folder) >= PATH_MAX ||
		snprintf(target, sizeof(target), "%s/revocation/%s", folder, file) >=
			PATH_MAX)
		return -ENAMETOOLONG;
	r = read_marks(path, &marks);
	if (r < 0 || !follows(json_object_get(marks, m->key), m, ret))
		return r;
	ret->outcome = PUBLISH_UNCHANGED;
	if (in_force(target, der))
		return 0;
	r = note(marks, m, ret);
	if (r == 0)
		r = write_marks(path, marks);
	if (r == 0)
		r = durable_write(target, der, 0644);
	ret->outcome = r == 0 ? PUBLISH_DONE : PUBLISH_UNDECIDED;
	return r;
}

int trust_publish_crl(const char *folder, const char *name, struct span octets,
	X509 *issuer, int64_t now, struct publish_result *ret_result)
{
	_cleanup_(X509_CRL_freep) X509_CRL *crl = parse(octets);
	struct mark m = { .number = NULL };
	unsigned char *der = NULL;
	char file[300];
	int len, r;

	*ret_result = (struct publish_result){ .outcome = PUBLISH_UNDECIDED };
	if (!crl)
		return publish_refuse(ret_result, "it is not a CRL");
	if (!sound(crl, issuer, now, ret_result))
		return 0;
	(void)snprintf(file, sizeof(file), "%s.crl", name);
	len = i2d_X509_CRL(crl, &der);
	r = len > 0 ? mark_of(crl, span_of(der, (size_t)len), &m) : -ENOMEM;
	if (r == 0)
		r = publish_file(folder, file, &m, span_of(der, (size_t)len), ret_result);
	BN_free(m.number);
	OPENSSL_free(der);
	return r;
}
