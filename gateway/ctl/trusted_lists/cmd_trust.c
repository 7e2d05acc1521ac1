/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/clock.h"
#include "common/durable.h"
#include "common/encode.h"
#include "common/json.h"
#include "ctl/command.h"
#include "ctl/trusted_lists/trust_lists.h"
#include "ctl/trusted_lists/trust_supply.h"
#include "pki/certificate.h"
#include "pki/crl.h"
#include "pki/ocsp.h"
#include "pki/token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLICIES_MAX 32u
#define TOKEN_FILE_MAX (4u * 1024 * 1024)
#define DATA_FILE_MAX (256u * 1024 * 1024)

/* Options of every question; each question uses some of them. */
struct trust_options {
	struct pki_material *material;
	struct pki_material *issuers; /* of a CRL or an OCSP response, as anchors */
	X509 *certificate;
	const char *data;
	int64_t at;
	enum pki_purpose purpose;
	const char *policies[POLICIES_MAX + 1];
	size_t policy_count;
	bool explicit_policy;
	bool strict;
	bool have_revocation;
	int64_t max_age;
};

/* An answer to be printed; text is owned. */
struct answer {
	int status;
	char *reason;
	json_t *more; /* further members, owned, or NULL */
};

static const struct {
	const char *name;
	enum pki_purpose purpose;
} PURPOSES[] = {
	{ "any", PKI_ANY },
	{ "signing", PKI_SIGNING },
	{ "time-stamping", PKI_TIME_STAMPING },
	{ "timestamping", PKI_TIME_STAMPING },
	{ "tls-client", PKI_TLS_CLIENT },
	{ "tls-server", PKI_TLS_SERVER },
	{ "ocsp", PKI_OCSP },
};

static int complain(const char *what, const char *value)
{
	fprintf(stderr, "sealgate trust: %s%s%s\n", what, value ? ": " : "",
		value ? value : "");
	return EXIT_USAGE;
}

/* Return: EXIT_CLEAN or EXIT_USAGE. */
static int load(struct pki_material *m, enum pki_kind kind, const char *path)
{
	_cleanup_(freep) char *error = NULL;

	if (pki_material_load(m, kind, path, &error) >= 0)
		return EXIT_CLEAN;
	return complain(error ? error : path, NULL);
}

static int take_purpose(struct trust_options *o, const char *name)
{
	for (size_t i = 0; i < sizeof(PURPOSES) / sizeof(PURPOSES[0]); i++) {
		if (strcmp(PURPOSES[i].name, name) != 0)
			continue;
		o->purpose = PURPOSES[i].purpose;
		return EXIT_CLEAN;
	}
	return complain("no such purpose (any, signing, time-stamping, tls-client, "
			"tls-server, ocsp)",
		name);
}

static int take_certificate(struct trust_options *o, const char *path)
{
	X509_free(o->certificate);
	o->certificate = pki_certificate_read(path);
	return o->certificate ? EXIT_CLEAN : complain("not a certificate", path);
}

static int take_policy(struct trust_options *o, const char *oid)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);

	ASN1_OBJECT_free(object);
	if (!object || o->policy_count >= POLICIES_MAX)
		return complain("not an object identifier, or too many", oid);
	o->policies[o->policy_count++] = oid;
	return EXIT_CLEAN;
}

static int take_age(struct trust_options *o, const char *seconds)
{
	char *end;

	errno = 0;
	o->max_age = strtoll(seconds, &end, 10);
	if (errno || end == seconds || *end || o->max_age < 1)
		return complain("not a number of seconds", seconds);
	return EXIT_CLEAN;
}

static int take_option(struct trust_options *o, int option, const char *value)
{
	switch (option) {
	case 'a':
		return load(o->material, PKI_ANCHORS, value);
	case 'c':
		return load(o->material, PKI_CERTIFICATES, value);
	case 'r':
		o->have_revocation = true;
		return load(o->material, PKI_REVOCATION, value);
	case 'i':
		return load(o->issuers, PKI_ANCHORS, value);
	case 'x':
		return take_certificate(o, value);
	case 'd':
		o->data = value;
		return EXIT_CLEAN;
	case 't':
		return clock_parse(value, &o->at) == 0 ? EXIT_CLEAN
						       : complain("not a time", value);
	case 'p':
		return take_purpose(o, value);
	case 'o':
		return take_policy(o, value);
	case 'e':
		o->explicit_policy = true;
		return EXIT_CLEAN;
	case 'm':
		return take_age(o, value);
	case 's':
		o->strict = true;
		return EXIT_CLEAN;
	default:
		return command_usage("trust");
	}
}

