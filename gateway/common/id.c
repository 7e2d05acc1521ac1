/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/id.h"

#include "common/clock.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

static const char ALPHABET[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

int id_new(char ret_id[DOCUMENT_ID_SIZE])
{
	uint64_t ms = (uint64_t)(clock_now_us() / 1000);
	uint8_t random[16];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	for (int i = 9; i >= 0; i--, ms >>= 5)
		ret_id[i] = ALPHABET[ms & 31];
	for (int i = 0; i < 16; i++)
		ret_id[10 + i] = ALPHABET[random[i] & 31];
	ret_id[DOCUMENT_ID_SIZE - 1] = '\0';
	return 0;
}

bool id_valid(const char *id)
{
	return strlen(id) == DOCUMENT_ID_SIZE - 1 &&
	       strspn(id, ALPHABET) == DOCUMENT_ID_SIZE - 1;
}
