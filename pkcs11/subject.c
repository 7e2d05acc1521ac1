/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/subject.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int nid;
	bool several;
} ATTRIBUTES[] = {
	{ "C", NID_countryName, false },
	{ "ST", NID_stateOrProvinceName, false },
	{ "L", NID_localityName, false },
	{ "street", NID_streetAddress, false },
	{ "postalCode", NID_postalCode, false },
	{ "O", NID_organizationName, false },
	{ "OU", NID_organizationalUnitName, true },
	{ "organizationIdentifier", NID_organizationIdentifier, false },
	{ "serialNumber", NID_serialNumber, false },
	{ "CN", NID_commonName, false },
};

#define COUNT (sizeof(ATTRIBUTES) / sizeof(ATTRIBUTES[0]))

static bool wrong(char why[SUBJECT_WHY_SIZE], const char *name, const char *what)
{
	snprintf(why, SUBJECT_WHY_SIZE, "%.40s %s", name, what);
	return false;
}

/* The part up to the separator, with its backslashes gone; *text goes on behind it.
 * Return: false when one stands before nothing. */
static bool next_part(const char **text, char separator, char ret_part[SUBJECT_MAX])
{
	const char *p = *text;
	size_t n = 0;

	for (; *p && *p != separator; p++) {
		if (*p == '\\' && !*++p)
			return false;
		ret_part[n++] = *p;
	}
	ret_part[n] = '\0';
	*text = *p ? p + 1 : p;
	return true;
}

static bool value_ok(const char *value)
{
	if (!*value)
		return false;
	for (; *value; value++)
		if ((unsigned char)*value < ' ' || *value == 0x7f)
			return false;
	return true;
}

static bool country_ok(const char *value)
{
	return strlen(value) == 2 && isupper((unsigned char)value[0]) &&
	       isupper((unsigned char)value[1]);
}

static bool add(X509_NAME *name, char *part, char why[SUBJECT_WHY_SIZE])
{
	char *value = strchr(part, '=');
	size_t i = 0;

	if (!value)
		return wrong(why, part, "is no NAME=VALUE: a comma of a value is \\,");
	*value++ = '\0';
	while (i < COUNT && strcmp(ATTRIBUTES[i].name, part) != 0)
		i++;
	if (i == COUNT)
		return wrong(why, part,
			"is none of C, ST, L, street, postalCode, O, OU, "
			"organizationIdentifier, serialNumber, CN");
	if (!ATTRIBUTES[i].several &&
		X509_NAME_get_index_by_NID(name, ATTRIBUTES[i].nid, -1) >= 0)
		return wrong(why, part, "is there twice");
	if (!value_ok(value))
		return wrong(why, part, "is empty, or not one line of text");
	if (ATTRIBUTES[i].nid == NID_countryName && !country_ok(value))
		return wrong(why, part, "is two capital letters");
	if (X509_NAME_add_entry_by_NID(name, ATTRIBUTES[i].nid, MBSTRING_UTF8,
		    (const unsigned char *)value, -1, -1, 0) != 1) {
		ERR_clear_error();
		return wrong(why, part, "is too long, or not UTF-8");
	}
	return true;
}

X509_NAME *subject_parse(const char *text, char ret_why[SUBJECT_WHY_SIZE])
{
	_cleanup_(X509_NAME_freep) X509_NAME *name = X509_NAME_new();
	char separator = text[0] == '/' ? '/' : ',', part[SUBJECT_MAX];

	ret_why[0] = '\0';
	if (!name || strlen(text) >= SUBJECT_MAX) {
		wrong(ret_why, "it", "is too long");
		return NULL;
	}
	text += separator == '/';
	while (*text) {
		char *begin = part;

		if (!next_part(&text, separator, part)) {
			wrong(ret_why, "it", "ends with a backslash");
			return NULL;
		}
		begin += strspn(begin, " ");
		if (!add(name, begin, ret_why))
			return NULL;
	}
	if (X509_NAME_get_index_by_NID(name, NID_commonName, -1) < 0) {
		wrong(ret_why, "CN", "is missing");
		return NULL;
	}
	return TAKE(name);
}
