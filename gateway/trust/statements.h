/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a certificate says of itself (ETSI EN 319 412-5); never believes it.
 */
#ifndef SEALGATE_TRUST_STATEMENTS_H
#define SEALGATE_TRUST_STATEMENTS_H

#include <openssl/x509.h>
#include <stdbool.h>

struct statements {
	bool compliance;	/* QcCompliance without another legislation's list */
	bool sscd;		/* QcSSCD */
	bool esign, eseal, web; /* QcType; compliance without a type means esign */
};

/* What cannot be read says nothing. */
void statements_read(const X509 *certificate, struct statements *ret);

#endif
