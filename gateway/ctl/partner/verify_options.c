/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/partner/verify_options.h"
#include "ctl/command.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/encode.h"
#include "pki/certificate.h"
#include "trust/kind.h"
#include "trust/store.h"

#include <errno.h>
#include <limits.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DETACHED_FILE_MAX (256u * 1024 * 1024)
#define DETACHED_COUNT_MAX 10000u
#define LIST_FILE_MAX (16u * 1024 * 1024)
#define KEY_FILE_MAX 65536u

static int complain(const char *what, const char *value)
{
	fprintf(stderr, "sealgate verify: %s: %s\n", what, value);
	return -1;
}

static const char *digest_name(const char *given, size_t len)
{
	static const struct {
		const char *spelling, *name;
	} NAMES[] = { { "SHA1", "SHA1" }, { "SHA-1", "SHA1" }, { "SHA224", "SHA224" },
		{ "SHA-224", "SHA224" }, { "SHA256", "SHA256" }, { "SHA-256", "SHA256" },
		{ "SHA384", "SHA384" }, { "SHA-384", "SHA384" }, { "SHA512", "SHA512" },
		{ "SHA-512", "SHA512" }, { "SHA3-256", "SHA3-256" },
		{ "SHA3-384", "SHA3-384" }, { "SHA3-512", "SHA3-512" }, { "MD5", "MD5" },
		{ "RIPEMD160", "RIPEMD160" } };

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		if (strlen(NAMES[i].spelling) == len &&
			strncasecmp(NAMES[i].spelling, given, len) == 0)
			return NAMES[i].name;
	return NULL;
}

/* DIGEST:ALG:BASE64:NAME, the name being everything after the third colon. */
static int read_digest(const char *value, struct xades_detached *d)
{
	const char *alg = value + strlen("DIGEST:");
	const char *digest = strchr(alg, ':');
	const char *name = digest ? strchr(digest + 1, ':') : NULL;
	uint8_t *octets;
	size_t len;

	if (!name)
		return -1;
	d->digest_algorithm = digest_name(alg, (size_t)(digest - alg));
	if (!d->digest_algorithm ||
		base64_decode(span_of(digest + 1, (size_t)(name - digest - 1)), &octets,
			&len) < 0)
		return -1;
	d->data = span_of(octets, len);
	d->name = strdup(name + 1);
	return d->name ? 0 : -1;
}

/* FILE|NAME, split at the last bar; the name is the file's base name otherwise. */
static int read_detached_file(const char *value, struct xades_detached *d)
{
	const char *bar = strrchr(value, '|');
	size_t path_len = bar ? (size_t)(bar - value) : strlen(value);
	char path[PATH_MAX];
	const char *slash;
	uint8_t *octets;
	size_t len;

	if (path_len >= sizeof(path))
		return -1;
	memcpy(path, value, path_len);
	path[path_len] = '\0';
	slash = strrchr(path, '/');
	if (file_read(path, DETACHED_FILE_MAX, &octets, &len) < 0)
		return -1;
	d->data = span_of(octets, len);
	d->name = strdup(bar ? bar + 1 : slash ? slash + 1 : path);
	return d->name ? 0 : -1;
}

static int add_detached(struct verify_options *o, const char *value)
{
	size_t n = o->validation.detached_count;
	struct xades_detached *list;

	if (n == DETACHED_COUNT_MAX)
		return complain("too many detached files", value);
	list = realloc(o->detached, (n + 1) * sizeof(*list));
	if (!list)
		return complain("no memory", value);
	o->detached = list;
	o->validation.detached = list;
	list[n] = (struct xades_detached){ 0 };
	o->validation.detached_count = n + 1;
	if ((strncmp(value, "DIGEST:", 7) == 0 ? read_digest(value, &list[n])
					       : read_detached_file(value, &list[n])) < 0)
		return complain("cannot read detached data", value);
	return 0;
}

