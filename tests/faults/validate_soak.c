/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Validation again and again in one process: does its memory stay what it is?
 *
 *   validate_soak COUNT ANCHORS FILE...
 *
 * Validates the files by turns COUNT times, by both profiles, and prints the resident
 * memory in KiB after the first hundredth part (by then all that is kept is there), in
 * the middle and at the end, and how many of the validations passed.
 */
#include "common/clock.h"
#include "common/durable.h"
#include "xades/validate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX 64
#define FILE_MAX (10u * 1024 * 1024)
#define AT "2026-06-02T00:00:00Z"

static void fail(const char *what)
{
	fprintf(stderr, "validate_soak: %s\n", what);
	exit(1);
}

static long resident_kib(void)
{
	char line[256];
	long kib = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kib;
}

static bool validate(struct span octets, struct xades_options *options)
{
	_cleanup_(xades_report_freep) struct xades_report *r = NULL;
	int e = (xades_is_container(octets) ? xades_validate_container : xades_validate)(
		octets, options, &r);

	if (e < 0)
		fail("undecided");
	return r->indication == XADES_TOTAL_PASSED;
}

int main(int argc, char **argv)
{
	struct xades_options options = { 0 };
	struct span files[FILES_MAX];
	struct pki_material *m = pki_material_new();
	long count, start = 0, middle = 0, passed = 0;
	char *error = NULL;
	int n = argc - 3;

	if (n < 1 || n > FILES_MAX || !m || clock_parse(AT, &options.at) < 0)
		fail("usage: COUNT ANCHORS FILE...");
	count = strtol(argv[1], NULL, 10);
	if (pki_material_load(m, PKI_ANCHORS, argv[2], &error) < 0 || xades_setup() < 0)
		fail(error ? error : "set-up");
	options.material = m;
	for (int i = 0; i < n; i++) {
		uint8_t *data;
		size_t len;

		if (file_read(argv[3 + i], FILE_MAX, &data, &len) < 0)
			fail(argv[3 + i]);
		files[i] = span_of(data, len);
	}
	for (long i = 0; i < count; i++) {
		options.profile = i / n % 2 ? XADES_GATE : XADES_EIDAS;
		passed += validate(files[i % n], &options);
		if (i == count / 100)
			start = resident_kib();
		if (i == count / 2)
			middle = resident_kib();
	}
	printf("{\"validations\": %ld, \"passed\": %ld, \"start_kib\": %ld, "
	       "\"middle_kib\": %ld, \"end_kib\": %ld}\n",
		count, passed, start, middle, resident_kib());
	return 0;
}
