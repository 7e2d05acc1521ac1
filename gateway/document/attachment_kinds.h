/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Kinds of attachments that are taken and how the files of each are recognised, the table
 * policies/codes/attachments.csv; never believes what a file is called.
 */
#ifndef SEALGATE_DOCUMENT_ATTACHMENT_KINDS_H
#define SEALGATE_DOCUMENT_ATTACHMENT_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATTACHMENT_HEAD 16

struct attachment_kinds;

/* Read the table below policies. *ret_error: one line "FILE:LINE: what", the caller
 * frees. Return: 0, -EINVAL, -errno. */
int attachment_kinds_load(
	const char *policies, struct attachment_kinds **ret_kinds, char **ret_error);
void attachment_kinds_free(struct attachment_kinds *k);

enum attachment_answer {
	ATTACHMENT_UNLISTED = 0, /* no kind of the table */
	ATTACHMENT_OPAQUE,	 /* the table does not say how it is recognised */
	ATTACHMENT_IS,
	ATTACHMENT_IS_NOT,
};

/* Is what stands there in base64 of the kind? head: its first octets, zeroes behind them;
 * NULL: it is not asked, and what can be recognised is. */
enum attachment_answer attachment_kind_is(const struct attachment_kinds *k,
	const char *kind, const uint8_t head[ATTACHMENT_HEAD], const char *base64);

#endif
