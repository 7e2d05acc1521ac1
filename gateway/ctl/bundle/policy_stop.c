/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate policy stop: one policy officer stops a partner, or a signer of it, at once;
 * what opens again is a bundle that two stand for.
 */
#include "ctl/bundle/policy.h"
#include "ctl/bundle/policy_force.h"
#include "ctl/command.h"
#include "ctl/tree_remove.h"

#include "common/durable.h"
#include "pki/certificate.h"
#include "web/remote.h"

#include <ctype.h>
#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REASON_MAX 300

struct options {
	const char *key, *certificate, *reason, *signer, *file, *partner;
	const char *person; /* who has it done from afar, known there by a certificate */
};

/* What goes into `removed`: a digest that was given, or of a certificate itself and of
 * its key, which any other certificate may have. "" for what is not there. */
struct off {
	char digests[2][SHA256_TEXT_SIZE];
};

static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option OPTIONS[] = {
		{ "key", required_argument, NULL, 'k' },
		{ "cert", required_argument, NULL, 'c' },
		{ "reason", required_argument, NULL, 'r' },
		{ "signer", required_argument, NULL, 's' },
		{ "signer-file", required_argument, NULL, 'f' },
		{ 0 },
	};
	int c;

	while ((c = command_option(argc, argv, "", OPTIONS)) != -1) {
		if (c == 'k')
			o->key = optarg;
		else if (c == 'c')
			o->certificate = optarg;
		else if (c == 'r')
			o->reason = optarg;
		else if (c == 's')
			o->signer = optarg;
		else if (c == 'f')
			o->file = optarg;
		else
			return -EINVAL;
	}
	o->person = getenv(REMOTE_PERSON);
	if (!o->person && (!o->key || !o->certificate))
		return command_fault("--key and --cert are needed");
	if (!o->reason || !*o->reason || strlen(o->reason) > REASON_MAX)
		return command_fault("--reason is needed, at most %d octets", REASON_MAX);
	if (o->signer && o->file)
		return command_fault("--signer or --signer-file, not both");
	if (command_arguments(argc, argv, 1, 1, "the partner") < 0)
		return -EINVAL;
	o->partner = argv[optind];
	return 0;
}

static int refuse(const char *what, const char *received)
{
	fprintf(stderr, "sealgate policy: %s%s%s; the policy in force stays\n", what,
		received ? ": " : "", received ? received : "");
	return -EINVAL;
}

static bool take_off(config_setting_t *removed, const char *digest)
{
	int count = config_setting_length(removed);

	for (int i = 0; i < count; i++) {
		const char *there = config_setting_get_string_elem(removed, i);

		if (there && strcmp(there, digest) == 0)
			return true;
	}
	return config_setting_set_string_elem(removed, -1, digest);
}

/* `suspended` becomes true, or a signer (or NULL) goes into `removed`. */
static bool change(config_t *c, const struct off *off)
{
	config_setting_t *root = config_root_setting(c), *s;
	bool ok;

	if (!off) {
		s = config_setting_get_member(root, "suspended");
		if (!s)
			s = config_setting_add(root, "suspended", CONFIG_TYPE_BOOL);
		return s && config_setting_set_bool(s, CONFIG_TRUE);
	}
	s = config_setting_get_member(root, "removed");
	if (!s)
		s = config_setting_add(root, "removed", CONFIG_TYPE_LIST);
	ok = s;
	for (size_t i = 0; i < 2; i++)
		ok = ok && (!*off->digests[i] || take_off(s, off->digests[i]));
	return ok;
}

/* The partner's file with the change; the caller frees. Comments of the file are lost:
 * state/policy keeps the bundle that has them. NULL after a complaint. */
static char *changed(const struct bundle_file *f, const struct off *off)
{
	_cleanup_(freep) char *text = strndup((const char *)f->data.data, f->data.len);
	char *out = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&out, &len);
	config_t c;
	bool ok;

	config_init(&c);
	ok = text && stream && config_read_string(&c, text) && change(&c, off);
	if (ok)
		config_write(&c, stream);
	config_destroy(&c);
	if (stream && fclose(stream) != 0)
		ok = false;
	if (ok)
		return out;
	free(out);
	(void)refuse("it cannot be changed", f->name);
	return NULL;
}

static struct bundle_file *file_of(struct bundle *b, const char *partner)
{
	char name[200];

	(void)snprintf(name, sizeof(name), "partners/%s.cfg", partner);
	for (size_t i = 0; i < b->count; i++)
		if (strcmp(b->files[i].name, name) == 0)
			return &b->files[i];
	return NULL;
}

/* From afar the gate has found the person and the role by a certificate, which is not at
 * the gate to sign with; it only closes, and the audit chain has the name. */
static void stand_for(const struct options *o, struct consent *ret_consent)
{
	(void)snprintf(ret_consent->people[0].name, sizeof(ret_consent->people[0].name),
		"%s", o->person);
	ret_consent->count = 1;
}

/* The archive of what will be, with the officer's signature beside it. */
static int sign(const struct force *f, const struct options *o, const struct bundle *b,
	const char *path, struct consent *ret_consent)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(freep) char *error = NULL;
	_cleanup_buf_ struct buf archive;
	int r = policy_load(f->policies, &policy, &error);

	buf_init(&archive, BUNDLE_MAX);
	if (r < 0)
		return refuse(error ? error : strerror(-r), NULL);
	r = bundle_write(b, &archive);
	if (r == 0)
		r = durable_write(path, buf_span(&archive), 0644);
	if (r == 0 && o->person) {
		stand_for(o, ret_consent);
		return 0;
	}
	if (r == 0)
		r = consent_sign(path, buf_span(&archive), o->key, o->certificate);
	if (r == 0)
		r = consent_read(path, buf_span(&archive), policy, ret_consent);
	if (r == 0 && ret_consent->count < 1)
		r = refuse("who stops somebody is a policy officer", NULL);
	return r;
}

