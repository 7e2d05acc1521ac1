/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/errors.h"

#include <openssl/err.h>

static _Thread_local bool memory_ran_out;

void pki_errors_begin(void)
{
	ERR_clear_error();
	memory_ran_out = false;
}

void pki_errors_clear(void)
{
	unsigned long e;

	while ((e = ERR_get_error()) != 0)
		if (ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE)
			memory_ran_out = true;
}

bool pki_errors_memory(void)
{
	pki_errors_clear();
	return memory_ran_out;
}
