/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/refuse.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ELLIPSIS "..."

int appliance_refuse(char **ret_error, const char *where, const char *received,
	const char *why, const char *fix)
{
	if (!*ret_error && asprintf(ret_error, "%s: received '%s': %s; %s", where,
				   received, why, fix) < 0)
		*ret_error = NULL;
	return -EINVAL;
}

static bool goes_on(char octet)
{
	return ((unsigned char)octet & 0xC0) == 0x80;
}

void appliance_cut(const char *text, size_t size, char *ret)
{
	size_t len = strnlen(text, size), back = 0;
	bool whole = len < size;

	if (!whole) {
		len = size - sizeof(ELLIPSIS);
		/* a character has three more octets at most */
		for (; back < 3 && back < len && goes_on(text[len - back]); back++)
			;
		len -= goes_on(text[len - back]) ? 0 : back;
	}
	memcpy(ret, text, len);
	(void)snprintf(ret + len, size - len, "%s", whole ? "" : ELLIPSIS);
	for (char *c = ret; *c; c++)
		if ((unsigned char)*c < ' ' || *c == '\x7F')
			*c = '?';
}