static int add_detached_list(struct verify_options *o, const char *path)
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len;
	char *line;

	if (file_read(path, LIST_FILE_MAX, &text, &len) < 0)
		return complain("cannot read", path);
	line = (char *)text;
	while (line && *line) {
		char *end = strchr(line, '\n');

		if (end)
			*end = '\0';
		line[strcspn(line, "\r")] = '\0';
		if (*line && add_detached(o, line) < 0)
			return -1;
		line = end ? end + 1 : NULL;
	}
	return 0;
}

static int load(struct verify_options *o, enum pki_kind kind, const char *path)
{
	_cleanup_(freep) char *error = NULL;

	if (pki_material_load(o->material, kind, path, &error) >= 0)
		return 0;
	return complain(error ? error : "cannot read", path);
}

static int add_sunset(struct verify_options *o, X509 *anchor, int64_t at)
{
	size_t n = o->validation.sunset_count;
	struct xades_sunset *list = realloc(o->sunsets, (n + 1) * sizeof(*list));

	if (!list || !X509_up_ref(anchor)) {
		o->sunsets = list ? list : o->sunsets;
		return -1;
	}
	list[n] = (struct xades_sunset){ .anchor = anchor, .at = at };
	o->sunsets = list;
	o->validation.sunsets = list;
	o->validation.sunset_count = n + 1;
	return 0;
}

/* FILE|TIME: the anchors of a file, which count until a time. */
static int load_sunset(struct verify_options *o, const char *value)
{
	_cleanup_(pki_material_freep) struct pki_material *m = pki_material_new();
	_cleanup_(freep) char *path = strdup(value), *error = NULL;
	char *bar = path ? strrchr(path, '|') : NULL;
	int64_t at;

	if (!m || !bar || clock_parse(bar + 1, &at) < 0)
		return complain("not FILE|TIME", value);
	*bar = '\0';
	if (pki_material_load(m, PKI_ANCHORS, path, &error) < 0)
		return complain(error ? error : "cannot read", path);
	for (int i = 0; i < sk_X509_num(m->anchors); i++)
		if (add_sunset(o, sk_X509_value(m->anchors, i), at) < 0)
			return complain("no memory", value);
	return pki_material_add_anchors_of(o->material, m) < 0
		       ? complain("no memory", value)
		       : 0;
}

static int load_key(struct verify_options *o, const char *path)
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len;
	BIO *bio;

	if (file_read(path, KEY_FILE_MAX, &text, &len) < 0)
		return complain("cannot read", path);
	trust_snapshot_free(o->snapshot);
	EVP_PKEY_free(o->validation.key);
	bio = BIO_new_mem_buf(text, (int)len);
	o->validation.key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	return o->validation.key ? 0 : complain("not a public key in PEM", path);
}

static int read_profile(struct verify_options *o, const char *name)
{
	if (strcmp(name, "eidas") == 0)
		o->validation.profile = XADES_EIDAS;
	else if (strcmp(name, "gate") == 0)
		o->validation.profile = XADES_GATE;
	else
		return complain("unknown profile", name);
	return 0;
}

static int read_format(struct verify_options *o, const char *name)
{
	if (strcmp(name, "json") == 0)
		o->format = VERIFY_JSON;
	else if (strcmp(name, "text") == 0)
		o->format = VERIFY_TEXT;
	else if (strcmp(name, "etsi") == 0)
		o->format = VERIFY_ETSI;
	else
		return complain("unknown format", name);
	return 0;
}

static int read_option(struct verify_options *o, int option, const char *value)
{
	switch (option) {
	case 'a':
		return load(o, PKI_ANCHORS, value);
	case 'u':
		return load_sunset(o, value);
	case 'c':
		return load(o, PKI_CERTIFICATES, value);
	case 'r':
		return load(o, PKI_REVOCATION, value);
	case 'k':
		return load_key(o, value);
	case 't':
		return clock_parse(value, &o->validation.at) == 0
			       ? 0
			       : complain("not an RFC 3339 time", value);
	case 'p':
		return read_profile(o, value);
	case 'd':
		return add_detached(o, value);
	case 'l':
		return add_detached_list(o, value);
	case 'f':
		return read_format(o, value);
	case 's':
		o->store = value;
		return 0;
	case 'n':
		return clock_parse(value, &o->known_at) == 0
			       ? 0
			       : complain("not an RFC 3339 time", value);
	default:
		return -1;
	}
}

