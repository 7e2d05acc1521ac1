/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A quote of a machine's TPM as JSON ("sealgate-quote 1"), and whether it proves that the
 * machine has started what a release says; never asks the machine.
 */
#ifndef SEALGATE_CTL_QUOTE_H
#define SEALGATE_CTL_QUOTE_H

#include "common/json.h"
#include "ctl/appliance/attest.h"

#define QUOTE_MAX 65536u

/* Have the TPM make one, fd as of tpm_open(). The caller frees *ret_quote: format, nonce,
 * bank, pcrs by number, attested and signature (base64; the latter DER), key (PEM) and
 * key_sha256, of its SubjectPublicKeyInfo. Return: 0, or as attest_quote(). */
int quote_make(int fd, struct span nonce, json_t **ret_quote);

/* SHA-256 of the key that signs quotes, in hexadecimal. Return: as attest_key_make(). */
int quote_key(int fd, char ret_sha256[SHA256_TEXT_SIZE]);

/* Judge a quote: by the key with that fingerprint, over this nonce, of these values, and
 * these the ones that are predicted (firmware/predict; NULL: none are). The caller frees
 * the result: ok, reasons (each "WHAT: why"), key_sha256, pcrs by number, each with what
 * it is, what was predicted or null, and what decides it. NULL when memory ran out. */
json_t *quote_judge(const json_t *quote, struct span nonce, const char *key_sha256,
	const json_t *predicted);

/* Its number of a register, as in JSON. */
#define QUOTE_NUMBER_SIZE 4
void quote_number(size_t i, char ret[QUOTE_NUMBER_SIZE]);

#endif
