/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a test has made, kept for judges of another house; for tests only.
 */
#ifndef SEALGATE_TESTS_EVIDENCE_KEPT_H
#define SEALGATE_TESTS_EVIDENCE_KEPT_H

#include "common/durable.h"
#include "house.h"

/* Into the folder of SEALGATE_TEST_KEEP, for judges of another house. */
__attribute__((format(printf, 2, 3))) HOUSE void keep(
	struct span octets, const char *format, ...)
{
	const char *folder = getenv("SEALGATE_TEST_KEEP");
	char path[512];
	va_list ap;
	int n;

	if (!folder)
		return;
	n = snprintf(path, sizeof(path), "%s/", folder);
	va_start(ap, format);
	(void)vsnprintf(path + n, sizeof(path) - (size_t)n, format, ap);
	va_end(ap);
	assert_int_equal(durable_write(path, octets, 0644), 0);
}

HOUSE void keep_authority(const struct house *h)
{
	unsigned char *der = NULL;
	int len = i2d_X509(h->ca, &der);

	keep(span_of(der, (size_t)len), "ca.der");
	OPENSSL_free(der);
	der = NULL;
	len = i2d_X509_CRL(h->crl, &der);
	keep(span_of(der, (size_t)len), "ca.crl");
	OPENSSL_free(der);
}

#endif
