/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The core of signature validation, from octets to core_valid, against two others on the
 * same documents in the same run, CPU of one thread:
 *
 *   floor    bare libraries: libxml2 parses; xmlC14NDocDumpMemory, exclusive, of the
 *            document without its signature, of the signed properties and of SignedInfo,
 *            each a tree of its own (node-sets would cost three times that); SHA-256;
 *            d2i_X509 of the signer's certificate; one EVP_DigestVerify with its key
 *   xmlsec   libxml2 parses, identifiers are registered, xmlSecDSigCtxVerify with the
 *            signer's key given to it: no certificate is decoded
 *
 *   bench_core ROUNDS FILE...
 *
 * Each round takes every file once by each of the three, by turns. Nobody compares
 * digests in the floor. Prints the best round of each, in microseconds a document, as
 * JSON.
 */
#include "common/durable.h"
#include "common/encode.h"
#include "common/limits.h"
#include "pki/proof.h"
#include "xades/validate.h"
#include "xml/node.h"

#include <libxml/c14n.h>
#include <libxml/parser.h>
#include <openssl/ecdsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <xmlsec/crypto.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>
#include <xmlsec/xmltree.h>

#define FILES_MAX 1024
#define DS "http://www.w3.org/2000/09/xmldsig#"

struct file {
	struct span octets;
	xmlSecKey *key; /* of its signer, for xmlsec */
};

struct bench {
	struct file files[FILES_MAX];
	size_t count;
	struct xades_options options;
};

static void fail(const char *what)
{
	fprintf(stderr, "bench_core: %s\n", what);
	exit(1);
}

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static xmlDoc *parse(struct span octets)
{
	xmlDoc *doc = xmlReadMemory(
		(const char *)octets.data, (int)octets.len, NULL, NULL, XML_PARSE_NONET);

	if (!doc)
		fail("a document cannot be parsed");
	return doc;
}

static xmlNode *find(xmlNode *n, const char *name)
{
	for (; n; n = n->next) {
		xmlNode *below;

		if (n->type == XML_ELEMENT_NODE &&
			strcmp((const char *)n->name, name) == 0)
			return n;
		below = n->type == XML_ELEMENT_NODE ? find(n->children, name) : NULL;
		if (below)
			return below;
	}
	return NULL;
}

static xmlNode *signature_of(xmlDoc *doc)
{
	xmlNode *s = find(xmlDocGetRootElement(doc), "Signature");

	if (!s)
		fail("a document has no signature");
	return s;
}

static X509 *certificate_of(xmlNode *signature)
{
	char *text = xml_text(find(signature, "X509Certificate"));
	const unsigned char *at;
	uint8_t *der;
	size_t len;
	X509 *x;

	if (!text || base64_decode(span_str(text), &der, &len) < 0)
		fail("a signature has no certificate");
	at = der;
	x = d2i_X509(NULL, &at, (long)len);
	if (!x)
		fail("a certificate cannot be decoded");
	free(der);
	free(text);
	return x;
}

/* libxml2's canonical form of a whole tree, which is far quicker than that of a node-set.
 */
static xmlChar *canonical(xmlDoc *doc, int *ret_len)
{
	xmlChar *text = NULL;

	*ret_len =
		xmlC14NDocDumpMemory(doc, NULL, XML_C14N_EXCLUSIVE_1_0, NULL, 0, &text);
	if (*ret_len <= 0)
		fail("canonicalisation");
	return text;
}

/* The same of one element: it becomes the root of a tree of its own. */
static xmlChar *canonical_of(xmlNode *element, int *ret_len)
{
	xmlDoc *doc = xmlNewDoc(BAD_CAST "1.0");
	xmlNode *copy = doc && element ? xmlDocCopyNode(element, doc, 1) : NULL;
	xmlChar *text;

	if (!copy)
		fail("copy of an element");
	xmlDocSetRootElement(doc, copy);
	text = canonical(doc, ret_len);
	xmlFreeDoc(doc);
	return text;
}

static void digest_and_free(xmlChar *text, int len)
{
	uint8_t digest[32];

	if (EVP_Digest(text, (size_t)len, digest, NULL, EVP_sha256(), NULL) != 1)
		fail("digest");
	xmlFree(text);
}

/* DER of a raw value of ECDSA; RSA's is taken as it is. */
static size_t value_of(xmlNode *signature, const EVP_PKEY *key, uint8_t out[1024])
{
	char *text = xml_text(find(signature, "SignatureValue"));
	uint8_t *raw, *at = out;
	size_t len;

	if (!text || base64_decode(span_str(text), &raw, &len) < 0 || len > 1024)
		fail("a signature has no value");
	if (EVP_PKEY_is_a(key, "EC")) {
		ECDSA_SIG *sig = ECDSA_SIG_new();

		ECDSA_SIG_set0(sig, BN_bin2bn(raw, (int)len / 2, NULL),
			BN_bin2bn(raw + len / 2, (int)len / 2, NULL));
		len = (size_t)i2d_ECDSA_SIG(sig, &at);
		ECDSA_SIG_free(sig);
	} else {
		memcpy(out, raw, len);
	}
	free(raw);
	free(text);
	return len;
}

