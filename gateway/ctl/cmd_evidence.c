/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/command.h"
#include "ctl/evidence_augment.h"
#include "evidence/command.h"

#include <string.h>

int cmd_evidence(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "verify") == 0)
		return evidence_verify_command(
			"sealgate evidence verify", argc - 1, argv + 1, stdout, stderr);
	if (argc > 1 && strcmp(argv[1], "extract") == 0)
		return evidence_extract_command(
			"sealgate evidence extract", argc - 1, argv + 1, stdout, stderr);
	if (argc > 1 && strcmp(argv[1], "augment") == 0) {
		int status = evidence_augment(argc - 1, argv + 1);

		return status == EXIT_USAGE ? command_usage("evidence") : status;
	}
	return command_no_verb(argv[1]);
}
