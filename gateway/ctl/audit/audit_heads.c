/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/audit/audit_heads.h"

#include "common/clock.h"
#include "common/durable.h"
#include "ctl/command.h"
#include "queue/head_list.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAID_MAX 20 /* of files that do not verify */

static int by_position(const void *a, const void *b)
{
	const struct audit_place *x = a, *y = b;

	return (x->position > y->position) - (x->position < y->position);
}

int audit_heads_add(struct audit_heads *h, const struct sealed_head *head)
{
	struct audit_place *grown = realloc(h->list, (h->count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	h->list = grown;
	h->list[h->count].position = head->position;
	memcpy(h->list[h->count++].chain, head->chain, SHA256_SIZE);
	return 0;
}

void audit_heads_sort(struct audit_heads *h)
{
	if (h->count)
		qsort(h->list, h->count, sizeof(*h->list), by_position);
}

/* Of a whole folder that does not verify a few names say enough. */
static int complain(struct audit_heads *h, const char *path, int r, const char *reason)
{
	if (h->wrong++ < SAID_MAX || r < 0)
		fprintf(stderr, "sealgate: %s: %s\n", path,
			r < 0	 ? strerror(-r)
			: reason ? reason
				 : "no time-stamp of a head");
	return r < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
}

static int note_unproven(struct audit_unproven *u, int64_t position, char **reason)
{
	u->count++;
	if (position > u->position)
		u->position = position;
	if (!u->reason)
		u->reason = TAKE(*reason);
	return EXIT_CLEAN;
}

/* Whose it is. Return: 1, 0 with *ret_reason, -ENOMEM. */
static int counts(
	const struct audit_heads *h, const struct sealed_head *head, char **ret_reason)
{
	const char *only = h->name_count	  ? NULL
			   : h->last.position > 0 ? h->last.instance
						  : head->instance;
	bool ours = only && strcmp(only, head->instance) == 0;

	for (size_t i = 0; i < h->name_count; i++)
		ours |= strcmp(h->names[i], head->instance) == 0;
	if (ours && (!head->test || h->test_too))
		return 1;
	free(*ret_reason);
	if (asprintf(ret_reason,
		    ours   ? "it is of the TEST instance %s, which counts with --test"
		    : only ? "it is of the instance %s, others are of %s: --name says "
			     "whose "
			     "count"
			   : "it is of the instance %s, which --name does not name",
		    head->instance, only) >= 0)
		return 0;
	*ret_reason = NULL;
	return -ENOMEM;
}

static int take(struct audit_heads *h, const struct sealed_head *head)
{
	if (head->position > h->last.position)
		h->last = *head;
	return audit_heads_add(h, head) < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
}

static int wait_for_stamp(
	struct audit_heads *h, const struct sealed_head *head, char **reason)
{
	struct audit_waiting *grown =
		realloc(h->waiting, (h->waiting_count + 1) * sizeof(*grown));

	if (!grown)
		return EXIT_INTERNAL;
	h->waiting = grown;
	h->waiting[h->waiting_count++] =
		(struct audit_waiting){ .head = *head, .reason = TAKE(*reason) };
	return EXIT_CLEAN;
}

static int note_stamped(struct audit_heads *h, const struct head_stamp *stamp)
{
	struct audit_stamped *grown =
		realloc(h->stamped, (h->stamped_count + 1) * sizeof(*grown));

	if (!grown)
		return EXIT_INTERNAL;
	h->stamped = grown;
	h->stamped[h->stamped_count++] =
		(struct audit_stamped){ stamp->position, stamp->time };
	h->stamp_count++;
	if (stamp->position > h->stamp.position)
		h->stamp = *stamp;
	return EXIT_CLEAN;
}

/* Was all up to a position there before a time? */
static bool was_there(const struct audit_heads *h, int64_t position, int64_t before)
{
	for (size_t i = 0; i < h->stamped_count; i++)
		if (h->stamped[i].position >= position && h->stamped[i].time < before)
			return true;
	return false;
}

/* Every time-stamp is known now. */
static int judge_waiting(struct audit_heads *h)
{
	int status = EXIT_CLEAN;

	for (size_t i = 0; status == EXIT_CLEAN && i < h->waiting_count; i++) {
		struct audit_waiting *w = &h->waiting[i];

		status = was_there(h, w->head.position, w->head.revoked_at)
				 ? take(h, &w->head)
				 : note_unproven(&h->heads, w->head.position, &w->reason);
	}
	return status;
}

static int add_one(
	struct audit_heads *h, const char *path, const struct pki_material *material)
{
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_(freep) char *reason = NULL, *counts_not = NULL;
	struct sealed_head head = { 0 };
	size_t len;
	int r = file_read(path, SEALED_HEAD_MAX, &data, &len);

	if (r == 0)
		r = sealed_head_verify(
			span_of(data, len), material, clock_now(), &head, &reason);
	if (r == -ENOENT)
		return EXIT_CLEAN; /* it was moved, and comes up in its folder */
	if (r <= 0)
		return complain(h, path, r, reason);
	if (!head.proven && !head.revoked_at)
		return note_unproven(&h->heads, head.position, &reason);
	r = counts(h, &head, &counts_not);
	if (r <= 0)
		return complain(h, path, r, counts_not);
	return head.proven ? take(h, &head) : wait_for_stamp(h, &head, &reason);
}

/* The head that a time-stamp is over, of the same folder. What the head itself says is
 * signed; a file's name and a stamp's text are not. Return: as sealed_head_verify(). */
static int read_stamped(const char *folder, int64_t position,
	const struct pki_material *material, uint8_t **ret_data, size_t *ret_len,
	struct sealed_head *ret, char **ret_reason)
{
	struct head_file f = { .position = position, .kind = HEAD_JSON };
	char path[PATH_MAX];
	int r = head_file_find(folder, &f, path);

	if (r == 0)
		r = file_read(path, SEALED_HEAD_MAX, ret_data, ret_len);
	if (r == 0)
		r = sealed_head_verify(span_of(*ret_data, *ret_len), material,
			clock_now(), ret, ret_reason);
	if (r == 1 && ret->position != position) {
		free(*ret_reason);
		*ret_reason = strdup("it is over the head of another position");
		r = *ret_reason ? 0 : -ENOMEM;
	}
	return r == -ENOENT ? 0 : r;
}

/* The time of the last one counts. */
static int add_stamp(struct audit_heads *h, const char *folder, const char *path,
	const struct pki_material *material)
{
	_cleanup_(freep) uint8_t *data = NULL, *head = NULL;
	_cleanup_(freep) char *reason = NULL, *head_reason = NULL;
	struct head_stamp stamp = { 0 };
	struct sealed_head sealed = { 0 };
	size_t len, head_len = 0;
	int64_t position;
	int r = file_read(path, HEAD_STAMP_MAX, &data, &len);

	if (r == -ENOENT)
		return EXIT_CLEAN;
	if (r < 0)
		return complain(h, path, r, NULL);
	position = head_stamp_position(span_of(data, len));
	if (position)
		r = read_stamped(folder, position, material, &head, &head_len, &sealed,
			&head_reason);
	if (r <= 0)
		return complain(h, path, r, head_reason);
	r = head_stamp_verify(span_of(data, len), span_of(head, head_len), material,
		clock_now(), &stamp, &reason);
	if (r <= 0)
		return complain(h, path, r, reason);
	if (!sealed.proven && (!sealed.revoked_at || stamp.time >= sealed.revoked_at))
		return note_unproven(&h->stamps, position, &head_reason);
	r = counts(h, &sealed, &head_reason);
	if (r <= 0)
		return complain(h, path, r, head_reason);
	if (!stamp.proven)
		return note_unproven(&h->stamps, position, &reason);
	return note_stamped(h, &stamp);
}

static bool is_kind(const char *name, const char *kind)
{
	size_t n = strlen(name), k = strlen(kind);

	return name[0] != '.' && n > k && strcmp(name + n - k, kind) == 0;
}

/* below: "", or the folder of the name with a slash. */
static int add_file(struct audit_heads *h, const char *folder, const char *below,
	const char *name, const struct pki_material *material)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s%s", folder, below, name) >= PATH_MAX)
		return EXIT_INTERNAL;
	if (strstr(name, ".set-back")) {
		h->set_back_count++;
		if (strcmp(name, h->set_back) > 0)
			(void)snprintf(h->set_back, sizeof(h->set_back), "%s", name);
		return EXIT_CLEAN;
	}
	if (is_kind(name, ".json"))
		return add_one(h, path, material);
	return is_kind(name, ".tst") ? add_stamp(h, folder, path, material) : EXIT_CLEAN;
}

static int no_folder(const char *path)
{
	fprintf(stderr, "sealgate: %s: %s\n", path, strerror(errno));
	return EXIT_USAGE;
}

static int add_folder(struct audit_heads *h, const char *folder, const char *name,
	const struct pki_material *material)
{
	char path[PATH_MAX], below[NAME_MAX + 2];
	const struct dirent *e;
	int status = EXIT_CLEAN;
	DIR *d;

	(void)snprintf(below, sizeof(below), "%s/", name);
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= PATH_MAX)
		return EXIT_INTERNAL;
	d = opendir(path);
	if (!d)
		return no_folder(path);
	while (status == EXIT_CLEAN && (e = readdir(d)) != NULL)
		status = add_file(h, folder, below, e->d_name, material);
	closedir(d);
	return status;
}