static void floor_once(struct bench *b, const struct file *f)
{
	xmlDoc *doc = parse(f->octets);
	xmlNode *signature = signature_of(doc);
	X509 *x = certificate_of(signature);
	EVP_PKEY *key = X509_get0_pubkey(x);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t value[1024];
	size_t value_len = value_of(signature, key, value);
	xmlChar *text;
	int len;

	(void)b;
	text = canonical_of(find(signature, "SignedProperties"), &len);
	digest_and_free(text, len);
	text = canonical_of(find(signature, "SignedInfo"), &len);
	if (EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
		EVP_DigestVerify(ctx, value, value_len, text, (size_t)len) != 1)
		fail("the floor does not verify");
	EVP_MD_CTX_free(ctx);
	xmlFree(text);
	xmlUnlinkNode(signature);
	text = canonical(doc, &len);
	digest_and_free(text, len);
	xmlFreeNode(signature);
	X509_free(x);
	xmlFreeDoc(doc);
}

static void xmlsec_once(struct bench *b, const struct file *f)
{
	static const xmlChar *const IDS[] = { BAD_CAST "Id", NULL };
	xmlDoc *doc = parse(f->octets);
	xmlSecDSigCtx ctx;

	(void)b;
	xmlSecAddIDs(doc, xmlDocGetRootElement(doc), (const xmlChar **)(uintptr_t)IDS);
	if (xmlSecDSigCtxInitialize(&ctx, NULL) < 0)
		fail("xmlsec");
	ctx.signKey = xmlSecKeyDuplicate(f->key);
	if (xmlSecDSigCtxVerify(&ctx, signature_of(doc)) < 0 ||
		ctx.status != xmlSecDSigStatusSucceeded)
		fail("xmlsec does not verify");
	xmlSecDSigCtxFinalize(&ctx);
	xmlFreeDoc(doc);
}

static void ours_once(struct bench *b, const struct file *f)
{
	_cleanup_(xades_report_freep) struct xades_report *r = NULL;

	if (xades_validate(f->octets, &b->options, &r) < 0 || r->count != 1 ||
		!r->signatures[0].core_valid)
		fail("a core is not valid");
}

static void load(struct bench *b, const char *path)
{
	struct file *f = &b->files[b->count++];
	uint8_t *data, *der = NULL;
	size_t len;
	xmlDoc *doc;
	X509 *x;
	int n;

	if (file_read(path, LIMIT_DOCUMENT, &data, &len) < 0)
		fail(path);
	f->octets = span_of(data, len);
	doc = parse(f->octets);
	x = certificate_of(signature_of(doc));
	n = i2d_X509(x, &der);
	f->key = xmlSecCryptoAppKeyLoadMemory(
		der, (xmlSecSize)n, xmlSecKeyDataFormatCertDer, NULL, NULL, NULL);
	if (!f->key)
		fail("xmlsec cannot load a certificate");
	OPENSSL_free(der);
	X509_free(x);
	xmlFreeDoc(doc);
}

static double round_of(struct bench *b, void (*once)(struct bench *, const struct file *))
{
	double start = cpu_us();

	for (size_t i = 0; i < b->count; i++)
		once(b, &b->files[i]);
	return (cpu_us() - start) / (double)b->count;
}

static double least(double a, double b)
{
	return a > 0 && a < b ? a : b;
}

int main(int argc, char **argv)
{
	static struct bench b = { .options = {
					  .profile = XADES_EIDAS, .core_only = true } };
	double ours = 0, floor = 0, xmlsec = 0;
	struct pki_hits hits;
	int rounds;

	if (argc < 3 || argc - 2 > FILES_MAX)
		fail("usage: ROUNDS FILE...");
	rounds = (int)strtol(argv[1], NULL, 10);
	if (xades_setup() < 0 || xmlSecCryptoAppInit(NULL) < 0 || xmlSecCryptoInit() < 0)
		fail("set-up");
	for (int i = 2; i < argc; i++)
		load(&b, argv[i]);
	for (int i = 0; i <= rounds; i++) {
		double o = round_of(&b, ours_once), f = round_of(&b, floor_once);
		double x = round_of(&b, xmlsec_once);

		if (i == 0)
			continue; /* warm-up */
		ours = least(ours, o);
		floor = least(floor, f);
		xmlsec = least(xmlsec, x);
	}
	hits = pki_parsed_hits();
	printf("{\"documents\": %zu, \"ours_us\": %.1f, \"floor_us\": %.1f, "
	       "\"xmlsec_us\": "
	       "%.1f, \"certificates\": [%zu, %zu]}\n",
		b.count, ours, floor, xmlsec, (size_t)hits.found, (size_t)hits.missed);
	return 0;
}
