/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Signature validation alone, one thread: the first WARM documents warm up, each of the
 * others is validated once.
 *
 *   bench_validate ANCHORS REVOCATION WARM FILE...     (ANCHORS, REVOCATION: folders)
 *
 * Prints how many, the microseconds each took on the average, and of what is kept between
 * documents (certificates decoded, signatures of CA certificates and CRLs) how much was
 * found and missed while they were timed.
 */
#include "common/clock.h"
#include "common/durable.h"
#include "pki/proof.h"
#include "xades/validate.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FILE_MAX (10u * 1024 * 1024)

static void fail(const char *what)
{
	fprintf(stderr, "bench_validate: %s\n", what);
	exit(1);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static struct pki_material *load(const char *anchors, const char *revocation)
{
	struct pki_material *m = pki_material_new();
	char *error = NULL;

	if (!m || pki_material_load(m, PKI_ANCHORS, anchors, &error) < 0 ||
		pki_material_load(m, PKI_REVOCATION, revocation, &error) < 0 ||
		xades_setup() < 0)
		fail(error ? error : "anchors or revocation data cannot be loaded");
	return m;
}

static void validate(const char *path, const struct xades_options *options)
{
	_cleanup_(xades_report_freep) struct xades_report *report = NULL;
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;

	if (file_read(path, FILE_MAX, &data, &len) < 0 ||
		xades_validate(span_of(data, len), options, &report) < 0 ||
		report->indication != XADES_TOTAL_PASSED)
		fail(path);
}

int main(int argc, char **argv)
{
	struct xades_options options = { .profile = XADES_EIDAS, .at = clock_now() };
	struct pki_hits parsed, proven, parsed_end, proven_end;
	int warm, count;
	double start;

	if (argc < 6)
		fail("usage: ANCHORS REVOCATION WARM FILE...");
	options.material = load(argv[1], argv[2]);
	warm = (int)strtol(argv[3], NULL, 10);
	count = argc - 4 - warm;
	if (warm < 0 || count < 1)
		fail("WARM is not less than the number of files");
	for (int i = 0; i < warm; i++)
		validate(argv[4 + i], &options);
	parsed = pki_parsed_hits();
	proven = pki_proof_hits();
	start = now_us();
	for (int i = 0; i < count; i++)
		validate(argv[4 + warm + i], &options);
	start = now_us() - start;
	parsed_end = pki_parsed_hits();
	proven_end = pki_proof_hits();
	printf("{\"documents\": %d, \"us\": %.1f, \"certificates\": [%zu, %zu], "
	       "\"proofs\": [%zu, %zu]}\n",
		count, start / count, (size_t)(parsed_end.found - parsed.found),
		(size_t)(parsed_end.missed - parsed.missed),
		(size_t)(proven_end.found - proven.found),
		(size_t)(proven_end.missed - proven.missed));
	return 0;
}
