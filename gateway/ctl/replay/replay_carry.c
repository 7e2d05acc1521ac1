/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/replay/replay_orders.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/durable.h"
#include "common/json.h"
#include "common/log.h"
#include "ctl/command.h"
#include "ctl/trusted_lists/trust_lists.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ORDER_MAX 65536u
#define SAID_MAX 4096u
#define PROGRESS_MS 2000

struct carrying {
	int64_t ends_ms, told_ms;
};

/* What was ordered, with the policy of it: taken whole, and nobody's any more. */
struct taken {
	json_t *order, *result;
	uint8_t *bundle;
	size_t len;
};

static void taken_done(struct taken *t)
{
	json_decref(t->order);
	json_decref(t->result);
	free(t->bundle);
	*t = (struct taken){ 0 };
}

static int put(const char *name, const json_t *value)
{
	_cleanup_(freep) char *text = value ? json_canonical(value) : NULL;
	char path[PATH_MAX];
	int r = replay_place(name, path);

	if (r == 0 && !text)
		r = -ENOMEM;
	return r == 0 ? durable_write(path, span_str(text), 0644) : r;
}

static void put_away(const char *name)
{
	char path[PATH_MAX];

	if (replay_place(name, path) == 0)
		(void)unlink(path);
}

static int get(const char *name, size_t max, uint8_t **ret_octets, size_t *ret_len)
{
	char path[PATH_MAX];
	int r = replay_place(name, path);

	return r == 0 ? file_read(path, max, ret_octets, ret_len) : r;
}

/* Of the process that reads a policy nobody stands for: this one has what that must not.
 */
static const char *told(void *data, const struct replaying *p, const char *at)
{
	struct carrying *c = data;
	_cleanup_json_ json_t *progress = NULL;
	int64_t now = clock_monotonic_ms();
	char stop[PATH_MAX];

	if (now >= c->ends_ms)
		return "it took too long";
	if (replay_place("stop", stop) < 0 || access(stop, F_OK) == 0)
		return "somebody ended it";
	if (now - c->told_ms < PROGRESS_MS)
		return NULL;
	c->told_ms = now;
	progress = json_pack(
		"{s:I, s:o}", "documents", (json_int_t)p->seen, "at", json_text(at));
	(void)put("progress", progress); /* nothing depends on it */
	return NULL;
}

static int time_of(const json_t *order, const char *key, int64_t *ret)
{
	const char *text = json_string_of(order, key);

	return text ? clock_parse(text, ret) : -EINVAL;
}

/* A power cut may leave one's order beside another's bundle. */
static int by_policy(struct replaying *p, const struct taken *t, json_t **ret_account)
{
	const char *ordered = json_string_of(t->order, "sha256");
	struct span octets = span_of(t->bundle, t->len);
	char sha256[SHA256_TEXT_SIZE];

	if (!t->bundle || !ordered || digest_sha256_text(octets, sha256) < 0 ||
		strcmp(sha256, ordered) != 0) {
		fputs("sealgate replay: the bundle that was ordered is not there: order "
		      "it again\n",
			stderr);
		return EXIT_INTERNAL;
	}
	return policy_replay_run(
		p, &(struct trial_source){ .octets = octets }, ret_account);
}

static int by_lists(struct replaying *p, const json_t *order, json_t **ret_account)
{
	const char *store = trust_lists_store(NULL);
	int64_t before, after;

	if (!store || time_of(order, "before", &before) < 0 ||
		time_of(order, "after", &after) < 0)
		return EXIT_INTERNAL;
	return trust_replay_run(p, store, before, after, ret_account);
}

static int replay(const struct taken *t, json_t **ret_account)
{
	const json_t *order = t->order;
	_cleanup_session_ struct queue_session session = { 0 };
	struct carrying c = { .ends_ms = clock_monotonic_ms() + REPLAY_MS };
	/* Who may become verify's user works where that may come. */
	struct replay_options o = { .place = geteuid() == 0 ? NULL : REPLAY_ORDERS,
		.partner = json_string_of(order, "partner"),
		.limit = (long)json_integer_value(json_object_get(order, "limit")) };
	struct replaying p = { .o = &o, .session = &session, .told = told, .data = &c };
	const char *kind = json_string_of(order, "kind");
	int status = EXIT_INTERNAL;

	if (!kind || time_of(order, "since", &o.since) < 0)
		return EXIT_INTERNAL;
	status = queue_session_open(&session);
	if (status == EXIT_CLEAN)
		status = strcmp(kind, REPLAY_POLICY) == 0
				 ? by_policy(&p, t, ret_account)
				 : by_lists(&p, order, ret_account);
	replaying_done(&p);
	return status;
}

