/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/clock.h"
#include "common/durable.h"
#include "common/id.h"
#include "common/limits.h"
#include "ctl/command.h"
#include "ctl/partner/sign_key.h"
#include "ctl/partner/tsa_query.h"
#include "pki/certificate.h"
#include "pki/material.h"
#include "xades/create.h"
#include "xades/validate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct sign_options {
	struct xades_plan plan;
	EVP_PKEY *key;
	X509 *certificate;
	struct pki_material *chain;
	const X509 **more; /* of chain, as the plan wants it */
	const char *tsa, *out;
	char id[DOCUMENT_ID_SIZE + 8];
};

static int complain(const char *what, const char *value)
{
	fprintf(stderr, "sealgate sign: %s: %s\n", what, value);
	return -1;
}

static int load_chain(struct sign_options *o, const char *path)
{
	_cleanup_(freep) char *error = NULL;

	if (!o->chain)
		o->chain = pki_material_new();
	if (o->chain && pki_material_load(o->chain, PKI_CERTIFICATES, path, &error) >= 0)
		return 0;
	return complain(error ? error : "cannot read", path);
}

static int read_option(struct sign_options *o, int option, const char *value)
{
	switch (option) {
	case 'k':
		o->key = sign_key_read(value);
		return o->key ? 0 : -1;
	case 'c':
		o->certificate = pki_certificate_read(value);
		return o->certificate ? 0 : complain("no certificate", value);
	case 'h':
		return load_chain(o, value);
	case 'p':
		o->plan.place = XADES_PARALLEL;
		return 0;
	case 'n':
		o->plan.place = XADES_COUNTER;
		return 0;
	case 't':
		o->tsa = value;
		return 0;
	case 'i':
		o->plan.id = value;
		return 0;
	case 'r':
		o->plan.claimed_role = value;
		return 0;
	case 'm':
		o->plan.commitment = value;
		return 0;
	case 'a':
		return clock_parse(value, &o->plan.signing_time) == 0
			       ? 0
			       : complain("not an RFC 3339 time", value);
	case 'g':
		o->plan.signature_method = value;
		return 0;
	case 'o':
		o->out = value;
		return 0;
	default:
		return -1;
	}
}

static int read_options(struct sign_options *o, int argc, char **argv)
{
	static const struct option OPTIONS[] = {
		{ "key", required_argument, NULL, 'k' },
		{ "cert", required_argument, NULL, 'c' },
		{ "chain", required_argument, NULL, 'h' },
		{ "parallel", no_argument, NULL, 'p' },
		{ "counter", no_argument, NULL, 'n' },
		{ "tsa", required_argument, NULL, 't' },
		{ "id", required_argument, NULL, 'i' },
		{ "role", required_argument, NULL, 'r' },
		{ "commitment", required_argument, NULL, 'm' },
		{ "at", required_argument, NULL, 'a' },
		{ "method", required_argument, NULL, 'g' },
		{ 0 },
	};
	int option;

	optind = 1;
	while ((option = command_option(argc, argv, "o:", OPTIONS)) != -1)
		if (read_option(o, option, optarg) < 0)
			return -1;
	if (!o->key || !o->certificate)
		return command_fault("%s is missing", o->key ? "--cert" : "--key");
	if (command_arguments(argc, argv, 1, 1, "FILE") < 0)
		return -1;
	if (!o->plan.signature_method)
		o->plan.signature_method = sign_key_method(o->key);
	return optind;
}

/* Without the signer's own certificate, which chain files often have, too. */
static int take_chain(struct sign_options *o)
{
	int n = sk_X509_num(o->chain->certificates);

	o->more = calloc((size_t)n + 1, sizeof(const X509 *));
	if (!o->more)
		return -ENOMEM;
	for (int i = 0; i < n; i++) {
		X509 *x = sk_X509_value(o->chain->certificates, i);

		if (X509_cmp(x, o->certificate) != 0)
			o->more[o->plan.chain_count++] = x;
	}
	o->plan.chain = o->more;
	return 0;
}

