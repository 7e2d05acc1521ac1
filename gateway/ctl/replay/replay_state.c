/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/replay/replay_orders.h"

#include "common/durable.h"
#include "common/json.h"

#include <stdio.h>
#include <string.h>

#define STATE_MAX (8u * 1024 * 1024)

static json_t *get(const char *name)
{
	_cleanup_(freep) uint8_t *text = NULL;
	char path[PATH_MAX];
	size_t len = 0;

	if (replay_place(name, path) < 0 ||
		file_read_of_others(path, STATE_MAX, &text, &len) < 0)
		return NULL;
	return json_read(span_of(text, len), STATE_MAX);
}

json_t *replay_state(bool runs, bool account)
{
	_cleanup_json_ json_t *order = get("order");
	_cleanup_json_ json_t *result = replay_outlived() ? NULL : get("result");
	_cleanup_json_ json_t *progress = runs ? get("progress") : NULL;
	json_t *state = json_object();

	/* One that runs and has not begun with what was ordered is about to. */
	if (runs && !order) {
		json_object_set(state, "order", json_object_get(result, "order"));
		json_object_set(state, "began", json_object_get(result, "began"));
		json_object_update_missing(state, progress);
		json_object_set_new(state, "state", json_string("running"));
	} else if (order) {
		json_object_set(state, "order", order);
		json_object_set_new(state, "state", json_string("ordered"));
	} else {
		json_object_update_missing(state, result);
		if (!account)
			(void)json_object_del(state, "account");
		json_object_set_new(
			state, "state", json_string(result ? "ended" : "none"));
	}
	return state;
}

static void print_order(const json_t *order)
{
	const char *bundle = json_string_of(order, "bundle");

	printf("%s: ordered by %s at %s, of what came since %s, ",
		json_string_of(order, "id"), json_string_of(order, "by"),
		json_string_of(order, "at"), json_string_of(order, "since"));
	if (bundle)
		printf("by the policy %s\n", bundle);
	else
		printf("by the lists of %s and %s\n", json_string_of(order, "before"),
			json_string_of(order, "after"));
}

void replay_print(const json_t *state)
{
	const json_t *account = json_object_get(state, "account");
	const char *is = json_string_of(state, "state");
	const char *at = json_string_of(state, "at");
	const char *failed = json_string_of(state, "failed");

	if (!is || strcmp(is, "none") == 0) {
		puts("none was ordered");
		return;
	}
	print_order(json_object_get(state, "order"));
	if (strcmp(is, "running") == 0)
		printf("%lld documents so far, the last of %s\n",
			(long long)json_integer_value(
				json_object_get(state, "documents")),
			at ? at : "none");
	else if (strcmp(is, "ordered") == 0)
		puts("it has not begun");
	else if (account)
		rerun_print(stdout, account);
	else if (failed)
		printf("it failed: %s\n", failed);
	else
		puts("it has ended: replay account says what would be otherwise");
}
