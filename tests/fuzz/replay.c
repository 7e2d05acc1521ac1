/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The main function of a fuzz target without libFuzzer: every file below the folders
 * given is fed as it is, and in copies that are damaged in the same way at every run.
 */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (16u * 1024 * 1024)
#define DAMAGED_MAX (64u * 1024) /* larger seeds are only fed as they are */
#define COPIES 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t inputs, files;

/* A copy of exactly size octets, so that reading past the end is seen. */
static void feed(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	inputs++;
}

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Change, cut or double a few octets. */
static size_t damage(uint8_t *data, size_t size, uint32_t *seed)
{
	size_t at = next(seed) % size, n = next(seed) % 16 + 1;

	if (n > size - at)
		n = size - at;
	switch (next(seed) % 4) {
	case 0:
		data[at] = (uint8_t)next(seed);
		break;
	case 1:
		data[at] ^= (uint8_t)(1u << next(seed) % 8);
		break;
	case 2:
		memmove(data + at, data + at + n, size - at - n);
		size -= n;
		break;
	default:
		memmove(data + at + n, data + at, size - at);
		size += n;
	}
	return size;
}

static void feed_damaged(const uint8_t *data, size_t size)
{
	uint32_t seed = (uint32_t)size;
	uint8_t *copy = malloc(size + 64);

	if (!copy)
		abort();
	for (int i = 0; i < COPIES; i++) {
		size_t n = size;

		memcpy(copy, data, size);
		for (uint32_t k = next(&seed) % 3 + 1; k > 0 && n > 0; k--)
			n = damage(copy, n, &seed);
		feed(copy, n);
	}
	free(copy);
	/* Every beginning of it, of a long one at steps. */
	for (size_t n = 0; n < size; n += size / 500 + 1)
		feed(data, n);
}

static int feed_file(const char *path)
{
	FILE *in = fopen(path, "rb");
	uint8_t *data = malloc(INPUT_MAX);
	size_t size;

	if (!in || !data) {
		fprintf(stderr, "%s: cannot be read\n", path);
		if (in)
			fclose(in);
		free(data);
		return 1;
	}
	size = fread(data, 1, INPUT_MAX, in);
	fclose(in);
	feed(data, size);
	if (size > 0 && size <= DAMAGED_MAX)
		feed_damaged(data, size);
	free(data);
	files++;
	return 0;
}

static int feed_path(const char *path)
{
	struct dirent **entries;
	struct stat st;
	int count, failed = 0;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return feed_file(path);
	count = scandir(path, &entries, NULL, alphasort);
	if (count < 0) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return 1;
	}
	for (int i = 0; i < count; i++) {
		char below[4096];

		(void)snprintf(below, sizeof(below), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			failed |= feed_path(below);
		free(entries[i]);
	}
	free(entries);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed |= feed_path(argv[i]);
	printf("%s: %zu files, %zu inputs\n", argv[0], files, inputs);
	return failed || files == 0;
}
