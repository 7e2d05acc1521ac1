/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * OpenSSL's queue of errors: a library call that failed for want of memory looks like one
 * that found nothing, and nothing found can be what makes a certificate good. Never text
 * for people.
 */
#ifndef SEALGATE_PKI_ERRORS_H
#define SEALGATE_PKI_ERRORS_H

#include <stdbool.h>

/* Have OpenSSL allocate through functions that note every failure: since 3.2 a realloc()
 * without success leaves nothing in the queue. To be called before anything of OpenSSL
 * is. Return: 0, -EALREADY too late, nothing is noted. */
int pki_errors_watch(void);

/* An allocator of one's own has nothing to give: this thread's decision is none. */
void pki_errors_out_of_memory(void);

/* Begin a decision: forget errors and what was seen of them. */
void pki_errors_begin(void);

/* Empty the queue, noting whether memory ran out. */
void pki_errors_clear(void);

/* True when memory ran out in this thread since the beginning: nothing is decided. */
bool pki_errors_memory(void);

#endif
