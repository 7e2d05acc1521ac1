/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Files that are whole or absent after a power cut: the one place that decides how; never
 * leaves a half-written file under the name that was asked for.
 */
#ifndef SEALGATE_COMMON_DURABLE_H
#define SEALGATE_COMMON_DURABLE_H

#include "common/span.h"

#include <sys/types.h>

/* Replace path by data: temporary file beside it, fchmod, fsync, rename, fsync of the
 * folder. Return: 0 or -errno, path then being as before. */
int durable_write(const char *path, struct span data, mode_t mode);

/* Make a folder that is there after a power cut, unless there is one. Return: 0 or
 * -errno. */
int durable_mkdir(const char *path, mode_t mode);

/* Write all of data to a descriptor that blocks. Return: 0 or -errno. */
int fd_write_all(int fd, struct span data);

/* Read len octets from a descriptor that blocks, or what comes before its end: *ret_len.
 * Return: 0 or -errno. */
int fd_read_up_to(int fd, uint8_t *data, size_t len, size_t *ret_len);

/* Read a file of at most max octets; the caller frees *ret_data, which has a NUL after
 * its end. What is no regular file is not waited for. Return: 0, -EFBIG, -EINVAL for
 * what is none, -errno. */
int file_read(const char *path, size_t max, uint8_t **ret_data, size_t *ret_len);

/* The same of a file of an open folder; never through a link. */
int file_read_at(
	int folder, const char *name, size_t max, uint8_t **ret_data, size_t *ret_len);

/* The same in a folder that another user may write: neither the file nor the folder may
 * be a symbolic link. Return: as file_read, -ELOOP or -ENOTDIR for a link. */
int file_read_of_others(
	const char *path, size_t max, uint8_t **ret_data, size_t *ret_len);

#endif
