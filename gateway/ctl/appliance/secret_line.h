/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Secrets one after the other over one connection, each answered by what is made of it,
 * between who takes a configuration and the unit that has the key; never encrypts.
 *
 *   "NAME SIZE", a line, then so many octets: both ways, the answer under the same name
 */
#ifndef SEALGATE_CTL_SECRET_LINE_H
#define SEALGATE_CTL_SECRET_LINE_H

#include "common/instance.h"
#include "common/span.h"

#include <stddef.h>
#include <stdint.h>

#define SECRET_LINE_MAX 1024 /* secrets of one connection: a list has no more files */

/* Send one, or what was made of it. Return: 0 or -errno. */
int secret_send(int fd, const char *name, struct span octets);

/* Receive one, of at most so many octets. *ret_octets: cleansed and freed by the caller.
 * Return: 1, 0 the other side has ended before it began one, -EPROTO what came is none,
 * -EFBIG it is larger, -errno. */
int secret_receive(int fd, char ret_name[INSTANCE_CREDENTIAL_SIZE], size_t most,
	uint8_t **ret_octets, size_t *ret_len);

/* Answer until the other side ends: each secret is given to a run of the tool with the
 * arguments of systemd-creds(1), which prints what is made of it. Whatever is wrong with
 * one ends it, without an answer. Return: 0, -EINVAL no name of a credential, -ECHILD the
 * tool failed, -E2BIG one too many, -errno as secret_receive. */
int secret_serve(int in, int out, const char *tool);

#endif
