/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/audit/audit_heads.h"

#include "common/clock.h"
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

int audit_heads_add(struct audit_heads *h, const struct sealed_head *head)
{
	struct sealed_head *grown = realloc(h->list, (h->count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	h->list = grown;
	h->list[h->count++] = *head;
	return 0;
}

void audit_heads_sort(struct audit_heads *h)
{
	if (h->count)
		qsort(h->list, h->count, sizeof(*h->list), by_position);
}

static int add_one(
	struct audit_heads *h, const char *path, const struct pki_material *material)
{
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_(freep) char *reason = NULL;
	struct sealed_head head;
	size_t len;
	int r = file_read(path, SEALED_HEAD_MAX, &data, &len);

	if (r == 0)
		r = sealed_head_verify(span_of(data, len), material, &head, &reason);
	if (r <= 0) {
		fprintf(stderr, "sealgate: %s: %s\n", path,
			r < 0 ? strerror(-r) : reason);
		return r < 0 ? EXIT_INTERNAL : EXIT_NOT_PASSED;
	}
	return audit_heads_add(h, &head) < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
}

static int complain(const char *path, int r, const char *reason)
{
	fprintf(stderr, "sealgate: %s: %s\n", path,
		r < 0	 ? strerror(-r)
		: reason ? reason
			 : "no time-stamp of a head");
	return r < 0 ? EXIT_INTERNAL : EXIT_NOT_PASSED;
}

/* A time-stamp, over the head that it names, of the same folder. */
static int add_stamp(struct audit_heads *h, const char *folder, const char *path,
	const struct pki_material *material)
{
	_cleanup_(freep) uint8_t *data = NULL, *head = NULL;
	_cleanup_(freep) char *reason = NULL;
	struct head_stamp stamp = { 0 };
	struct sealed_head sealed = { .position = 0 };
	char of[PATH_MAX];
	size_t len, head_len = 0;
	int64_t position;
	int r = file_read(path, HEAD_STAMP_MAX, &data, &len);

	if (r < 0)
		return complain(path, r, NULL);
	position = head_stamp_position(span_of(data, len));
	if (snprintf(of, sizeof(of), "%s/%018lld.json", folder, (long long)position) >=
		PATH_MAX)
		return EXIT_INTERNAL;
	r = position ? file_read(of, SEALED_HEAD_MAX, &head, &head_len) : 0;
	/* What the head itself says is signed; a file's name and a stamp's text are not.
	 */
	if (r == 0 && position)
		r = sealed_head_verify(
			span_of(head, head_len), material, &sealed, &reason);
	if (r == 1 && sealed.position != position)
		return complain(path, 0, "it is over the head of another position");
	if (r == 1)
		r = head_stamp_verify(span_of(data, len), span_of(head, head_len),
			material, clock_now(), &stamp, &reason);
	if (r <= 0)
		return complain(path, r, reason);
	h->stamp_count++;
	/* What is proven says more than what came later and is not. */
	if (stamp.proven > h->stamp.proven ||
		(stamp.proven == h->stamp.proven && stamp.position > h->stamp.position))
		h->stamp = stamp;
	return EXIT_CLEAN;
}

static bool is_kind(const char *name, const char *kind)
{
	size_t n = strlen(name), k = strlen(kind);

	return name[0] != '.' && n > k && strcmp(name + n - k, kind) == 0;
}

static int add_file(struct audit_heads *h, const char *folder, const char *name,
	const struct pki_material *material)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= PATH_MAX)
		return EXIT_INTERNAL;
	if (is_kind(name, ".json"))
		return add_one(h, path, material);
	return is_kind(name, ".tst") ? add_stamp(h, folder, path, material) : EXIT_CLEAN;
}

int audit_heads_load(
	struct audit_heads *h, const char *folder, const struct pki_material *material)
{
	DIR *d = opendir(folder);
	const struct dirent *e;
	int status = EXIT_CLEAN;

	if (!d) {
		fprintf(stderr, "sealgate: %s: %s\n", folder, strerror(errno));
		return EXIT_USAGE;
	}
	while (status == EXIT_CLEAN && (e = readdir(d)) != NULL)
		status = add_file(h, folder, e->d_name, material);
	closedir(d);
	audit_heads_sort(h);
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

void audit_heads_print(const struct audit_heads *h)
{
	char at[CLOCK_TEXT_SIZE];

	if (h->count > h->links)
		printf("sealed: %zu heads, the last at position %lld\n",
			h->count - h->links, (long long)h->list[h->count - 1].position);
	if (h->links)
		printf("linked: %zu times by another appliance's chain\n", h->links);
	if (h->stamp_count && !h->stamp.proven) {
		printf("time-stamped: %zu heads, not proven: no anchor of the authority "
		       "is among --anchors\n",
			h->stamp_count);
	} else if (h->stamp_count) {
		clock_format(h->stamp.time, at);
		printf("time-stamped: %zu heads, all up to position %lld was there at "
		       "%s\n",
			h->stamp_count, (long long)h->stamp.position, at);
	}
}

void audit_heads_done(struct audit_heads *h)
{
	free(h->list);
	*h = (struct audit_heads){ 0 };
}