/* What lies beside the folders before what is in them: it may be on its way. */
int audit_heads_load(
	struct audit_heads *h, const char *folder, const struct pki_material *material)
{
	DIR *d = opendir(folder);
	const struct dirent *e;
	int status = EXIT_CLEAN;
	int64_t first;

	if (!d)
		return no_folder(folder);
	h->asked = true;
	while (status == EXIT_CLEAN && (e = readdir(d)) != NULL)
		if (!head_folder_name(e->d_name, &first))
			status = add_file(h, folder, "", e->d_name, material);
	rewinddir(d);
	while (status == EXIT_CLEAN && (e = readdir(d)) != NULL)
		if (head_folder_name(e->d_name, &first))
			status = add_folder(h, folder, e->d_name, material);
	closedir(d);
	if (status == EXIT_CLEAN)
		status = judge_waiting(h);
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

static void print_sealed(const struct audit_heads *h, int64_t position)
{
	size_t count = h->count - h->links;
	char at[CLOCK_TEXT_SIZE];

	clock_format(h->last.at, at);
	if (count)
		printf("sealed: %zu heads of %s%s, the last at position %lld of %s, %lld "
		       "records after it\n",
			count, h->last.instance, h->last.test ? " (TEST)" : "",
			(long long)h->last.position, at,
			(long long)(position - h->last.position));
	else if (h->asked)
		printf("not sealed: no head of the folder is proven\n");
	if (h->set_back_count)
		printf("set back: %zu files of a chain that was lost, the last %s\n",
			h->set_back_count, h->set_back);
}

static void print_unproven(const struct audit_unproven *u, const char *what)
{
	if (u->count)
		printf("not proven: %zu %s, the last at position %lld: %s\n", u->count,
			what, (long long)u->position, u->reason ? u->reason : "");
}

static int truncated(const struct audit_heads *h, int64_t position)
{
	printf("truncated: the chain ends at position %lld, what was sealed or linked "
	       "last is at %lld\n",
		(long long)position, (long long)h->list[h->count - 1].position);
	return EXIT_NOT_PASSED;
}

int audit_heads_end(const struct audit_heads *h, int64_t position)
{
	char at[CLOCK_TEXT_SIZE];

	if (h->next < h->count)
		return truncated(h, position);
	print_sealed(h, position);
	print_unproven(&h->heads, "heads");
	if (h->links)
		printf("linked: %zu times by another appliance's chain\n", h->links);
	if (h->stamp_count) {
		clock_format(h->stamp.time, at);
		printf("time-stamped: %zu heads, all up to position %lld was there at "
		       "%s\n",
			h->stamp_count, (long long)h->stamp.position, at);
	}
	print_unproven(&h->stamps, "time-stamps");
	if (h->wrong)
		printf("wrong: %zu files of the sealed heads do not verify\n", h->wrong);
	return h->wrong || (h->asked && h->count == h->links) ||
			       h->last.position < h->heads.position
		       ? EXIT_NOT_PASSED
		       : EXIT_CLEAN;
}

void audit_heads_done(struct audit_heads *h)
{
	for (size_t i = 0; i < h->waiting_count; i++)
		free(h->waiting[i].reason);
	free(h->waiting);
	free(h->stamped);
	free(h->list);
	free(h->heads.reason);
	free(h->stamps.reason);
	*h = (struct audit_heads){ 0 };
}
