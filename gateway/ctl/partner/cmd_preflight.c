/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/command.h"
#include "ctl/partner/submit.h"

#include <string.h>

static bool accepted(const json_t *body)
{
	const char *decision = json_string_of(body, "decision");

	return decision && strcmp(decision, "accepted") == 0;
}

int cmd_preflight(int argc, char **argv)
{
	return submit_run("/v1/preflight", accepted, argc, argv);
}
