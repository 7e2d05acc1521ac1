/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/setup.h"

#include "pkcs11/ceremony.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/ownership.h"
#include "pkcs11/token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One step of a ceremony, by whoever is at the machine and has the PIN. */
struct step {
	struct setup *s;
	struct ceremony at;
	const char *name; /* of the protocol's file */
	int argc;	  /* behind the step's name */
	char **argv;
};

/* begin WITNESS WITNESS... */
static int step_begin(const struct step *c)
{
	return ceremony_begin(&c->at, (const char *const *)c->argv, (size_t)c->argc);
}

static int step_keys(const struct step *c)
{
	return ceremony_keys(&c->at);
}

/* request ROLE [SUBJECT] */
static int step_request(const struct step *c)
{
	const struct role *role = setup_role(c->s, c->argv[0]);

	return role ? ceremony_request(&c->at, role, c->argc > 1 ? c->argv[1] : NULL)
		    : -EINVAL;
}

static int step_note(const struct step *c)
{
	return ceremony_note(&c->at, c->argv[0]);
}

static int step_end(const struct step *c)
{
	const struct role *role = setup_role(c->s, c->argv[0]);

	return role ? ceremony_end(&c->at, role) : -EINVAL;
}

static const struct {
	const char *name;
	int min, max; /* arguments */
	int (*run)(const struct step *c);
} STEPS[] = {
	{ "begin", CEREMONY_WITNESSES_MIN, CEREMONY_WITNESSES_MAX, step_begin },
	{ "keys", 0, 0, step_keys },
	{ "request", 1, 2, step_request },
	{ "note", 1, 1, step_note },
	{ "end", 1, 1, step_end },
	{ 0 },
};

static int run_step(struct step *c, const char *name, int (*run)(const struct step *c))
{
	_cleanup_bench_ struct bench b = { 0 };
	char work[32];
	struct key_work w = {
		.work = work, .role = "", .ceremony = c->name, .by = "", .first = ""
	};
	int r;

	if (c->at.protocol->closed)
		return setup_fail("the ceremony has ended");
	if (setup_roles(c->s) < 0 || ownership_take(c->s->instance) < 0 ||
		token_environment(c->s->instance) < 0)
		return -EIO;
	snprintf(work, sizeof(work), "ceremony %s", name);
	if (run == step_request || run == step_end)
		w.role = c->argv[0];
	if (setup_begins(c->s, &w) < 0)
		return -EIO;
	r = run != step_note && setup_open(c->s) < 0 ? -EIO : 0;
	setup_bench(c->s, &b);
	c->at.bench = &b;
	if (r == 0)
		r = run(c);
	c->at.bench = NULL;
	key_work_ended(c->s->instance, &w, r, "");
	r = b.said.len ? setup_told(&b, r) : r;
	if (r == 0 && fflush(stdout) != 0)
		return -EIO;
	if (r == 0)
		fprintf(stderr, "entry %u, chain %s\n", c->at.protocol->entries,
			c->at.protocol->chain);
	return r;
}

/* verify FILE.pem: offline, by the certificate that the role got */
static int verify(const struct protocol *p, const char *path)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	uint8_t digest[SIGNER_DIGEST_MAX];
	X509 *list[CHAIN_MAX + 1];
	int n = certificates_read(path, list, CHAIN_MAX + 1), len;
	bool good = false;

	if (n <= 0)
		return setup_fail("%s: no certificate", path);
	if (!p->closed)
		return setup_fail("the ceremony has not ended: there is no signature");
	len = protocol_digest(p, p->mechanism, digest);
	for (int i = 0; i < n; i++) {
		key = X509_get_pubkey(list[i]);
		good |= len > 0 && key && mechanism_fits(p->mechanism, key) &&
			mechanism_verify(p->mechanism, key, span_of(digest, (size_t)len),
				span_of(p->value, p->value_len));
		EVP_PKEY_free(TAKE(key));
		X509_free(list[i]);
	}
	if (!good)
		return setup_fail("the signature is not by that certificate");
	printf("good: %u entries, signed by the role %s\n", p->entries, p->role);
	return 0;
}

static int open_protocol(const char *path, const char *step, struct protocol *p)
{
	enum protocol_mode mode = PROTOCOL_GO_ON;
	int r;

	if (strcmp(step, "begin") == 0)
		mode = PROTOCOL_BEGIN;
	else if (strcmp(step, "verify") == 0)
		mode = PROTOCOL_READ;
	r = protocol_open(path, mode, p);
	if (r < 0)
		setup_fail("%s: %s", path,
			r == -EBADMSG  ? "it is no protocol, or was altered"
			: r == -ENOENT ? "there is none: begin it"
				       : strerror(-r));
	return r;
}

/* argv: ceremony FILE STEP ... */
int setup_ceremony(struct setup *s, int argc, char **argv)
{
	struct protocol p;
	struct step c = {
		.s = s, .at = { .protocol = &p }, .argc = argc - 3, .argv = argv + 3
	};
	bool check;
	int r, i = 0;

	if (argc < 3)
		return SETUP_USAGE;
	c.name = argv[1];
	check = strcmp(argv[2], "verify") == 0 && argc == 4;
	while (STEPS[i].name && strcmp(STEPS[i].name, argv[2]) != 0)
		i++;
	if (!check && (!STEPS[i].name || c.argc < STEPS[i].min || c.argc > STEPS[i].max))
		return SETUP_USAGE;
	if (open_protocol(argv[1], argv[2], &p) < 0)
		return 1;
	r = check ? verify(&p, argv[3]) : run_step(&c, STEPS[i].name, STEPS[i].run);
	protocol_done(&p);
	return r < 0 ? 1 : 0;
}
