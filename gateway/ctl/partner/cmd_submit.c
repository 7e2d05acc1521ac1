/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/command.h"
#include "ctl/partner/submit.h"

int cmd_submit(int argc, char **argv)
{
	return submit_run("/v1/documents", NULL, argc, argv);
}
