/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate policy stop: one policy officer stops a partner, or a signer of it, at once;
 * what opens again is a bundle that two stand for.
 */
#include "ctl/command.h"
#include "ctl/policy.h"
#include "ctl/policy_force.h"
#include "ctl/tree_remove.h"

#include "common/durable.h"

#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REASON_MAX 300

struct options {
	const char *key, *certificate, *reason, *signer, *partner;
};

static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option OPTIONS[] = {
		{ "key", required_argument, NULL, 'k' },
		{ "cert", required_argument, NULL, 'c' },
		{ "reason", required_argument, NULL, 'r' },
		{ "signer", required_argument, NULL, 's' },
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
		else
			return -EINVAL;
	}
	if (!o->key || !o->certificate)
		return command_fault("--key and --cert are needed");
	if (!o->reason || !*o->reason || strlen(o->reason) > REASON_MAX)
		return command_fault("--reason is needed, at most %d octets", REASON_MAX);
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

/* `suspended` becomes true, or the signer goes into `removed`. */
static bool change(config_t *c, const char *signer)
{
	config_setting_t *root = config_root_setting(c), *s;

	if (!signer) {
		s = config_setting_get_member(root, "suspended");
		if (!s)
			s = config_setting_add(root, "suspended", CONFIG_TYPE_BOOL);
		return s && config_setting_set_bool(s, CONFIG_TRUE);
	}
	s = config_setting_get_member(root, "removed");
	if (!s)
		s = config_setting_add(root, "removed", CONFIG_TYPE_LIST);
	return s && config_setting_set_string_elem(s, -1, signer);
}

/* The partner's file with the change; the caller frees. Comments of the file are lost:
 * state/policy keeps the bundle that has them. NULL after a complaint. */
static char *changed(const struct bundle_file *f, const char *signer)
{
	_cleanup_(freep) char *text = strndup((const char *)f->data.data, f->data.len);
	char *out = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&out, &len);
	config_t c;
	bool ok;

	config_init(&c);
	ok = text && stream && config_read_string(&c, text) && change(&c, signer);
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

/* A mistyped digest would stop nobody and look as if it did. Whoever signs by an issuer's
 * word is not known by a digest: that is said. */
static int known(const struct force *f, const struct options *o)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(freep) char *error = NULL;
	const struct partner *p;

	if (policy_load(f->policies, &policy, &error) < 0)
		return refuse(error ? error : "the policy cannot be read", NULL);
	p = policy_partner(policy, o->partner);
	for (size_t i = 0; p && i < p->signer_count; i++)
		if (strcmp(p->signers[i].sha256, o->signer) == 0 ||
			strcmp(p->signers[i].key, o->signer) == 0)
			return 0;
	if (!p || p->issuer_count == 0)
		return refuse("it has no signer with the certificate or key", o->signer);
	fprintf(stderr,
		"sealgate policy: no enrolled signer has the certificate %s; it counts "
		"only if one of the partner's issuers issued it\n",
		o->signer);
	return 0;
}

static int stop(struct force *f, const struct options *o)
{
	_cleanup_bundle_ struct bundle b = { 0 };
	_cleanup_(freep) char *error = NULL, *text = NULL;
	struct bundle_file *file;
	int r = bundle_of_folder(f->policies, 0, &b, &error);

	if (r < 0)
		return refuse(error ? error : strerror(-r), NULL);
	file = file_of(&b, o->partner);
	if (!file)
		return refuse("there is no partner", o->partner);
	if (o->signer && known(f, o) < 0)
		return -EINVAL;
	text = changed(file, o->signer);
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
