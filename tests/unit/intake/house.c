/* SPDX-License-Identifier: EUPL-1.2 */
#include "house.h"

#include "common/clock.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DAY_S 86400L

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "house: %s\n", what);
	abort();
}

static void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *e;

	X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	must(e && X509_add_ext(x, e, -1), "extension");
	X509_EXTENSION_free(e);
}

static void set_name(X509 *x, const char *name)
{
	X509_NAME *n = X509_get_subject_name(x);

	must(X509_NAME_add_entry_by_txt(
		     n, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0),
		"name");
}

static void set_serial(X509 *x)
{
	unsigned char octets[8];
	BIGNUM *n;

	must(RAND_bytes(octets, sizeof(octets)) == 1, "random");
	octets[0] = (octets[0] & 0x3F) | 0x40;
	n = BN_bin2bn(octets, sizeof(octets), NULL);
	must(BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL, "serial");
	BN_free(n);
}

static char *escape(const X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem, *out, *text;
	long len;

	must(PEM_write_bio_X509(bio, certificate), "PEM");
	len = BIO_get_mem_data(bio, &pem);
	text = out = malloc((size_t)len * 3 + 1);
	for (long i = 0; i < len; i++)
		out += strchr("\n+/= ", pem[i])
			       ? snprintf(out, 4, "%%%02X", (unsigned)pem[i])
			       : snprintf(out, 2, "%c", pem[i]);
	BIO_free(bio);
	return text;
}

static void extend(
	X509 *x, const struct person *issuer, const char *usage, const char *eku)
{
	X509 *by = issuer ? issuer->certificate : x;

	add_extension(x, by, NID_basic_constraints,
		issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
	add_extension(x, by, NID_key_usage, usage);
	if (eku)
		add_extension(x, by, NID_ext_key_usage, eku);
	add_extension(x, by, NID_subject_key_identifier, "hash");
	if (issuer)
		add_extension(x, by, NID_authority_key_identifier, "keyid");
}

static void make(struct person *p, const char *name, const struct person *issuer,
	long from, long to, const char *usage, const char *eku)
{
	X509 *x = X509_new();

	p->key = EVP_EC_gen("P-256");
	must(x && p->key, "key");
	X509_set_version(x, X509_VERSION_3);
	set_serial(x);
	set_name(x, name);
	X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer->certificate : x));
	X509_time_adj_ex(X509_getm_notBefore(x), 0, from, &(time_t){ clock_now() });
	X509_time_adj_ex(X509_getm_notAfter(x), 0, to, &(time_t){ clock_now() });
	X509_set_pubkey(x, p->key);
	extend(x, issuer, usage, eku);
	must(X509_sign(x, issuer ? issuer->key : p->key, EVP_sha256()), "signature");
	must(pki_certificate_sha256(x, p->sha256) == 0, "digest");
	p->certificate = x;
	p->escaped = escape(x);
}

static void make_authority(struct person *p, const char *name)
{
	make(p, name, NULL, -DAY_S, 3000 * DAY_S, "critical,keyCertSign,cRLSign", NULL);
}

static void make_client(
	struct person *p, const char *name, const struct person *issuer, long to)
{
	make(p, name, issuer, -DAY_S, to, "critical,digitalSignature", "clientAuth");
}

static void make_people(struct house *h)
{
	struct person other;

	make_authority(&h->authority, "Partner authority");
	make_authority(&other, "Another authority");
	make_client(&h->kenya, "Kenya", &h->authority, 100 * DAY_S + 60);
	make_client(&h->chile, "Chile", &h->authority, 100 * DAY_S);
	make_client(&h->suspended, "Suspended", &h->authority, 100 * DAY_S);
	make_client(&h->stranger, "Stranger", &h->authority, 100 * DAY_S);
	make_client(&h->expired, "Expired", &h->authority, -60);
	make_client(&h->rogue, "Rogue", &other, 100 * DAY_S);
	make(&h->receipt, "Receipts", &h->authority, -DAY_S, 100 * DAY_S,
		"critical,digitalSignature", NULL);
	EVP_PKEY_free(other.key);
	X509_free(other.certificate);
	free(other.escaped);
}

static FILE *create(const struct house *h, const char *name)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", h->dir, name);
	f = fopen(path, "w");
	must(f != NULL, path);
	return f;
}

void house_policy(const struct house *h, const char *name, const char *format, ...)
{
	char path[PATH_MAX];
	va_list ap;
	FILE *f;

	snprintf(path, sizeof(path), "policies/%s", name);
	f = create(h, path);
	va_start(ap, format);
	vfprintf(f, format, ap);
	va_end(ap);
	fclose(f);
}

void house_enrol_kenya(const struct house *h, const char *type)
{
	house_policy(h, "partners/ke-kephis.cfg",
		"name = \"ke-kephis\"; country = \"KE\"; transport = ( \"%s\", \"%s\", "
		"\"%s\" );"
		" signers = ( ); types = ( \"%s\" );",
		h->kenya.sha256, h->expired.sha256, h->rogue.sha256, type);
}