/* What was said on standard error, for who asks. Return: a new reference. */
static json_t *said(void)
{
	_cleanup_(freep) uint8_t *text = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	struct stat st;

	if (replay_place("said", path) < 0 || stat(path, &st) < 0 ||
		truncate(path, st.st_size < SAID_MAX ? st.st_size : SAID_MAX) < 0 ||
		get("said", SAID_MAX, &text, &len) < 0 || len == 0)
		return json_text("it did not come to its end");
	for (size_t i = 0; i < len; i++)
		if ((text[i] < ' ' && text[i] != '\n') || text[i] == 0x7f || !text[i])
			text[i] = '?';
	return json_text((const char *)text);
}

static int say_into_file(void)
{
	char path[PATH_MAX];
	int r = replay_place("said", path);
	_cleanup_(closep) int fd =
		r < 0 ? r
		      : open(path,
				O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW |
					O_CLOEXEC,
				0644);

	return fd < 0 || dup2(fd, STDERR_FILENO) < 0 ? -errno : 0;
}

/* That it failed is written first: where the power goes, it did. */
static int begin(json_t *result)
{
	int r = put("result", result);

	if (r == 0)
		r = say_into_file();
	put_away("progress");
	put_away("order");
	return r;
}

static int end(json_t *result, int status, json_t *account)
{
	static const char *const USED[] = { "bundle", "progress", "stop", "said" };

	(void)json_object_set_new(result, "ended", json_time(clock_now()));
	(void)json_object_set_new(result, "status", json_integer(status));
	if (account && replay_bare(account) == 0) {
		(void)json_object_del(result, "failed");
		(void)json_object_set(result, "account", account);
	} else {
		(void)json_object_set_new(result, "failed", said());
	}
	for (size_t i = 0; i < sizeof(USED) / sizeof(USED[0]); i++)
		put_away(USED[i]);
	return put("result", result);
}

static int carry_out(struct taken *t)
{
	_cleanup_json_ json_t *account = NULL;
	const char *id = json_string_of(t->order, "id");
	int status, r;

	/* Nobody of the same user looks into this one, which may read what is stored. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	status = replay(t, &account);
	r = end(t->result, status, account);
	log_event(account ? LOG_NOTICE : LOG_ERR, "replay.ended", NULL, "%s: %s",
		id ? id : "",
		account ? "what would be otherwise can be read" : "it failed");
	return r;
}

/* With the lock of who orders. Return: 0, 1 nothing was ordered, -errno. */
static int take_order(struct taken *t)
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len = 0;
	int r = get("order", ORDER_MAX, &text, &len);

	if (r < 0)
		return r == -ENOENT ? 1 : r;
	t->order = json_read(span_of(text, len), ORDER_MAX);
	if (!json_is_object(t->order))
		return -EBADMSG;
	if (json_object_get(t->order, "bundle"))
		(void)get("bundle", BUNDLE_MAX, &t->bundle, &t->len); /* said later */
	t->result = json_pack("{s:O, s:o, s:s, s:i}", "order", t->order, "began",
		json_time(clock_now()), "failed", "it was cut short", "status",
		EXIT_INTERNAL);
	return t->result ? begin(t->result) : -ENOMEM;
}

int replay_carry_out(void)
{
	_cleanup_(taken_done) struct taken t = { 0 };
	_cleanup_(closep) int lock = replay_take(REPLAY_CARRIES, true), orders = -1;
	int r;

	if (lock < 0)
		return lock == -ENOENT ? 1 : lock;
	orders = replay_take(REPLAY_ORDERS_ONE, true);
	if (orders < 0)
		return orders;
	r = take_order(&t);
	closep(&orders);
	orders = -1; /* the next one is told that this one runs */
	return r == 0 ? carry_out(&t) : r;
}