static int take_options(struct trust_options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "anchors", required_argument, NULL, 'a' },
		{ "certs", required_argument, NULL, 'c' },
		{ "revocation", required_argument, NULL, 'r' },
		{ "issuer", required_argument, NULL, 'i' },
		{ "cert", required_argument, NULL, 'x' },
		{ "data", required_argument, NULL, 'd' },
		{ "at", required_argument, NULL, 't' },
		{ "purpose", required_argument, NULL, 'p' },
		{ "policy-oid", required_argument, NULL, 'o' },
		{ "explicit-policy", no_argument, NULL, 'e' },
		{ "strict", no_argument, NULL, 's' },
		{ "max-age", required_argument, NULL, 'm' },
		{ NULL, 0, NULL, 0 },
	};
	int option, status = EXIT_CLEAN;

	optind = 1;
	while (status == EXIT_CLEAN &&
		(option = command_option(argc, argv, "", options)) != -1)
		status = take_option(o, option, optarg);
	return status;
}

static void say(struct answer *a, int status, const char *reason)
{
	a->status = status;
	a->reason = strdup(reason);
}

static void add(struct answer *a, const char *key, json_t *value)
{
	if (!a->more)
		a->more = json_object();
	json_object_set_new(a->more, key, value);
}

static void add_time(struct answer *a, const char *key, int64_t t)
{
	char text[CLOCK_TEXT_SIZE];

	clock_format(t, text);
	add(a, key, json_string(text));
}

static json_t *names_of(STACK_OF(X509) * chain)
{
	json_t *names = json_array();

	for (int i = 0; i < sk_X509_num(chain); i++) {
		_cleanup_(freep) char *name =
			pki_name_text(X509_get_subject_name(sk_X509_value(chain, i)));

		json_array_append_new(names, json_text(name));
	}
	return names;
}

static void ask_path(struct trust_options *o, const char *file, struct answer *a)
{
	_cleanup_(X509_freep) X509 *target = pki_certificate_read(file);
	_cleanup_(freep) char *error = NULL;
	struct pki_path_request request = { .target = target,
		.material = o->material,
		.at = o->at,
		.purpose = o->purpose,
		.explicit_policy = o->explicit_policy,
		.strict = o->strict,
		.skip_revocation = !o->have_revocation,
		.revocation_max_age = o->max_age,
		.policy_oids = o->policy_count ? o->policies : NULL };
	struct pki_path_result result = { 0 };

	if (!target) {
		say(a, EXIT_NOT_PASSED, "not a certificate");
		return;
	}
	/* What follows the certificate in its file is offered for the path. */
	pki_material_load(o->material, PKI_CERTIFICATES, file, &error);
	if (pki_path_validate(&request, &result) < 0) {
		say(a, EXIT_INTERNAL, "undecided");
		return;
	}
	say(a, result.outcome == PKI_PASSED ? EXIT_CLEAN : EXIT_NOT_PASSED,
		result.reason);
	add(a, "sub_indication",
		json_string(result.outcome == PKI_EXPIRED && !o->have_revocation
				    ? "OUT_OF_BOUNDS_NO_POE"
				    : pki_outcome_text(result.outcome)));
	add(a, "revocation", json_string(o->have_revocation ? "checked" : "not asked"));
	if (result.outcome == PKI_REVOKED || result.outcome == PKI_REVOKED_CA)
		add_time(a, "revoked_at", result.revoked_at);
	add(a, "path", names_of(result.chain));
	pki_path_result_done(&result);
}

