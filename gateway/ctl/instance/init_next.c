/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/instance/init_next.h"

#define WHAT_COLUMN 36

/* Files whose names are the defaults of sealgate.conf(5). */
static const char FILES[] =
	"Put there what only you have:\n"
	"  tls/server.pem, tls/server.key    certificate with its chain, and key, of the "
	"listeners\n"
	"  tls/partner-ca.pem, tls/customs-ca.pem, tls/operator-ca.pem\n"
	"                                    authorities of client certificates\n"
	"  tls/destination-ca.pem            authorities of destinations' servers\n"
	"  state/trust/revocation/           CRLs of these authorities and of signers, "
	"or\n"
	"  policies/trust/sources.cfg        where sealgate-trustd fetches them\n"
	"  policies/anchors/                 signers/, tsa/, seal/: where certificates "
	"end\n"
	"  policies/partners/, policies/operators.cfg, policies/routes/\n"
	"                                    who may send, who operates, where to; a "
	"README "
	"is in each\n"
	"  credentials/destinations/         what the destinations of routes ask for\n";

static const char TEST_KEYS[] =
	"In sealgate.conf: seal = { tsa_url = \"...\"; };  a time-stamping authority, or "
	"policies/signature/tsa.cfg.\n"
	"Then the keys, in the software token that is made here:\n";

static const char PRODUCTION_KEYS[] =
	"In sealgate.conf:\n"
	"  signer = { module = \"...\"; token = \"...\"; activation = \"custodians\"; "
	"};\n"
	"                                    the HSM, initialised with its maker's "
	"tools\n"
	"  seal = { tsa_url = \"...\"; };    a time-stamping authority, or "
	"policies/signature/tsa.cfg\n"
	"Then the keys; where the token is opened, its PIN is asked for:\n";

static void step(FILE *out, const char *dir, const char *words, const char *what)
{
	fprintf(out, "  sealgate --instance %s %s", dir, words);

	if (*what)
		fprintf(out, "\n%*s%s", WHAT_COLUMN, "", what);
	fputc('\n', out);
}

static void say_keys(FILE *out, const char *dir, bool test)
{
	step(out, dir, test ? "hsm init" : "hsm keys",
		"make the keys of policies/signature/roles.cfg");
	step(out, dir, "hsm csr seal >seal.csr",
		"certificate requests, for your authority");
	step(out, dir, "hsm csr receipt >receipt.csr", "");
	step(out, dir, "hsm csr audit-head >audit-head.csr", "");
	step(out, dir, "hsm import seal seal.pem", "what it issued, with the chain");
	step(out, dir, "hsm import receipt receipt.pem", "");
	step(out, dir, "hsm import audit-head audit-head.pem", "");
}

void init_say_next(FILE *out, const char *dir, bool test, bool system)
{
	fprintf(out, "instance %s is made (%s)\n\n", dir,
		test ? "TEST: software token, loopback; its seals and receipts say TEST"
		     : "production; --test makes one with a software token");
	fputs(FILES, out);
	fputs(test ? TEST_KEYS : PRODUCTION_KEYS, out);
	say_keys(out, dir, test);
	if (!test)
		step(out, dir, "hsm custody -k 2 NAME NAME NAME",
			"close the PIN for two of three people");
	fputs("And start it:\n", out);
	if (system)
		fputs("  systemctl start sealgate.target   see systemd/README.md\n", out);
	else
		step(out, dir, "up", "");
	if (!test)
		step(out, dir, "hsm activate NAME",
			"two of the three, each; before that nothing is signed");
}
