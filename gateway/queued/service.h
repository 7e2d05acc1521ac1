/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The program from its arguments to its exit status; never called twice in a process.
 */
#ifndef SEALGATE_QUEUED_SERVICE_H
#define SEALGATE_QUEUED_SERVICE_H

int queued_main(int argc, char **argv);

#endif
