/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The store of trusted lists: how long a snapshot takes to be mapped and seen whole, and
 * how long the qualification of one certificate takes.
 *
 *   bench_trust FOLDER COUNT    a store of COUNT certificates is made in FOLDER, each of
 *                               them a service with a history and criteria
 *   bench_trust STORE           a store that is there; its certificates qualify themselves
 *
 * Times are the processor's, which other programs do not lengthen.
 * Prints one JSON object: certificates, services, octets, map_us (the fastest and the mean
 * of 20), qualify_us (the mean over all certificates).
 */
#include "common/digest.h"
#include "tests/unit/trust/made.h"
#include "trust/map.h"
#include "trust/qualify.h"

#include <openssl/conf.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#define MAPS 20
#define AT INT64_C(1780660800)

static void fail(const char *what)
{
	fprintf(stderr, "bench_trust: %s\n", what);
	exit(1);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void extend(X509 *x, int nid, const char *value)
{
	CONF *none = NCONF_new(NULL);
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, NULL, x, NULL, NULL, 0);
	X509V3_set_nconf(&ctx, none);
	e = X509V3_EXT_nconf_nid(none, &ctx, nid, value);
	if (!e || X509_add_ext(x, e, -1) != 1)
		fail(value);
	X509_EXTENSION_free(e);
	NCONF_free(none);
}

/* issuer NULL: a CA that signs itself. */
static X509 *certificate(long number, X509 *issuer, EVP_PKEY *key, EVP_PKEY *by)
{
	X509 *x = X509_new(), *again;
	unsigned char *der = NULL;
	char name[32];
	int len;

	snprintf(name, sizeof(name), "%s %ld", issuer ? "Seal" : "Authority", number);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), number + 1);
	ASN1_TIME_set(X509_getm_notBefore(x), AT - 86400);
	ASN1_TIME_set(X509_getm_notAfter(x), AT + 86400 * 700);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
		(const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
	X509_set_pubkey(x, key);
	extend(x, NID_key_usage, issuer ? "critical,nonRepudiation" : "keyCertSign");
	if (issuer)
		extend(x, NID_certificate_policies, "2.999.1.2");
	if (X509_sign(x, by, EVP_sha256()) <= 0)
		fail("signing");
	len = i2d_X509(x, &der);
	again = pki_certificate_parse(span_of(der, (size_t)len));
	OPENSSL_free(der);
	X509_free(x);
	return again;
}

static STACK_OF(X509) * chain_of(X509 *leaf, X509 *issuer)
{
	STACK_OF(X509) *chain = sk_X509_new_null();

	sk_X509_push(chain, leaf);
	if (issuer)
		sk_X509_push(chain, issuer);
	return chain;
}

/* Make a store. Return: a chain to each certificate. */
static STACK_OF(X509) * *make(const char *store, size_t count)
{
	STACK_OF(X509) **chains = calloc(count, sizeof(STACK_OF(X509) *));
	X509 **authorities = calloc(count, sizeof(*authorities));
	EVP_PKEY *of_leaves = EVP_EC_gen("P-256");

	for (size_t i = 0; i < count; i++) {
		EVP_PKEY *key = EVP_EC_gen("P-256");

		authorities[i] = certificate((long)i, NULL, key, key);
		chains[i] = chain_of(
			certificate((long)i, authorities[i], of_leaves, key),
			authorities[i]);
		EVP_PKEY_free(key);
	}
	if (made_store(store, authorities, count, AT) < 0)
		fail(store);
	free(authorities);
	EVP_PKEY_free(of_leaves);
	return chains;
}

static STACK_OF(X509) * *themselves(const struct trust_snapshot *s, size_t count)
{
	STACK_OF(X509) **chains = calloc(count, sizeof(STACK_OF(X509) *));

	for (size_t i = 0; i < count; i++) {
		X509 *x = pki_certificate_parse(map_der(s->map, &s->map->certificates[i]));

		if (!x)
			fail("a certificate cannot be read");
		chains[i] = chain_of(x, NULL);
	}
	return chains;
}

static struct trust_snapshot *open_store(const char *store)
{
	struct trust_snapshot *s = NULL;
	char *error = NULL;

	if (trust_snapshot_open(store, INT64_MAX, &s, &error) < 0)
		fail(error ? error : store);
	return s;
}

static void time_maps(const char *store, double *ret_best, double *ret_mean)
{
	double all = 0;

	*ret_best = 1e9;
	for (int i = 0; i < MAPS; i++) {
		double start = now_us(), took;

		trust_snapshot_free(open_store(store));
		took = now_us() - start;
		all += took;
		*ret_best = took < *ret_best ? took : *ret_best;
	}
	*ret_mean = all / MAPS;
}

int main(int argc, char **argv)
{
	/* Lists of a store that is there may have ended. */
	struct qualify_terms ever = { .grace = INT64_C(100) * 366 * 86400 };
	size_t made = argc == 3 ? strtoul(argv[2], NULL, 10) : 0, count, qualified = 0;
	STACK_OF(X509) **chains = NULL;
	struct trust_snapshot *s;
	double best, mean, start;

	if (argc < 2 || (argc == 3 && made == 0))
		fail("usage: FOLDER COUNT, or STORE");
	if (made)
		chains = make(argv[1], made);
	time_maps(argv[1], &best, &mean);
	s = open_store(argv[1]);
	count = s->map->header->parts[MAP_CERTIFICATES].count;
	if (!made)
		chains = themselves(s, count);
	ever.now = s->at;
	start = now_us();
	for (size_t i = 0; i < count; i++) {
		struct qualification q;

		trust_qualify_certificate(s, made ? NULL : &ever, chains[i], AT, &q);
		qualified += q.qc;
		if (made ? !q.qc : !q.listed)
			fail("a certificate is not found");
	}
	printf("{\"certificates\": %zu, \"services\": %zu, \"octets\": %zu, \"map_us\": "
	       "[%.0f, %.0f], \"qualify_us\": %.2f, \"qualified\": %zu}\n",
		count, trust_snapshot_services(s), s->octets.len, best, mean,
		(now_us() - start) / (double)count, qualified);
	trust_snapshot_free(s);
	return 0;
}