/* One more than in force: what others prepare meanwhile has to be built on it. */
static int put_in_force(struct force *f, const struct options *o, struct bundle *b)
{
	struct consent consent = { 0 };
	char folder[PATH_MAX], path[PATH_MAX];
	int r;

	if (snprintf(folder, sizeof(folder), "%s/stop-XXXXXX", f->folder) >= PATH_MAX ||
		!mkdtemp(folder))
		return refuse("no folder can be made in", f->folder);
	r = snprintf(path, sizeof(path), "%s/stop.bundle", folder) < PATH_MAX
		    ? 0
		    : -ENAMETOOLONG;
	b->version = f->version + 1;
	while (r == 0 && force_known(f, b->version))
		b->version++;
	if (r == 0)
		r = sign(f, o, b, path, &consent);
	if (r == 0) {
		f->reason = o->reason;
		r = force_use(f, b, path, &consent, "stop");
	}
	tree_remove(folder);
	return r;
}

static int read_off(const struct options *o, struct off *ret_off)
{
	_cleanup_(X509_freep) X509 *x = NULL;

	*ret_off = (struct off){ 0 };
	if (!o->file) {
		if (strlen(o->signer) >= SHA256_TEXT_SIZE)
			return refuse("it has no signer with the certificate or key",
				o->signer);
		for (size_t i = 0; o->signer[i]; i++)
			ret_off->digests[0][i] =
				(char)tolower((unsigned char)o->signer[i]);
		return 0;
	}
	x = pki_certificate_read(o->file);
	if (!x || pki_certificate_sha256(x, ret_off->digests[0]) < 0 ||
		pki_certificate_key_sha256(x, ret_off->digests[1]) < 0)
		return refuse("this is not one certificate, PEM or DER", o->file);
	return 0;
}

static void warn(const char *digest, const char *text)
{
	fprintf(stderr, "sealgate policy: %s: %s\n", digest, text);
}

/* By certificates and by keys: what is enrolled, and what of that goes off. */
struct enrolled_ways {
	size_t keys, certificates_off, keys_off;
};

static struct enrolled_ways count_off(const struct partner *p, const struct off *off)
{
	struct enrolled_ways w = { 0 };

	for (size_t i = 0; i < p->signer_count; i++)
		w.keys += *p->signers[i].key != '\0';
	for (size_t i = 0; i < 2; i++) {
		if (!*off->digests[i])
			continue;
		w.certificates_off += policy_signer(p, off->digests[i]) != NULL;
		w.keys_off += policy_signer_by_key(p, off->digests[i]) != NULL;
	}
	return w;
}

/* A mistyped digest would stop nobody and look as if it did. But whoever signs by a key
 * or by an issuer's word is not known by a certificate's digest: that is said, and that
 * its key goes on with any other certificate. */
static int known(const struct force *f, const struct options *o, const struct off *off)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(freep) char *error = NULL;
	const char *given = off->digests[0];
	const struct partner *p;
	struct enrolled_ways w;
	bool key_goes;

	if (policy_load(f->policies, &policy, &error) < 0)
		return refuse(error ? error : "the policy cannot be read", NULL);
	p = policy_partner(policy, o->partner);
	if (!p || strlen(given) != SHA256_TEXT_SIZE - 1)
		return refuse("it has no signer with the certificate or key", given);
	w = count_off(p, off);
	key_goes = o->file || w.keys_off;
	if (!w.certificates_off && !w.keys_off && p->issuer_count == 0 &&
		(o->file || !w.keys))
		return refuse("it has no signer with the certificate or key", given);
	if (!w.certificates_off && !w.keys_off)
		warn(given, "no enrolled signer has this digest; it counts only if it is "
			    "of a certificate whose key is enrolled, or that one of the "
			    "partner's issuers issued");
	if (!key_goes && (w.keys || p->issuer_count > 0))
		warn(given, "only what has this digest is stopped, another certificate "
			    "of the same key is not; --signer-file stops both");
	return 0;
}

static int stop(struct force *f, const struct options *o)
{
	_cleanup_bundle_ struct bundle b = { 0 };
	_cleanup_(freep) char *error = NULL, *text = NULL;
	struct bundle_file *file;
	bool one = o->signer || o->file;
	struct off off;
	int r = bundle_of_folder(f->policies, 0, &b, &error);

	if (r < 0)
		return refuse(error ? error : strerror(-r), NULL);
	file = file_of(&b, o->partner);
	if (!file)
		return refuse("there is no partner", o->partner);
	if (one && (read_off(o, &off) < 0 || known(f, o, &off) < 0))
		return -EINVAL;
	text = changed(file, one ? &off : NULL);
	if (!text)
		return -EINVAL;
	file->data = span_str(text);
	return put_in_force(f, o, &b);
}

int policy_stop(int argc, char **argv)
{
	_cleanup_force_ struct force f = { .lock = -1 };
	struct options o = { 0 };
	int r;

	if (read_options(argc, argv, &o) < 0)
		return command_usage("policy");
	r = force_open(&f);
	if (r == 0)
		r = stop(&f, &o);
	return r < 0 ? EXIT_NOT_PASSED : EXIT_CLEAN;
}
