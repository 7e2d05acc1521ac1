/* SPDX-License-Identifier: EUPL-1.2 */
/* SCGI headers; octets that come later never change what was read. */
#include "common/scgi.h"
#include "tests/fuzz/target.h"

static void check_request(const struct scgi_request *r)
{
	check(r->pair_count >= 2 && r->pair_count <= SCGI_PAIRS_MAX);
	check(strcmp(r->pairs[0].name, "CONTENT_LENGTH") == 0);
	check(strcmp(scgi_get(r, "SCGI"), "1") == 0);
	for (size_t i = 0; i < r->pair_count; i++) {
		check(r->pairs[i].name[0] != '\0');
		check(scgi_get(r, r->pairs[i].name) == r->pairs[i].value);
		check(strlen(r->pairs[i].value) < SCGI_HEADER_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scgi_request r = { 0 }, shorter = { 0 };
	size_t used = 0, again = 0;

	if (scgi_parse(span_of(data, size), &r, &used) != 1) {
		check(r.header == NULL);
		return 0;
	}
	check(used <= size);
	check_request(&r);
	check(scgi_parse(span_of(data, used), &shorter, &again) == 1);
	check(again == used && shorter.pair_count == r.pair_count);
	scgi_done(&shorter);
	check(scgi_parse(span_of(data, used - 1), &shorter, &again) == 0);
	scgi_done(&r);
	return 0;
}
