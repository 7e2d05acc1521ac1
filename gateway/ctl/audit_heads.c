/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/audit_heads.h"

#include "common/durable.h"
#include "ctl/command.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_position(const void *a, const void *b)
{
	const struct sealed_head *x = a, *y = b;

	return (x->position > y->position) - (x->position < y->position);
}

static int add_one(
	struct audit_heads *h, const char *path, const struct pki_material *material)
{
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_(freep) char *reason = NULL;
	struct sealed_head head, *grown;
	size_t len;
	int r = file_read(path, SEALED_HEAD_MAX, &data, &len);

	if (r == 0)
		r = sealed_head_verify(span_of(data, len), material, &head, &reason);
	if (r <= 0) {
		fprintf(stderr, "sealgate: %s: %s\n", path,
			r < 0 ? strerror(-r) : reason);
		return r < 0 ? EXIT_INTERNAL : EXIT_NOT_PASSED;
	}
	grown = realloc(h->list, (h->count + 1) * sizeof(*grown));
	if (!grown)
		return EXIT_INTERNAL;
	h->list = grown;
	h->list[h->count++] = head;
	return EXIT_CLEAN;
}

static bool is_head(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && n > 5 && strcmp(name + n - 5, ".json") == 0;
}

int audit_heads_load(
	struct audit_heads *h, const char *folder, const struct pki_material *material)
{
	DIR *d = opendir(folder);
	const struct dirent *e;
	char path[PATH_MAX];
	int status = EXIT_CLEAN;

	if (!d) {
		fprintf(stderr, "sealgate: %s: %s\n", folder, strerror(errno));
		return EXIT_USAGE;
	}
	while (status == EXIT_CLEAN && (e = readdir(d)) != NULL) {
		if (!is_head(e->d_name))
			continue;
		status = snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) <
					 PATH_MAX
				 ? add_one(h, path, material)
				 : EXIT_INTERNAL;
	}
	closedir(d);
	if (h->count)
		qsort(h->list, h->count, sizeof(*h->list), by_position);
	return status;
}

bool audit_heads_agree(
	struct audit_heads *h, int64_t position, const uint8_t chain[SHA256_SIZE])
{
	while (h->next < h->count && h->list[h->next].position == position) {
		if (memcmp(h->list[h->next].chain, chain, SHA256_SIZE) != 0)
			return false;
		h->next++;
	}
	return true;
}

void audit_heads_done(struct audit_heads *h)
{
	free(h->list);
	*h = (struct audit_heads){ 0 };
}
