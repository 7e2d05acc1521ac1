/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Every limit that more than one module must agree on, in one block; never policy.
 */
#ifndef SEALGATE_COMMON_LIMITS_H
#define SEALGATE_COMMON_LIMITS_H

#define LIMIT_DOCUMENT (10u * 1024 * 1024)  /* octets of a submitted document */
#define LIMIT_REPORT (4u * 1024 * 1024)	    /* octets of a validation report */
#define LIMIT_CONTAINER (24u * 1024 * 1024) /* octets of an evidence container */
#define LIMIT_RECEIPT (64u * 1024)	    /* octets of a receipt */
#define LIMIT_RECORD (64u * 1024)	    /* octets of an evidence record */
#define LIMIT_REPLY (1024u * 1024)	    /* octets of a destination's answer */
#define LIMIT_FINDINGS 500		    /* findings kept for one document */
#define LIMIT_SIGNATURES 16		    /* signatures in one document */

/* Forward's threads. A courier has a connection to queued of its own, which claims wait
 * at; callers share a few. Queued keeps so many for forward. */
#define LIMIT_COURIERS 256    /* of all destinations and their notices */
#define LIMIT_CALLERS 1024    /* partners that are called back */
#define LIMIT_CALLER_TRUNKS 8 /* connections that these share */

#define DOCUMENT_ID_SIZE 27  /* 26 characters and a NUL */
#define PARTNER_NAME_SIZE 64 /* with the NUL, as all below */
#define DESTINATION_NAME_SIZE 64
#define DOCUMENT_TYPE_SIZE 32
#define DOCUMENT_NUMBER_SIZE 128
#define COUNTRY_SIZE 3
#define STATUS_SIZE 8
#define DOCUMENT_REPLY_SIZE 256 /* what a destination calls a document */

#endif
