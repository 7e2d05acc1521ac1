/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/errors.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>

static _Thread_local bool memory_ran_out;

void pki_errors_out_of_memory(void)
{
	memory_ran_out = true;
}

static void *watched_malloc(size_t size, const char *file, int line)
{
	void *p = size ? malloc(size) : NULL;

	(void)file, (void)line;
	if (!p && size)
		pki_errors_out_of_memory();
	return p;
}

static void watched_free(void *p, const char *file, int line)
{
	(void)file, (void)line;
	free(p);
}

static void *watched_realloc(void *p, size_t size, const char *file, int line)
{
	void *more;

	if (size == 0) {
		watched_free(p, file, line);
		return NULL;
	}
	more = realloc(p, size);
	if (!more)
		pki_errors_out_of_memory();
	return more;
}

int pki_errors_watch(void)
{
	return CRYPTO_set_mem_functions(watched_malloc, watched_realloc, watched_free)
		       ? 0
		       : -EALREADY;
}

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