static void write_policies(const struct house *h)
{
	house_enrol_kenya(h, "PHYTO");
	house_policy(h, "versions/sps-16.cfg",
		"name = \"16\"; sunset = \"2027-01-01T00:00:00Z\"; experimental = true;\n"
		"namespaces = ( { of = \"urn:16\"; as = \"urn:17\"; } );\n");
	house_policy(h, "partners/cl-sag.cfg",
		"name = \"cl-sag\"; country = \"CL\"; transport = ( \"%s\" );"
		" signers = ( ); types = ( \"PHYTO\" ); tls12 = true;",
		h->chile.sha256);
	house_policy(h, "partners/zz-gone.cfg",
		"name = \"zz-gone\"; country = \"ZZ\"; transport = ( \"%s\" );"
		" signers = ( ); types = ( \"PHYTO\" ); suspended = true;",
		h->suspended.sha256);
	house_policy(
		h, "routes/destinations/traces.cfg", "url = \"https://127.0.0.1:1/\";\n");
	house_policy(h, "routes/all.cfg",
		"rules = ( { types = ( \"PHYTO\" ); import_countries = ( \"NL\" );"
		" destinations = ( \"traces\" ); } );");
}

static void make_folders(const struct house *h)
{
	static const char *const folders[] = { "policies", "policies/partners",
		"policies/versions", "policies/routes", "policies/routes/destinations",
		"run", "tls", "state", "state/trust", "state/trust/revocation" };

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", h->dir, folders[i]);
		must(mkdir(path, 0700) == 0, path);
	}
}

void house_withdraw_crl(const struct house *h)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/state/trust/revocation/partners.crl", h->dir);
	must(unlink(path) == 0, path);
}

void house_build(struct house *h)
{
	_cleanup_(freep) char *error = NULL;
	FILE *f;

	*h = (struct house){ .dir = "/tmp/sealgate-intake-XXXXXX" };
	must(mkdtemp(h->dir) != NULL, "folder");
	make_folders(h);
	make_people(h);
	f = create(h, "tls/partner-ca.pem");
	PEM_write_X509(f, h->authority.certificate);
	fclose(f);
	f = create(h, "sealgate.conf");
	fputs("instance: { name = \"unit\"; test = true; };\n", f);
	fclose(f);
	write_policies(h);
	if (instance_open(h->dir, &h->instance, &error) < 0)
		must(0, error);
	house_publish_crl(h, NULL, 86400);
}

static void forget(struct person *p)
{
	EVP_PKEY_free(p->key);
	X509_free(p->certificate);
	free(p->escaped);
}

void house_tear_down(struct house *h)
{
	char command[128];

	instance_done(&h->instance);
	forget(&h->authority);
	forget(&h->kenya);
	forget(&h->chile);
	forget(&h->suspended);
	forget(&h->stranger);
	forget(&h->expired);
	forget(&h->rogue);
	forget(&h->receipt);
	snprintf(command, sizeof(command), "rm -rf %s", h->dir);
	must(system(command) == 0, command);
}

size_t person_der(const struct person *p, unsigned char **ret_der)
{
	int len;

	*ret_der = NULL;
	len = i2d_X509(p->certificate, ret_der);
	must(len > 0, "DER");
	return (size_t)len;
}

static void add_revoked(X509_CRL *crl, const struct person *p)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, clock_now() - 60);

	X509_REVOKED_set_serialNumber(r, X509_get_serialNumber(p->certificate));
	X509_REVOKED_set_revocationDate(r, t);
	must(X509_CRL_add0_revoked(crl, r), "revoked");
	ASN1_TIME_free(t);
}

void house_publish_crl(
	const struct house *h, const struct person *revoked, long next_update)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *last = ASN1_TIME_set(NULL, clock_now() - DAY_S / 2);
	ASN1_TIME *next = ASN1_TIME_set(NULL, clock_now() + next_update);
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	X509V3_CTX context;
	X509_EXTENSION *e;
	FILE *f;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(h->authority.certificate));
	X509_CRL_set1_lastUpdate(crl, last);
	X509_CRL_set1_nextUpdate(crl, next);
	ASN1_INTEGER_set(number, 1);
	X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0);
	X509V3_set_ctx(&context, h->authority.certificate, NULL, NULL, crl, 0);
	e = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid");
	must(e && X509_CRL_add_ext(crl, e, -1), "extension");
	X509_EXTENSION_free(e);
	if (revoked)
		add_revoked(crl, revoked);
	must(X509_CRL_sign(crl, h->authority.key, EVP_sha256()), "signature");
	f = create(h, "state/trust/revocation/partners.crl");
	PEM_write_X509_CRL(f, crl);
	fclose(f);
	ASN1_TIME_free(last);
	ASN1_TIME_free(next);
	ASN1_INTEGER_free(number);
	X509_CRL_free(crl);
}
