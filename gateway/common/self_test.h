/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a program found out about itself when it started, handed to who decides about the
 * machine as a file; never a measure of what is asked of it later.
 */
#ifndef SEALGATE_COMMON_SELF_TEST_H
#define SEALGATE_COMMON_SELF_TEST_H

#include "common/instance.h"

#include <stddef.h>

#define SELF_TEST_REASON_SIZE 256

/* The file is in $SEALGATE_SELF_TEST, which a start empties, else in state/seal/ of the
 * instance. */

/* Say it: fault NULL or one sentence. Return: 0 or -errno. */
int self_test_tell(const struct instance *i, const char *fault);

/* What was said at an earlier start is not true any more. Return: 0 or -errno. */
int self_test_forget(const struct instance *i);

/* Return: 0 when it passed; 1 when it did not, which holds for as long as that program
 * runs; -errno when nothing is known of one; both with one sentence in ret_reason. */
int self_test_read(const struct instance *i, char ret_reason[SELF_TEST_REASON_SIZE]);

#endif
