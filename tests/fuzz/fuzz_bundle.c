/* SPDX-License-Identifier: EUPL-1.2 */
/* Policy bundles: what is read is in the one form, and no name of it leads out. */
#include "policy/bundle.h"
#include "tests/fuzz/target.h"

#include <string.h>

static void check_file(const struct bundle *b, size_t i)
{
	const char *name = b->files[i].name;

	check(name[0] != '\0' && name[0] != '/' && name[0] != '.');
	check(!strstr(name, "/."));
	check(i == 0 || strcmp(b->files[i - 1].name, name) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_bundle_ struct bundle b = { 0 };
	_cleanup_(freep) char *error = NULL;
	_cleanup_buf_ struct buf again;
	uint8_t *octets = malloc(size ? size : 1);

	check(octets != NULL);
	if (size)
		memcpy(octets, data, size);
	buf_init(&again, BUNDLE_MAX);
	if (bundle_read(octets, size, &b, &error) < 0) {
		check(b.octets == NULL && b.files == NULL && error != NULL);
		return 0;
	}
	check(b.count > 0 && b.count <= BUNDLE_FILES_MAX);
	for (size_t i = 0; i < b.count; i++)
		check_file(&b, i);
	check(bundle_write(&b, &again) == 0);
	check(span_equal(buf_span(&again), span_of(data, size)));
	return 0;
}
