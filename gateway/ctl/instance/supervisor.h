/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The foreground supervisor behind `sealgate up`: starts the programs of an instance,
 * each under its uid, restarts what ends, stops all in order; never does any program's
 * work.
 */
#ifndef SEALGATE_CTL_SUPERVISOR_H
#define SEALGATE_CTL_SUPERVISOR_H

#include "common/instance.h"

/* Run until SIGINT or SIGTERM. One line is written to ready_fd (-1: none) when every
 * program serves. Return: 0 after an orderly stop, 1 when a program never came up. */
int supervise(const struct instance *instance, int ready_fd);

#endif
