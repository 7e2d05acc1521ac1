/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/works.h"

#include "common/durable.h"
#include "common/json.h"
#include "common/log.h"
#include "pkcs11/ceremony.h"
#include "pkcs11/custody.h"
#include "pkcs11/key_events.h"
#include "pkcs11/listing.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* One order, and where it is carried out. */
struct job {
	const struct works *works;
	const struct signer_order *order;
	const struct role *role; /* or NULL */
	struct span given;
	struct bench bench;
	struct ceremony ceremony; /* with a protocol, when it is a step of one */
	struct protocol protocol;
};

/* The work beside others --------------------------------------------------------------
 */

static int list(struct job *j)
{
	_cleanup_json_ json_t *all = listing_json(j->works->instance, j->works->signing);
	_cleanup_(freep) char *text =
		all ? json_dumps(all, JSON_INDENT(1) | JSON_PRESERVE_ORDER) : NULL;

	if (!text)
		return bench_fail(&j->bench, "no memory for the list");
	return buf_addf(&j->bench.said, "%s\n", text);
}

/* Every role is tried, whatever became of the one before. */
static int test(struct job *j)
{
	struct signing *s = j->works->signing;
	int r = 0;

	for (size_t i = 0; i < s->roles->count; i++) {
		const char *name = s->roles->list[i].name;
		char why[KEY_TEXT_SIZE] = "";
		int one = sign_trial(s, i, why);

		if (one == 0)
			bench_say(
				&j->bench, "%s: signs, and the signature verifies", name);
		else
			r = bench_fail(&j->bench, "%s: %s: look at hsm list", name, why);
	}
	return r;
}

static int custody(struct job *j)
{
	struct bench *b = &j->bench;
	struct custody c;
	int r;

	if (custody_parse(j->given, &c) < 0)
		return bench_fail(b,
			"what is given is no closed PIN: hsm custody -k K -o FILE makes "
			"one");
	r = activation_renew(token_activation(j->works->signing->token), &c);
	if (r < 0)
		return bench_fail(b, CUSTODY_NEXT_FILE ": %s", strerror(-r));
	bench_say(b,
		"the PIN is closed: %u of %zu people open it; it counts once the token "
		"has "
		"taken it when they activate it, and one before stays until then",
		c.threshold, c.count);
	return 0;
}

/* The work at the token, everything else at rest ---------------------------------------
 */

static int keys(struct job *j)
{
	int r;

	if (j->ceremony.protocol)
		return ceremony_keys(&j->ceremony);
	r = bench_keys(&j->bench, j->role);
	if (r == 0 && !j->bench.said.len)
		bench_say(&j->bench, "no key is missing");
	return r;
}

static int request(struct job *j)
{
	const char *subject = j->order->text[0] ? j->order->text : NULL;

	return j->ceremony.protocol ? ceremony_request(&j->ceremony, j->role, subject)
				    : bench_request(&j->bench, j->role, subject);
}

static int import(struct job *j)
{
	return bench_import(&j->bench, j->role, j->given);
}

static int removal(struct job *j)
{
	return bench_remove(&j->bench, j->role, j->order->text);
}

/* Ceremonies ----------------------------------------------------------------------------
 */

static int begin(struct job *j)
{
	const char *witnesses[CEREMONY_WITNESSES_MAX + 1];
	_cleanup_(freep) char *lines = strndup((const char *)j->given.data, j->given.len);
	size_t count = 0;

	if (!lines)
		return bench_fail(&j->bench, "no memory for the witnesses");
	for (char *at = lines, *line;
		count <= CEREMONY_WITNESSES_MAX && (line = strsep(&at, "\n")) != NULL;)
		witnesses[count++] = line;
	return ceremony_begin(&j->ceremony, witnesses, count);
}

static int note(struct job *j)
{
	return ceremony_note(&j->ceremony, j->order->text);
}

static int end(struct job *j)
{
	return ceremony_end(&j->ceremony, j->role);
}

