/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Commands to a TPM 2.0 and its responses as octets (TPM 2.0 Library specification, part
 * 3); never reads beyond what came.
 */
#ifndef SEALGATE_CTL_TPM_MESSAGE_H
#define SEALGATE_CTL_TPM_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#define MESSAGE_MAX 512u
#define TAG_PLAIN 0x8001u
#define TAG_SESSIONS 0x8002u
#define ALG_SHA256 0x000bu

struct tpm_message {
	uint8_t data[MESSAGE_MAX];
	size_t len; /* of a request so far; of a response where the next value begins */
	size_t end; /* of a response */
};

/* A request: its head, values of so many octets, and the authorisation area, which is one
 * session with the password that is empty. */
void tpm_begin(struct tpm_message *m, uint32_t tag, uint32_t code);
void tpm_put(struct tpm_message *m, uint64_t value, size_t octets);
void tpm_authorise(struct tpm_message *m);

/* Send the request, have the response in the same place, at its first parameter; before
 * them is the handle of what was made, where one was asked for. Return: 0, or as the
 * functions of tpm.h. */
int tpm_exchange(int fd, struct tpm_message *m, uint32_t *ret_handle);

/* The next value of a response. One that is not there reads as zero, and leaves the place
 * (len) beyond the end. */
uint64_t tpm_get(struct tpm_message *m, size_t octets);

/* So many octets where the reading is. Return: NULL, there are not so many, as above. */
const uint8_t *tpm_take(struct tpm_message *m, size_t len);

#endif