/* The first object of a revocation file. Return: the material, which the caller frees. */
static struct pki_material *revocation_in(const char *file)
{
	_cleanup_(freep) char *error = NULL;
	struct pki_material *m = pki_material_new();

	if (m && pki_material_load(m, PKI_REVOCATION, file, &error) >= 0)
		return m;
	pki_material_free(m);
	return NULL;
}

static void conclude(struct answer *a, int r, const char *reason)
{
	if (r < 0)
		say(a, EXIT_INTERNAL, "undecided");
	else
		say(a, r == 1 ? EXIT_CLEAN : EXIT_NOT_PASSED, r == 1 ? "good" : reason);
}

static void ask_crl(struct trust_options *o, const char *file, struct answer *a)
{
	_cleanup_(pki_material_freep) struct pki_material *m = revocation_in(file);
	const char *reason = "no issuer is given";
	int r = 0, entries;

	if (!m || sk_X509_CRL_num(m->crls) != 1) {
		say(a, EXIT_NOT_PASSED, "not a CRL");
		return;
	}
	for (int i = 0; r == 0 && i < sk_X509_num(o->issuers->anchors); i++)
		r = pki_crl_verify(sk_X509_CRL_value(m->crls, 0),
			sk_X509_value(o->issuers->anchors, i), o->at, &reason);
	conclude(a, r, reason);
	entries =
		sk_X509_REVOKED_num(X509_CRL_get_REVOKED(sk_X509_CRL_value(m->crls, 0)));
	add(a, "entries", json_integer(entries > 0 ? entries : 0));
}

static void ask_ocsp(struct trust_options *o, const char *file, struct answer *a)
{
	_cleanup_(pki_material_freep) struct pki_material *m = revocation_in(file);
	const char *reason = "no issuer is given";
	int r = 0;

	if (!m || m->ocsp_count != 1) {
		say(a, EXIT_NOT_PASSED, "not a successful OCSP response");
		return;
	}
	for (int i = 0; r == 0 && i < sk_X509_num(o->issuers->anchors); i++)
		r = pki_ocsp_verify(m->ocsps[0], sk_X509_value(o->issuers->anchors, i),
			o->certificate, o->at, &reason);
	conclude(a, r, reason);
}

static int read_token(const char *file, uint8_t **ret_der, size_t *ret_len)
{
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;
	int r = file_read(file, TOKEN_FILE_MAX, &data, &len);

	if (r < 0)
		return r;
	if (len && data[0] != 0x30)
		return base64_decode(span_of(data, len), ret_der, ret_len);
	*ret_der = TAKE(data);
	*ret_len = len;
	return 0;
}

static void describe_token(struct answer *a, const struct token_result *t)
{
	static const char *const words[] = { [TOKEN_UNDECIDED] = "INDETERMINATE",
		[TOKEN_PASSED] = "PASSED",
		[TOKEN_MALFORMED] = "FAILED",
		[TOKEN_IMPRINT_MISMATCH] = "FAILED",
		[TOKEN_SIGNATURE_WRONG] = "FAILED",
		[TOKEN_PATH] = "INDETERMINATE" };

	add(a, "indication", json_string(words[t->outcome]));
	add(a, "sub_indication", json_string(token_outcome_text(t)));
	if (t->gen_time)
		add_time(a, "gen_time", t->gen_time);
	add(a, "digest", json_text(t->digest_name));
	add(a, "policy", json_text(t->policy));
	add(a, "serial", json_text(t->serial));
	if (t->signer) {
		_cleanup_(freep) char *name =
			pki_name_text(X509_get_subject_name(t->signer));

		add(a, "signer", json_text(name));
	}
}

/* Without anchors the question is whether the token is intact; with them also whose it
 * is. */