/* As it was read when its chain was followed: nobody adds to it meanwhile. */
static int show(struct job *j)
{
	_cleanup_(freep) uint8_t *text = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int r = ceremony_path(j->works->instance, j->order->ceremony, path);

	if (r == 0)
		r = file_read(path, PROTOCOL_MAX, &text, &len);
	if (r < 0)
		return bench_fail(&j->bench, "%s", strerror(-r));
	return buf_add(&j->bench.said, text, len);
}

static const struct {
	const char *name;
	int (*run)(struct job *j);
	bool at_rest, role, given, read, ceremony;
} WORKS[SIGNER_WORKS] = {
	[SIGNER_WORK_LIST] = { "list", list, .read = true },
	[SIGNER_WORK_TEST] = { "test", test, .read = true },
	[SIGNER_WORK_KEYS] = { "keys", keys, .at_rest = true },
	[SIGNER_WORK_REQUEST] = { "csr", request, .at_rest = true, .role = true },
	[SIGNER_WORK_IMPORT] = { "import", import, .at_rest = true, .role = true,
		.given = true },
	[SIGNER_WORK_REMOVE] = { "remove", removal, .at_rest = true, .role = true },
	[SIGNER_WORK_CUSTODY] = { "custody", custody, .given = true },
	[SIGNER_WORK_BEGIN] = { "ceremony begin", begin, .at_rest = true, .given = true,
		.ceremony = true },
	[SIGNER_WORK_NOTE] = { "ceremony note", note, .ceremony = true },
	[SIGNER_WORK_END] = { "ceremony end", end, .at_rest = true, .role = true,
		.ceremony = true },
	[SIGNER_WORK_SHOW] = { "ceremony show", show, .read = true, .ceremony = true },
};

/* Of these the work itself is as without a ceremony. */
static bool may_be_a_step(enum signer_work work)
{
	return WORKS[work].ceremony || work == SIGNER_WORK_KEYS ||
	       work == SIGNER_WORK_REQUEST;
}

static int make_folder(const struct job *j)
{
	char path[PATH_MAX];
	int r = instance_path(j->works->instance, CEREMONY_FOLDER, path);

	return r == 0 && mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : r;
}

static enum protocol_mode mode_of(enum signer_work work)
{
	if (work == SIGNER_WORK_BEGIN)
		return PROTOCOL_BEGIN;
	return work == SIGNER_WORK_SHOW ? PROTOCOL_READ : PROTOCOL_GO_ON;
}

static const char *why_not(int r)
{
	switch (r) {
	case -EINVAL:
		return "its name is letters, digits, '-' and '_'";
	case -EEXIST:
		return "it has begun: go on with it";
	case -ENOENT:
		return "there is none: begin it";
	case -EBADMSG:
		return "its protocol was altered, or cut short by a step that broke off, "
		       "which the next step writes over";
	default:
		return strerror(-r);
	}
}

/* Whoever else is at the same protocol is waited for. */
static int open_ceremony(struct job *j)
{
	const struct signer_order *o = j->order;
	enum signer_work work = (enum signer_work)o->work;
	char path[PATH_MAX];
	int r;

	if (!o->ceremony[0])
		return WORKS[work].ceremony
			       ? bench_fail(&j->bench, "a ceremony has a name")
			       : 0;
	if (!may_be_a_step(work) || (work == SIGNER_WORK_KEYS && o->role[0]))
		return bench_fail(&j->bench, "this is no step of a ceremony");
	r = ceremony_path(j->works->instance, o->ceremony, path);
	if (r == 0 && work == SIGNER_WORK_BEGIN)
		r = make_folder(j);
	if (r == 0)
		r = protocol_open(path, mode_of(work), &j->protocol);
	if (r < 0)
		return bench_fail(&j->bench, "ceremony %s: %s", o->ceremony, why_not(r));
	j->ceremony = (struct ceremony){ &j->bench, &j->protocol, o->person, o->first };
	return j->protocol.closed && work != SIGNER_WORK_SHOW
		       ? bench_fail(&j->bench, "the ceremony has ended")
		       : 0;
}

