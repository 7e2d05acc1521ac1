/* SPDX-License-Identifier: EUPL-1.2 */
/* The reader of compiled code lists: what it takes has every code in order and finds each
 * of them, and nothing is read past its end. */
#include "document/code_index.h"
#include "document/code_list_model.h"
#include "tests/fuzz/target.h"

#include <string.h>

#define AT 1781000000 /* 2026-06-09 */

static void look(const struct code_list *l, const char *code, bool known)
{
	char day[CODE_DAY_SIZE];
	enum code_answer answer = code_list_find(l, code, AT, day);

	check((answer != CODE_UNKNOWN) == known);
	check((answer == CODE_TOO_EARLY || answer == CODE_TOO_LATE) ==
		(strlen(day) == CODE_DAY_SIZE - 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* As a file is mapped: aligned; and of exactly its size. */
	uint8_t *copy = malloc(size ? size : 1);
	struct code_list *l = NULL;

	check(copy != NULL);
	memcpy(copy, data, size);
	if (code_index_read(span_of(copy, size), &l) == 0) {
		const char *last = "";

		for (size_t i = 0; i < code_list_count(l); i++) {
			last = l->text + l->entries[i].code;
			look(l, last, true);
		}
		look(l, "", false);
		look(l, "\xff\xff\xff\xff\xff\xff\xff\xff",
			strcmp(last, "\xff\xff\xff\xff\xff\xff\xff\xff") == 0);
	}
	code_list_free(l);
	free(copy);
	return 0;
}
