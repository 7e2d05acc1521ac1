/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/list_store.h"

#include "common/digest.h"
#include "common/durable.h"
#include "common/json.h"
#include "trust/snapshot.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEQUENCES "sequences.json"
#define SEQUENCES_MAX (1024u * 1024)

static int path_of(const char *store, const char *name, char ret[PATH_MAX])
{
	return snprintf(ret, PATH_MAX, "%s/%s", store, name) < PATH_MAX ? 0
									: -ENAMETOOLONG;
}

int list_store_sequences(const char *store, json_t **ret_sequences)
{
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_json_ json_t *found = NULL;
	char path[PATH_MAX];
	size_t len;
	int r = path_of(store, SEQUENCES, path);

	if (r == 0)
		r = file_read(path, SEQUENCES_MAX, &data, &len);
	if (r < 0 && r != -ENOENT)
		return r;
	found = r == -ENOENT ? json_object()
			     : json_read(span_of(data, len), SEQUENCES_MAX);
	if (!json_is_object(found))
		return -EINVAL;
	*ret_sequences = TAKE(found);
	return 0;
}

static int write_file(const char *store, const char *name, struct span data)
{
	char path[PATH_MAX];
	int r = path_of(store, name, path);

	return r == 0 ? durable_write(path, data, 0644) : r;
}

static bool is_status(const char *store, struct span lines)
{
	_cleanup_(freep) uint8_t *data = NULL;
	char path[PATH_MAX];
	size_t len;

	return path_of(store, LIST_STORE_STATUS, path) == 0 &&
	       file_read(path, LIST_STORE_STATUS_MAX, &data, &len) == 0 &&
	       span_equal(span_of(data, len), lines);
}

/* Sequence numbers first: after a power cut an old list is refused, a new one is taken
 * once more. */
static int write_all(const char *store, const struct list_results *r, json_t *sequences,
	int64_t at, struct span lines)
{
	_cleanup_(freep) char *text = NULL;
	int e = mkdir(store, 0755) < 0 && errno != EEXIST ? -errno : 0;

	if (e == 0)
		e = list_sequences_note(r, sequences);
	if (e < 0)
		return e;
	text = json_canonical(sequences);
	e = text ? write_file(store, SEQUENCES, span_str(text)) : -ENOMEM;
	if (e == 0)
		e = trust_snapshot_write(store, r, at);
	return e == 0 ? write_file(store, LIST_STORE_STATUS, lines) : e;
}

int list_store_update(const char *store, const struct import_request *q,
	struct list_results *r, json_t *sequences, bool changed_only)
{
	_cleanup_buf_ struct buf lines;
	int e;

	buf_init(&lines, LIST_STORE_STATUS_MAX);
	e = list_results_write(r, &lines);
	if (e < 0)
		return e;
	if (changed_only && is_status(store, buf_span(&lines)) &&
		trust_snapshot_there(store, q->at))
		return 0;
	e = list_results_complete(q, r);
	if (e == 0)
		e = write_all(store, r, sequences, q->at, buf_span(&lines));
	return e < 0 ? e : 1;
}

static int good_path(const char *store, const char *url, char ret[PATH_MAX])
{
	char sha256[SHA256_TEXT_SIZE];
	int r = digest_sha256_text(span_str(url), sha256);

	if (r < 0)
		return r;
	return snprintf(ret, PATH_MAX, "%s/good/%s.xml", store, sha256) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

int list_store_good(
	const char *store, const char *url, uint8_t **ret_octets, size_t *ret_len)
{
	char path[PATH_MAX];
	int r = good_path(store, url, path);

	return r == 0 ? file_read(path, LIST_OCTETS_MAX, ret_octets, ret_len) : r;
}

bool list_store_has_good(const char *store, const char *url)
{
	char path[PATH_MAX];

	return good_path(store, url, path) == 0 && access(path, R_OK) == 0;
}

int list_store_keep(const char *store, const char *url, struct span octets)
{
	char path[PATH_MAX];
	int r = path_of(store, "good", path);

	if (r == 0 && mkdir(store, 0755) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0 && mkdir(path, 0755) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0)
		r = good_path(store, url, path);
	return r == 0 ? durable_write(path, octets, 0644) : r;
}