/* What is for whoever keeps count by hand; a request goes out as it is. */
static void close_ceremony(struct job *j, int r)
{
	if (!j->ceremony.protocol)
		return;
	if (r == 0 && !WORKS[j->order->work].read &&
		j->order->work != SIGNER_WORK_REQUEST)
		bench_say(&j->bench, "entry %u, chain %s", j->protocol.entries,
			j->protocol.chain);
	protocol_done(&j->protocol);
}

static int run_at(const struct key_place *place, void *data)
{
	struct job *j = data;

	j->bench.place = *place;
	return WORKS[j->order->work].run(j);
}

/* Return: 0, -EAGAIN the token cannot be worked at, or negative. */
static int run(struct job *j)
{
	struct token *token = j->works->signing->token;
	char why[TOKEN_TEXT_SIZE] = "";
	int r;

	if (!WORKS[j->order->work].at_rest)
		return WORKS[j->order->work].run(j);
	r = token_work(token, run_at, j, why);
	if (r == -EAGAIN)
		bench_fail(
			&j->bench, "%s: see hsm list, and activate the token first", why);
	return r;
}

static int find_role(struct job *j)
{
	const struct roles *roles = j->works->signing->roles;
	const char *name = j->order->role;
	int i;

	if (!name[0])
		return WORKS[j->order->work].role
			       ? bench_fail(&j->bench, "this needs the name of a role")
			       : 0;
	i = roles_find(roles, name);
	if (i < 0)
		return bench_fail(
			&j->bench, "there is no role %s in %s", name, ROLES_FILE);
	j->role = &roles->list[i];
	return 0;
}

static struct key_work event_of(const struct job *j)
{
	const struct signer_order *o = j->order;

	return (struct key_work){ .work = WORKS[o->work].name,
		.role = o->role,
		.ceremony = o->ceremony,
		.by = o->person,
		.first = o->first,
		.uid = j->works->uid,
		.given = j->given };
}

/* Nothing is done that could not be told afterwards; what only looks is nothing. */
static int tell_begun(struct job *j)
{
	struct key_work w = event_of(j);
	int r = WORKS[j->order->work].read ? 0 : key_work_begins(j->works->instance, &w);

	return r < 0 ? bench_fail(&j->bench,
			       "the audit chain cannot be told of it, so it is not "
			       "done: state/events/signer: %s",
			       strerror(-r))
		     : 0;
}

/* The first line of what was said, which names nothing secret; of a request its digest.
 */
static void tell_done(const struct job *j, int r)
{
	struct key_work w = event_of(j);
	const char *said = j->bench.said.data ? j->bench.said.data : "";
	char sha256[sizeof("sha256:") + SHA256_TEXT_SIZE] = "sha256:";
	const char *by = j->order->person[0] ? j->order->person : "an administrator";

	if (WORKS[j->order->work].read)
		return;
	if (r == 0 && j->order->work == SIGNER_WORK_REQUEST &&
		digest_sha256_text(buf_span(&j->bench.said), sha256 + strlen(sha256)) ==
			0)
		said = sha256;
	log_event(r < 0 ? LOG_WARNING : LOG_NOTICE, "signer.setup", NULL,
		"%s, by %s: %.*s", WORKS[j->order->work].name, by,
		(int)strcspn(said, "\n"), said);
	key_work_ended(j->works->instance, &w, r, said);
}

enum signer_answer works_do(const struct works *w, const struct signer_order *order,
	struct span given, struct buf *ret_text)
{
	struct job j = { .works = w, .order = order, .given = given };
	int r;

	bench_init(&j.bench, w->instance, w->signing->roles);
	j.bench.log = w->signing->log;
	r = tell_begun(&j);
	if (r == 0)
		r = find_role(&j);
	if (r == 0)
		r = open_ceremony(&j);
	if (r == 0 && WORKS[order->work].given != (given.len > 0))
		r = bench_fail(&j.bench, given.len ? "nothing is to be given along"
						   : "nothing was given along");
	if (r == 0)
		r = run(&j);
	close_ceremony(&j, r);
	tell_done(&j, r);
	*ret_text = j.bench.said;
	if (r == 0)
		return SIGNER_SIGNED;
	return r == -EAGAIN ? SIGNER_AWAY : SIGNER_REFUSED;
}
