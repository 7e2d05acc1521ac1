/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * CPU of a whole verification against a floor of bare libraries on the same documents.
 *
 *   bench_verify INSTANCE PARTNER SCHEMA VERIFICATIONS FILE...
 *
 * Floor: parse, schema validation, one exclusive canonicalisation pass and SHA-256 for each
 * ds:Reference over the document, VERIFICATIONS P-256 verifications. References to a few
 * hundred octets (SignedProperties, SignatureValue) and SignedInfo are left out of it. Every
 * file is taken once a round, so nothing that is kept by document would help.
 */
#include "common/clock.h"
#include "common/durable.h"
#include "document/types.h"
#include "policy/admit.h"
#include "trust/store.h"
#include "xades/validate.h"

#include <libxml/c14n.h>
#include <libxml/parser.h>
#include <libxml/xmlschemas.h>
#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILES_MAX 512
#define ROUNDS 5

struct bench {
	struct span files[FILES_MAX];
	size_t count;
	const char *partner;
	struct admit_context context;
	xmlSchema *schema;
	EVP_PKEY *key;
	uint8_t digest[32], value[128];
	size_t value_len;
	int verifications;
};

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void fail(const char *what)
{
	fprintf(stderr, "bench_verify: %s\n", what);
	exit(1);
}

static void quiet(void *context, const char *message, ...)
{
	(void)context;
	(void)message;
}

static void load_gate(struct bench *b, const char *instance)
{
	char policies[4096], anchors[4096], revocation[4096], *error = NULL;
	struct policy *policy;
	struct document_types *types;
	struct trust_store *store;

	snprintf(policies, sizeof(policies), "%s/policies", instance);
	snprintf(anchors, sizeof(anchors), "%s/policies/anchors", instance);
	snprintf(revocation, sizeof(revocation), "%s/state/trust/revocation", instance);
	if (policy_load(policies, &policy, &error) < 0 ||
		document_types_load(policies, &types, &error) < 0 ||
		trust_store_open(anchors, revocation, &store, &error) < 0 || xades_setup() < 0)
		fail(error ? error : "the instance cannot be loaded");
	b->context = (struct admit_context){ .policy = policy, .types = types,
		.material = trust_signature_material(store),
		.signers = trust_material(store, TRUST_SIGNERS),
		.tsa = trust_material(store, TRUST_TSA),
		.store_version = trust_store_version(store) };
}

static void load_floor(struct bench *b, const char *schema)
{
	xmlSchemaParserCtxt *p = xmlSchemaNewParserCtxt(schema);
	EVP_PKEY_CTX *c;

	xmlSchemaSetParserErrors(p, quiet, quiet, NULL);
	b->schema = xmlSchemaParse(p);
	xmlSchemaFreeParserCtxt(p);
	b->key = EVP_EC_gen("P-256");
	c = EVP_PKEY_CTX_new(b->key, NULL);
	b->value_len = sizeof(b->value);
	if (!b->schema || EVP_PKEY_sign_init(c) != 1 ||
		EVP_PKEY_sign(c, b->value, &b->value_len, b->digest, sizeof(b->digest)) != 1)
		fail("the floor cannot be made");
	EVP_PKEY_CTX_free(c);
}

static void gate_once(const struct bench *b, struct span octets, int64_t at)
{
	struct verdict verdict;
	json_t *report = NULL;

	if (admit(&b->context, octets, b->partner, at, &verdict, &report) < 0 ||
		verdict.decision != DECISION_ACCEPTED)
		fail("a document was not accepted");
	json_decref(report);
}

static size_t occurrences(struct span octets, const char *what)
{
	size_t n = 0;

	for (const char *p = (const char *)octets.data; (p = strstr(p, what)); p++)
		n++;
	return n;
}

static void canonical_once(xmlDoc *doc)
{
	xmlChar *text = NULL;
	uint8_t digest[32];
	int len = xmlC14NDocDumpMemory(doc, NULL, XML_C14N_EXCLUSIVE_1_0, NULL, 0, &text);

	if (len <= 0 || EVP_Digest(text, (size_t)len, digest, NULL, EVP_sha256(), NULL) != 1)
		fail("canonicalisation");
	xmlFree(text);
}

static void floor_once(const struct bench *b, struct span octets)
{
	size_t passes = occurrences(octets, " URI=\"\"");
	xmlDoc *doc = xmlReadMemory((const char *)octets.data, (int)octets.len, NULL, NULL,
		XML_PARSE_NONET | XML_PARSE_COMPACT);
	xmlSchemaValidCtxt *v = xmlSchemaNewValidCtxt(b->schema);

	xmlSchemaSetValidErrors(v, quiet, quiet, NULL);
	(void)xmlSchemaValidateDoc(v, doc);
	xmlSchemaFreeValidCtxt(v);
	for (size_t i = 0; i < passes; i++)
		canonical_once(doc);
	for (int i = 0; i < b->verifications; i++) {
		EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(b->key, NULL);

		if (EVP_PKEY_verify_init(c) != 1 ||
			EVP_PKEY_verify(c, b->value, b->value_len, b->digest, 32) != 1)
			fail("verification");
		EVP_PKEY_CTX_free(c);
	}
	xmlFreeDoc(doc);
}

static double gate_round(const struct bench *b, int64_t at)
{
	double start = cpu_us();

	for (size_t i = 0; i < b->count; i++)
		gate_once(b, b->files[i], at);
	return (cpu_us() - start) / (double)b->count;
}

static double floor_round(const struct bench *b)
{
	double start = cpu_us();

	for (size_t i = 0; i < b->count; i++)
		floor_once(b, b->files[i]);
	return (cpu_us() - start) / (double)b->count;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static struct bench b;
	double gate[ROUNDS], floor[ROUNDS];
	int64_t at = clock_now();

	if (argc < 6 || argc - 5 > FILES_MAX)
		fail("usage: INSTANCE PARTNER SCHEMA VERIFICATIONS FILE...");
	b.partner = argv[2];
	b.verifications = (int)strtol(argv[4], NULL, 10);
	for (int i = 5; i < argc; i++) {
		uint8_t *data;
		size_t len;

		if (file_read(argv[i], LIMIT_DOCUMENT, &data, &len) < 0)
			fail(argv[i]);
		b.files[b.count++] = span_of(data, len);
	}
	load_floor(&b, argv[3]); /* before the gate closes the door to files */
	load_gate(&b, argv[1]);
	gate_round(&b, at);
	floor_round(&b);
	for (int i = 0; i < ROUNDS; i++) {
		gate[i] = gate_round(&b, at);
		floor[i] = floor_round(&b);
	}
	qsort(gate, ROUNDS, sizeof(gate[0]), by_value);
	qsort(floor, ROUNDS, sizeof(floor[0]), by_value);
	printf("{\"documents\": %zu, \"octets\": %zu, \"gate_us\": %.1f, \"floor_us\": %.1f, "
	       "\"ratio\": %.2f}\n",
		b.count, b.files[0].len, gate[ROUNDS / 2], floor[ROUNDS / 2],
		gate[ROUNDS / 2] / floor[ROUNDS / 2]);
	return 0;
}