static int complete_plan(struct sign_options *o, struct span document)
{
	memcpy(o->id, "id-", 3);
	if (!o->plan.id && id_new(o->id + 3) < 0)
		return -EIO;
	if (!o->plan.id)
		o->plan.id = o->id;
	o->plan.document = document;
	o->plan.signer = o->certificate;
	return o->chain ? take_chain(o) : 0;
}

static int add_timestamp(const struct sign_options *o, struct xades_draft *d)
{
	_cleanup_(freep) uint8_t *token = NULL;
	_cleanup_(freep) char *reason = NULL;
	_cleanup_buf_ struct buf octets;
	size_t len = 0;
	int r;

	buf_init(&octets, LIMIT_DOCUMENT);
	r = xades_timestamp_octets(d, &octets);
	if (r == 0)
		r = tsa_query(o->tsa, buf_span(&octets), &token, &len, &reason);
	if (r < 0) {
		complain(o->tsa, reason ? reason : strerror(-r));
		return r;
	}
	return xades_add_timestamp(d, span_of(token, len));
}

DEFINE_CLEANUP(struct xades_draft *, xades_draft_free)

/* The key is behind sign_fn: what signs elsewhere takes the same digest. */
static int sign(const struct sign_options *o, sign_fn with, void *key, struct buf *ret)
{
	_cleanup_(xades_draft_freep) struct xades_draft *d = NULL;
	_cleanup_(freep) char *reason = NULL;
	_cleanup_(freep) uint8_t *value = NULL;
	uint8_t digest[64] = { 0 };
	size_t digest_len = 0, len = 0;
	int r = xades_prepare(&o->plan, &d, digest, &digest_len, &reason);

	if (r < 0) {
		complain("cannot be signed", reason ? reason : strerror(-r));
		return r;
	}
	r = with(
		key, o->plan.signature_method, span_of(digest, digest_len), &value, &len);
	if (r == 0)
		r = xades_set_value(d, span_of(value, len));
	if (r < 0) {
		complain("the key does not sign",
			r == -EBADMSG ? "it is not that of the certificate"
				      : strerror(-r));
		return r == -EBADMSG ? -EKEYREJECTED : r;
	}
	if (o->tsa)
		r = add_timestamp(o, d);
	return r == 0 ? xades_write(d, ret) : r;
}

static int write_out(const struct sign_options *o, struct span octets)
{
	int r = 0;

	if (o->out)
		r = durable_write(o->out, octets, 0644);
	else if (fwrite(octets.data, 1, octets.len, stdout) != octets.len)
		r = -EIO;
	if (r < 0)
		complain(o->out ? o->out : "standard output", strerror(-r));
	return r;
}

static int sign_file(struct sign_options *o, const char *path)
{
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_buf_ struct buf octets;
	size_t len;
	int r = file_read(path, LIMIT_DOCUMENT, &data, &len);

	buf_init(&octets, LIMIT_CONTAINER);
	if (r < 0) {
		complain(path, strerror(-r));
		return EXIT_USAGE;
	}
	if (complete_plan(o, span_of(data, len)) < 0 || xades_setup() < 0)
		return EXIT_INTERNAL;
	r = sign(o, sign_with_pkey, o->key, &octets);
	if (r == 0)
		r = write_out(o, buf_span(&octets));
	if (r == -EKEYREJECTED) /* two files that do not go together */
		return EXIT_USAGE;
	return r == 0 ? EXIT_CLEAN : r == -EINVAL ? EXIT_NOT_PASSED : EXIT_INTERNAL;
}

int cmd_sign(int argc, char **argv)
{
	struct sign_options o = { .plan.place = XADES_ENVELOPED,
		.plan.signing_time = clock_now() };
	int file = read_options(&o, argc, argv);
	int status = file < 0 ? command_usage("sign") : sign_file(&o, argv[file]);

	EVP_PKEY_free(o.key);
	X509_free(o.certificate);
	pki_material_free(o.chain);
	free(o.more);
	return status;
}
