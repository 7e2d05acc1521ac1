/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The folder of an instance with the anchor and the CRL of the house; never more.
 */
#ifndef SEALGATE_TESTS_SEAL_ANCHORED_H
#define SEALGATE_TESTS_SEAL_ANCHORED_H

#include "../evidence/house.h"

#include <limits.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <sys/stat.h>

static char FOLDER[] = "/tmp/sealgate-seal-XXXXXX";
static struct house HOUSE_OF_TESTS;

HOUSE void write_pem(const char *name)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/policies/anchors/%s", FOLDER, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, HOUSE_OF_TESTS.ca), 1);
	fclose(f);
}

HOUSE void make_folders(void)
{
	static const char *const names[] = { "policies", "policies/anchors",
		"policies/anchors/tsa", "policies/signature", "state", "state/seal",
		"state/trust", "state/trust/revocation" };
	char path[PATH_MAX];
	FILE *f;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", FOLDER, names[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	write_pem("tsa/ca.pem");
	snprintf(path, sizeof(path), "%s/state/trust/revocation/ca.crl", FOLDER);
	f = fopen(path, "w");
	assert_int_equal(PEM_write_X509_CRL(f, HOUSE_OF_TESTS.crl), 1);
	fclose(f);
}

#endif
