/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/replay/replay_orders.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"
#include "ctl/audit/audit_since.h"
#include "ctl/command.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESULT_MAX (8u * 1024 * 1024)

/* What a rule of the policy says for itself may quote the document, and so may what was
 * received: neither is kept. */
static json_t *without_values(const json_t *findings)
{
	static const char *const KEPT[] = { "code", "rule", "severity", "where" };
	json_t *list = json_array();

	for (size_t i = 0; list && i < json_array_size(findings); i++) {
		const json_t *finding = json_array_get(findings, i);
		json_t *bare = json_object();

		for (size_t k = 0; bare && k < sizeof(KEPT) / sizeof(KEPT[0]); k++) {
			json_t *value = json_object_get(finding, KEPT[k]);

			if (value)
				(void)json_object_set(bare, KEPT[k], value);
		}
		(void)json_array_append_new(list, bare);
	}
	return list;
}

int replay_bare(json_t *account)
{
	static const char *const LISTS[] = { "gained", "lost" };
	const json_t *changes = json_object_get(account, "changes");

	for (size_t i = 0; i < json_array_size(changes); i++)
		for (size_t k = 0; k < sizeof(LISTS) / sizeof(LISTS[0]); k++) {
			json_t *change = json_array_get(changes, i);

			if (json_object_set_new(change, LISTS[k],
				    without_values(json_object_get(change, LISTS[k]))) <
				0)
				return -ENOMEM;
		}
	return 0;
}

bool replay_outlived(void)
{
	char path[PATH_MAX];
	struct stat st;

	return replay_place("result", path) == 0 && lstat(path, &st) == 0 &&
	       clock_now() - st.st_mtime > REPLAY_KEPT_S;
}

int replay_forget(void)
{
	_cleanup_(closep) int lock = -1;
	char path[PATH_MAX];
	int r = replay_place("result", path);

	if (r < 0)
		return r;
	if (access(path, F_OK) < 0)
		return errno == ENOENT ? 1 : -errno;
	lock = replay_take(REPLAY_ORDERS_ONE, true);
	if (lock < 0)
		return lock;
	if (replay_runs())
		return -EBUSY;
	return unlink(path) == 0 ? 0 : errno == ENOENT ? 1 : -errno;
}

static int is_erasure(void *data, const json_t *record)
{
	const char *event = json_string_of(record, "event");

	(void)data;
	return event && strcmp(event, "document.erased") == 0 ? 1 : 0;
}

/* When the replay began whose account is kept. Return: 0 or -errno. */
static int began(int64_t *ret)
{
	_cleanup_(freep) uint8_t *text = NULL;
	_cleanup_json_ json_t *result = NULL;
	char path[PATH_MAX];
	const char *at;
	size_t len = 0;
	int r = replay_place("result", path);

	if (r == 0)
		r = file_read_of_others(path, RESULT_MAX, &text, &len);
	if (r < 0)
		return r;
	result = json_read(span_of(text, len), RESULT_MAX);
	at = json_string_of(result, "began");
	return at ? clock_parse(at, ret) : -EBADMSG;
}

void replay_tidy(void)
{
	_cleanup_session_ struct queue_session session = { 0 };
	int64_t since = 0;
	int r = began(&since);

	if (r == -ENOENT)
		return;
	if (r == 0 && !replay_outlived()) {
		if (queue_session_open(&session) != EXIT_CLEAN)
			return;
		if (audit_since(session.queue, since, is_erasure, NULL) != 1)
			return;
	}
	(void)replay_forget();
}

bool replay_ordered(void)
{
	char path[PATH_MAX];

	return replay_place("order", path) == 0 && access(path, F_OK) == 0;
}