static void ask_token(struct trust_options *o, const char *file, struct answer *a)
{
	_cleanup_(freep) uint8_t *der = NULL, *data = NULL;
	size_t len = 0, data_len = 0;
	struct token_context context = { .material = o->material,
		.at = o->at,
		.skip_revocation = !o->have_revocation,
		.strict = o->strict };
	struct token_result t = { 0 };
	struct span about = { 0 };
	int r;

	if (read_token(file, &der, &len) < 0) {
		say(a, EXIT_NOT_PASSED, "not a time-stamp token");
		return;
	}
	if (o->data && file_read(o->data, DATA_FILE_MAX, &data, &data_len) < 0) {
		a->status = complain("cannot read", o->data);
		return;
	}
	if (o->data)
		about = span_of(data, data_len);
	if (sk_X509_num(o->material->anchors) > 0)
		r = token_verify_in(span_of(der, len), about, &context, &t);
	else
		r = token_inspect(span_of(der, len), about, o->material, &t);
	if (r < 0) {
		say(a, EXIT_INTERNAL, "undecided");
		return;
	}
	say(a, t.outcome == TOKEN_PASSED ? EXIT_CLEAN : EXIT_NOT_PASSED, t.reason);
	describe_token(a, &t);
	token_result_done(&t);
}

static int print_answer(const char *file, struct answer *a)
{
	json_t *line;

	if (a->status == EXIT_USAGE)
		return EXIT_USAGE;
	line = json_object();
	json_object_set_new(line, "file", json_text(file));
	json_object_set_new(line, "ok", json_boolean(a->status == EXIT_CLEAN));
	json_object_set_new(line, "reason", json_text(a->reason));
	if (a->more)
		json_object_update(line, a->more);
	if (!a->reason || json_dumpf(line, stdout, JSON_COMPACT) < 0 ||
		putchar('\n') == EOF)
		a->status = EXIT_INTERNAL;
	json_decref(line);
	return a->status;
}

/* The worst of two statuses: undecided, then usage, then not passed. */
static int worse(int a, int b)
{
	return a > b ? a : b;
}

static int ask_all(struct trust_options *o, char **files,
	void (*ask)(struct trust_options *, const char *, struct answer *))
{
	int status = EXIT_CLEAN;

	for (; *files; files++) {
		struct answer a = { .status = EXIT_INTERNAL };

		if (access(*files, R_OK) != 0) {
			status = worse(status, complain("cannot read", *files));
			continue;
		}
		ask(o, *files, &a);
		status = worse(status, print_answer(*files, &a));
		free(a.reason);
		json_decref(a.more);
	}
	return status;
}

static int run(struct trust_options *o, const char *question, char **files)
{
	if (!*files) {
		command_fault("a file is missing");
		return command_usage("trust");
	}
	if (strcmp(question, "path") == 0)
		return ask_all(o, files, ask_path);
	if (strcmp(question, "crl") == 0)
		return ask_all(o, files, ask_crl);
	if (strcmp(question, "ocsp") == 0)
		return ask_all(o, files, ask_ocsp);
	if (strcmp(question, "token") == 0)
		return ask_all(o, files, ask_token);
	return command_no_verb(question);
}

/* Questions about one path, list, response or token. */
static int judge(int argc, char **argv)
{
	struct trust_options o = { .material = pki_material_new(),
		.issuers = pki_material_new(),
		.at = clock_now() };
	int status;

	if (!o.material || !o.issuers)
		status = EXIT_INTERNAL;
	else
		status = take_options(&o, argc - 1, argv + 1);
	if (status == EXIT_CLEAN)
		status = run(&o, argv[1], argv + 1 + optind);
	pki_material_free(o.material);
	pki_material_free(o.issuers);
	X509_free(o.certificate);
	return status;
}

int cmd_trust(int argc, char **argv)
{
	if (argc < 2)
		return command_no_verb(NULL);
	if (strcmp(argv[1], "import") == 0)
		return trust_lists_import(argc - 1, argv + 1);
	if (strcmp(argv[1], "status") == 0)
		return trust_lists_status(argc - 1, argv + 1);
	if (strcmp(argv[1], "qualify") == 0)
		return trust_lists_qualify(argc - 1, argv + 1);
	if (strcmp(argv[1], "diff") == 0)
		return trust_lists_diff(argc - 1, argv + 1);
	if (strcmp(argv[1], "publish") == 0)
		return trust_publish(argc - 1, argv + 1);
	if (strcmp(argv[1], "supply") == 0)
		return trust_supply(argc - 1, argv + 1);
	return judge(argc, argv);
}
