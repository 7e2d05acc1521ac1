/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A TPM's word for what is in its registers: a key that signs nothing else, and a
 * quote by it (TPM 2.0 Library specification, part 3, TPM2_Quote); never judges a value.
 *
 * The key is P-256 and of the endorsement hierarchy: the TPM makes the same one of its
 * seed each time, so that nothing is kept, here or in the TPM, and a factory reset leaves
 * it as it is. It is restricted: the TPM signs with it what it has made itself, alone.
 */
#ifndef SEALGATE_CTL_ATTEST_H
#define SEALGATE_CTL_ATTEST_H

#include "common/digest.h"
#include "common/span.h"

#define ATTEST_NONCE_LEAST 16u /* octets; fewer could be guessed beforehand */
#define ATTEST_NONCE_MOST 32u  /* what every TPM takes */
#define ATTEST_MAX 256u
#define ATTEST_KEY_SIZE 91u /* SubjectPublicKeyInfo of a P-256 key (RFC 5480) */
#define ATTEST_NUMBER_SIZE 32u

/* Registers that are quoted, of SHA-256, in the order of their values. */
#define ATTEST_PCRS 6u
#define ATTEST_FIRMWARE                                                                  \
	2u /* the first of them are the machine's, which nobody predicts */
extern const unsigned int ATTEST_PCR[ATTEST_PCRS];

/* Which these are, as the octets of a TPMS_PCR_SELECTION. */
#define ATTEST_SELECT_SIZE 3u
extern const uint8_t ATTEST_SELECT[ATTEST_SELECT_SIZE];

struct attest_key {
	uint32_t handle;
	uint8_t der[ATTEST_KEY_SIZE];
};

struct attest_quote {
	uint8_t pcrs[ATTEST_PCRS][SHA256_SIZE];
	uint8_t attested[ATTEST_MAX]; /* TPMS_ATTEST, which the signature is over */
	size_t len;
	uint8_t r[ATTEST_NUMBER_SIZE], s[ATTEST_NUMBER_SIZE]; /* ECDSA with SHA-256 */
};

/* Have the TPM make the key again; fd as of tpm_open(). Return: 0, or as the functions of
 * tpm.h: -EPERM where the endorsement hierarchy has a password. The caller drops it. */
int attest_key_make(int fd, struct attest_key *ret_key);
void attest_key_drop(int fd, const struct attest_key *key);

/* Values of the registers, and a quote of these and the nonce. Return: 0, -EAGAIN they
 * went on changing, or as above. */
int attest_quote(int fd, const struct attest_key *key, struct span nonce,
	struct attest_quote *ret_quote);

#endif