/* The certificates of listed services are anchors beside those that are named. */
static int open_lists(struct verify_options *o, char **ret_error)
{
	if (trust_snapshot_open(o->store, o->known_at, &o->snapshot, ret_error) < 0)
		return -1;
	memcpy(o->store_version, o->snapshot->version, sizeof(o->store_version));
	return trust_snapshot_anchors(o->snapshot, o->material);
}

/* Anchors of signers and time-stamps as an instance has them, with revocation/ beside
 * them when it is there. */
static int open_anchors(struct verify_options *o, char **ret_error)
{
	_cleanup_(trust_store_closep) struct trust_store *store = NULL;
	char revocation[PATH_MAX];

	if (snprintf(revocation, sizeof(revocation), "%s/revocation", o->store) >=
			PATH_MAX ||
		trust_store_open(o->store, revocation, &store, ret_error) < 0 ||
		(access(revocation, F_OK) == 0 &&
			pki_material_load(
				o->material, PKI_REVOCATION, revocation, ret_error) < 0))
		return -1;
	memcpy(o->store_version, trust_store_version(store), sizeof(o->store_version));
	return pki_material_add_anchors_of(o->material, trust_signature_material(store));
}

static int open_store(struct verify_options *o)
{
	_cleanup_(freep) char *error = NULL;
	enum trust_kind kind = TRUST_NO_STORE;
	int r;

	if (!o->store)
		return 0;
	r = trust_kind_of(o->store, &kind, &error);
	if (r == 0)
		r = kind == TRUST_SNAPSHOTS ? open_lists(o, &error)
					    : open_anchors(o, &error);
	return r == 0 ? 0 : complain("--store", error ? error : o->store);
}

int verify_options_read(struct verify_options *o, int argc, char **argv)
{
	static const struct option OPTIONS[] = {
		{ "anchors", required_argument, NULL, 'a' },
		{ "sunset", required_argument, NULL, 'u' },
		{ "certs", required_argument, NULL, 'c' },
		{ "revocation", required_argument, NULL, 'r' },
		{ "key", required_argument, NULL, 'k' },
		{ "store", required_argument, NULL, 's' },
		{ "as-known-at", required_argument, NULL, 'n' },
		{ "at", required_argument, NULL, 't' },
		{ "profile", required_argument, NULL, 'p' },
		{ "detached", required_argument, NULL, 'd' },
		{ "detached-list", required_argument, NULL, 'l' },
		{ "format", required_argument, NULL, 'f' },
		{ 0 },
	};
	int option;

	*o = (struct verify_options){ .validation.profile = XADES_EIDAS,
		.validation.at = clock_now(),
		.known_at = INT64_MAX };
	o->material = pki_material_new();
	if (!o->material)
		return complain("no memory", "options");
	o->validation.material = o->material;
	optind = 1;
	while ((option = command_option(argc, argv, "", OPTIONS)) != -1)
		if (read_option(o, option, optarg) < 0)
			return -1;
	if (open_store(o) < 0)
		return -1;
	return command_arguments(argc, argv, 1, INT_MAX, "FILE") < 0 ? -1 : optind;
}

void verify_options_done(struct verify_options *o)
{
	for (size_t i = 0; i < o->validation.detached_count; i++) {
		void *data;

		memcpy(&data, &o->detached[i].data.data, sizeof(data));
		free(data);
		memcpy(&data, &o->detached[i].name, sizeof(data));
		free(data);
	}
	free(o->detached);
	for (size_t i = 0; i < o->validation.sunset_count; i++) {
		X509 *anchor;

		memcpy(&anchor, &o->sunsets[i].anchor, sizeof(anchor));
		X509_free(anchor);
	}
	free(o->sunsets);
	EVP_PKEY_free(o->validation.key);
	pki_material_free(o->material);
	*o = (struct verify_options){ 0 };
}
