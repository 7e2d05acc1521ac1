/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A time-stamp token taken apart: the certificates that it carries are a partner's
 * time-stamping authority's same few, and decoding them costs more than verifying the
 * token. They are found among those that were parsed a moment ago; the rest is decoded
 * without them. SignedData's certificates are not signed (RFC 5652 5.1), so that what is
 * verified does not change.
 */
#ifndef SEALGATE_PKI_TOKEN_PARTS_H
#define SEALGATE_PKI_TOKEN_PARTS_H

#include "common/span.h"

#include <openssl/cms.h>

/* der: a ContentInfo with SignedData, BER or DER. *ret_carried: its certificates, the
 * caller frees them with sk_X509_pop_free; NULL when there are none. Return: the content
 * without or with its certificates, NULL when it is not one or octets follow. */
CMS_ContentInfo *token_parts_read(struct span der, STACK_OF(X509) * *ret_carried);

#endif
