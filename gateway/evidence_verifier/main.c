/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate-verify-evidence: the verifier alone, for whoever was given a container and has
 * nothing else of sealgate: no instance, no sockets, no network.
 */
#include "evidence/command.h"
#include "pki/errors.h"

#include <string.h>

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		puts("sealgate-verify-evidence " SEALGATE_VERSION);
		return 0;
	}
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") != 0)
			continue;
		puts("usage: sealgate-verify-evidence " EVIDENCE_VERIFY_ARGUMENTS "\n"
		     "Verify evidence containers offline.");
		return 0;
	}
	if (pki_errors_watch() < 0)
		return 3;
	return evidence_verify_command(
		"sealgate-verify-evidence", argc, argv, stdout, stderr);
}
