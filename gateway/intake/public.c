/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/public.h"

#include "common/json.h"
#include "common/memfd.h"
#include "document/code_versions.h"
#include "intake/handlers.h"
#include "intake/problem.h"
#include "policy/public.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define CODES "codes/"
#define CSV ".csv"
#define CODES_PATH "/v1/codes/"

static int write_archive(struct public_part *p)
{
	_cleanup_buf_ struct buf archive;
	int r;

	buf_init(&archive, BUNDLE_MAX);
	r = bundle_write(&p->bundle, &archive);
	if (r == 0)
		r = digest_sha256_text(buf_span(&archive), p->sha256);
	if (r == 0)
		p->archive = memfd_from("policy", buf_span(&archive));
	return r == 0 && p->archive < 0 ? p->archive : r;
}

int public_part_load(
	struct public_part *p, const char *policies, const char *digest, char **ret_error)
{
	int r;

	*p = (struct public_part){ .archive = -1 };
	r = policy_public(policies, digest, &p->bundle, ret_error);
	if (r == 0)
		r = code_versions_read(policies, &p->versions, ret_error);
	if (r == 0)
		r = write_archive(p);
	if (r < 0)
		public_part_done(p);
	return r;
}

void public_part_done(struct public_part *p)
{
	if (*p->sha256 && p->archive >= 0)
		close(p->archive);
	bundle_done(&p->bundle);
	csv_done(&p->versions);
	*p = (struct public_part){ .archive = -1 };
}

static void answer_octets(struct exchange *x, const char *type, int fd)
{
	if (fd < 0)
		problem(x, "internal.error", NULL, NULL);
	else
		response_fd(x->response, 200, type, fd);
}

void get_policy(struct exchange *x)
{
	const struct public_part *p = &x->snapshot->public;

	if (p->archive < 0)
		problem(x, "http.path", x->request->path, NULL);
	else
		answer_octets(x, TYPE_TAR, fcntl(p->archive, F_DUPFD_CLOEXEC, 3));
}

/* The name of a code list, without folder and ending. Return: octets, 0 when the file is
 * none. */
static size_t list_name(const struct bundle_file *f, const char **ret_name)
{
	size_t n = strlen(f->name), head = strlen(CODES), tail = strlen(CSV);

	*ret_name = f->name + head;
	return n > head + tail && strncmp(f->name, CODES, head) == 0 &&
			       strcmp(f->name + n - tail, CSV) == 0
		       ? n - head - tail
		       : 0;
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

/* A list that nobody gave a version to is there without one. */
static json_t *describe(const struct csv *versions, const struct bundle_file *f,
	const char *name, size_t len)
{
	char sha256[SHA256_TEXT_SIZE], list[PATH_MAX];
	struct code_version v;

	if (digest_sha256_text(f->data, sha256) < 0)
		return NULL;
	(void)snprintf(list, sizeof(list), "%.*s", (int)len, name);
	(void)code_version_of(versions, list, &v);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:s, s:I}", "name", list, "title",
		text_or_null(v.title), "version", text_or_null(v.version), "from",
		text_or_null(v.from), "until", text_or_null(v.until), "sha256", sha256,
		"size", (json_int_t)f->data.len);
}

void get_codes(struct exchange *x)
{
	const struct bundle *b = &x->snapshot->public.bundle;
	json_t *lists = json_array();
	const char *name;

	for (size_t i = 0; lists && i < b->count; i++) {
		size_t n = list_name(&b->files[i], &name);

		if (n > 0)
			json_array_append_new(
				lists, describe(&x->snapshot->public.versions,
					       &b->files[i], name, n));
	}
	response_json(x->response, 200, TYPE_JSON,
		json_pack("{s:s, s:o}", "policy_digest",
			policy_digest(x->snapshot->policy), "lists", lists));
}

void get_code_list(struct exchange *x)
{
	const struct bundle *b = &x->snapshot->public.bundle;
	const char *asked = x->request->path + strlen(CODES_PATH), *name;

	for (size_t i = 0; i < b->count; i++) {
		size_t n = list_name(&b->files[i], &name);

		if (n > 0 && strlen(asked) == n && memcmp(asked, name, n) == 0) {
			answer_octets(x, TYPE_CSV, memfd_from("codes", b->files[i].data));
			return;
		}
	}
	problem(x, "http.path", x->request->path, NULL);
}
