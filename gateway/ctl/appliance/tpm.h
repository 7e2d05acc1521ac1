/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The little of a TPM 2.0 that the floor of versions needs: two indices of its
 * non-volatile memory and what it says of itself; never sends it a secret, and never uses
 * what it counts tries for.
 *
 * Commands are those of the TPM 2.0 Library specification, part 3, each with the empty
 * password, over the kernel's resource manager; a whole library for six of them would be
 * the largest thing in the image that reads what comes from a chip.
 */
#ifndef SEALGATE_CTL_TPM_H
#define SEALGATE_CTL_TPM_H

#include "common/cleanup.h"

#include <stdbool.h>
#include <stdint.h>

#define TPM_DEVICE "/dev/tpmrm0"
#define TPM_NV_MAX 256u

/* Properties of part 2, 6.13 (TPM_PT), by their numbers there. */
enum tpm_property {
	TPM_PERMANENT = 0x200, /* bit 9: in lockout */
	TPM_LOCKOUT_COUNTER = 0x20e,
	TPM_LOCKOUT_MAX = 0x20f,      /* so many wrong tries */
	TPM_LOCKOUT_INTERVAL = 0x210, /* seconds until one is forgotten */
};
#define TPM_IN_LOCKOUT (1u << 9)

enum tpm_nv_kind {
	TPM_NV_OCTETS = 0x0, /* as many as it was made with */
	TPM_NV_COUNTER = 0x1 /* 64 bits; never goes back, not even when it is made anew */
};

/* All functions return 0 or a negative: -ENOENT no such index, -ENODATA nothing was ever
 * written to it, -EPERM refused for its authorisation, -EBUSY in lockout, -ENOSPC no
 * room, -EEXIST, -EMEDIUMTYPE it is no counter of ours, -EPROTO an answer that is none,
 * -EREMOTEIO whatever else it refused, -errno. */

/* Open the device. Return: its descriptor, or -errno. */
int tpm_open(const char *path);

/* One property of its own. */
int tpm_property(int fd, enum tpm_property property, uint32_t *ret_value);

/* Make an index, outside of the TPM's count of wrong tries. size: of TPM_NV_OCTETS. */
int tpm_nv_define(int fd, uint32_t index, enum tpm_nv_kind kind, uint16_t size);

/* Read all of an index of exactly size octets, at most TPM_NV_MAX. */
int tpm_nv_read(int fd, uint32_t index, uint8_t *ret_data, uint16_t size);

/* Write all of it. */
int tpm_nv_write(int fd, uint32_t index, const uint8_t *data, uint16_t size);

/* Of a counter, which the index is by the TPM's own account. The first count makes it
 * readable. */
int tpm_nv_value(int fd, uint32_t index, uint64_t *ret_value);
int tpm_nv_count(int fd, uint32_t index);

#endif
