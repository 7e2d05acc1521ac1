/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/partner/card_key.h"

#include "pkcs11/partner_key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Of the one person who runs a command, however often it asks. */
static struct {
	char uri[512];
	EVP_PKEY *key;
	int error; /* of the one try */
	char text[PARTNER_KEY_TEXT_SIZE];
} opened;

int card_key(const char *name, EVP_PKEY **ret_key, char *ret_text, size_t size)
{
	*ret_key = NULL;
	if (!partner_key_is_uri(name))
		return 0;
	if (strlen(name) >= sizeof(opened.uri)) {
		snprintf(ret_text, size,
			"the key of the client certificate: its URI has more than %zu "
			"octets",
			sizeof(opened.uri) - 1);
		return -ENAMETOOLONG;
	}
	if (strcmp(opened.uri, name) != 0) {
		EVP_PKEY_free(opened.key);
		opened.key = NULL;
		snprintf(opened.uri, sizeof(opened.uri), "%s", name);
		opened.error = partner_key_open(name, &opened.key, opened.text);
	}
	*ret_key = opened.key;
	if (opened.error < 0)
		snprintf(ret_text, size, "the key of the client certificate: %s",
			opened.text);
	return opened.error;
}
