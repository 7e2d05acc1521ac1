/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * First uses, before workers are forked; never reads an octet that is not our own.
 */
#ifndef SEALGATE_VERIFY_WARM_H
#define SEALGATE_VERIFY_WARM_H

#include "policy/admit.h"

/* Whatever a library reads or builds at first use is read and built here: a worker cannot
 * open a file, and what the service has built needs not be built by every worker. Judges
 * documents of our own making, signed with keys that are gone afterwards.
 * Return: 0, or negative when a judgement is not what it must be. */
int warm(const struct admit_context *context);

#endif
