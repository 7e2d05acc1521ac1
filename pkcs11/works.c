/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/works.h"

#include "common/json.h"
#include "common/log.h"
#include "pkcs11/bench.h"
#include "pkcs11/custody.h"
#include "pkcs11/listing.h"

#include <errno.h>
#include <string.h>

/* One order, and where it is carried out. */
struct job {
	const struct works *works;
	const struct signer_order *order;
	const struct role *role; /* or NULL */
	struct span given;
	struct bench bench;
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
	int r = bench_keys(&j->bench, j->role);

	if (r == 0 && !j->bench.said.len)
		bench_say(&j->bench, "no key is missing");
	return r;
}

static int request(struct job *j)
{
	return bench_request(
		&j->bench, j->role, j->order->text[0] ? j->order->text : NULL);
}

static int import(struct job *j)
{
	return bench_import(&j->bench, j->role, j->given);
}

static int removal(struct job *j)
{
	return bench_remove(&j->bench, j->role, j->order->text);
}

static const struct {
	const char *name;
	int (*run)(struct job *j);
	bool at_rest, role, given, read;
} WORKS[SIGNER_WORKS] = {
	[SIGNER_WORK_LIST] = { "list", list, .read = true },
	[SIGNER_WORK_TEST] = { "test", test, .read = true },
	[SIGNER_WORK_KEYS] = { "keys", keys, .at_rest = true },
	[SIGNER_WORK_REQUEST] = { "csr", request, .at_rest = true, .role = true },
	[SIGNER_WORK_IMPORT] = { "import", import, .at_rest = true, .role = true,
		.given = true },
	[SIGNER_WORK_REMOVE] = { "remove", removal, .at_rest = true, .role = true },
	[SIGNER_WORK_CUSTODY] = { "custody", custody, .given = true },
};

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

/* The first line of what was said, which names nothing secret; of a request its digest.
 */
static void log_done(const struct job *j, int r)
{
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
}

enum signer_answer works_do(const struct works *w, const struct signer_order *order,
	struct span given, struct buf *ret_text)
{
	struct job j = { .works = w, .order = order, .given = given };
	int r;

	bench_init(&j.bench, w->instance, w->signing->roles);
	j.bench.log = w->signing->log;
	r = find_role(&j);
	if (r == 0 && WORKS[order->work].given != (given.len > 0))
		r = bench_fail(&j.bench, given.len ? "nothing is to be given along"
						   : "nothing was given along");
	if (r == 0)
		r = run(&j);
	log_done(&j, r);
	*ret_text = j.bench.said;
	if (r == 0)
		return SIGNER_SIGNED;
	return r == -EAGAIN ? SIGNER_AWAY : SIGNER_REFUSED;
}
