/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An operator's act on a document, asked of the operators' API under the operator's own
 * certificate; never asked of queued, which would not know whose act it is.
 */
#ifndef SEALGATE_CTL_QUEUE_CONTROL_H
#define SEALGATE_CTL_QUEUE_CONTROL_H

/* argv[0] is the verb: hold, release, redrive. usage names the command for command_usage.
 * Return: enum exit_status. */
int queue_control_run(const char *usage, int argc, char **argv);

#endif
