/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/instance.h"
#include "common/log.h"
#include "ctl/appliance/parcel.h"
#include "ctl/appliance/refuse.h"
#include "ctl/command.h"
#include "ctl/remote/remote_parcel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "state/parcel"
#define TAKEN "state/parcel.taken" /* where nothing comes any more */
#define KEPT_S (24 * 3600)
#define ASKED APPLIANCE_HANDOVER "/take"
#define OUTCOME APPLIANCE_HANDOVER "/taken"
#define OUTCOME_MAX 4096u
#define DONE "done"
#define TAKE_UNIT "appliance-take.service"

static int place(const char *name, struct parcel *ret)
{
	const char *dir = getenv("SEALGATE_INSTANCE");
	int n = snprintf(ret->dir, sizeof(ret->dir), "%s/%s",
		dir ? dir : APPLIANCE_INSTANCE, name);

	ret->anchors = APPLIANCE_ANCHORS;
	return n < 0 || n >= (int)sizeof(ret->dir) ? -ENAMETOOLONG : 0;
}

/* Whoever has brought a list is told where to go on: in runs, that is, which a gate of an
 * earlier version does not say. */
static int say_next(const struct parcel *p, struct appliance_came *ret, char **ret_error)
{
	char sha256[SHA256_TEXT_SIZE];
	int r = parcel_digest(p->dir, sha256);

	return r < 0 ? appliance_fail(ret_error, r, "manifest", strerror(-r))
		     : parcel_put_run(p, sha256, 0, span_str(""), &ret->next, &ret->whole,
			       ret_error);
}

static int put(const struct parcel *p, const char *name, long long at, struct span octets,
	struct appliance_came *ret, char **ret_error)
{
	size_t n = strlen(PARCEL_NAME);
	int r;

	ret->next = -1;
	if (strncmp(name, PARCEL_NAME, n) == 0) {
		r = parcel_put_run(
			p, name + n, at, octets, &ret->next, &ret->whole, ret_error);
		ret->have = ret->next;
		return r;
	}
	r = parcel_put(p, name, at, octets, &ret->have, &ret->whole, ret_error);
	if (r == 0 && !ret->whole && strcmp(name, "manifest.p7s") == 0)
		r = say_next(p, ret, ret_error);
	return r;
}

int appliance_parcel(const char *name, const char *offset, struct appliance_came *ret,
	char **ret_error)
{
	_cleanup_(freep) uint8_t *octets = NULL;
	struct parcel p;
	size_t len = 0;
	long long at;
	int r = parcel_read(offset, &at, &octets, &len);

	if (r == -EINVAL)
		return appliance_fail(ret_error, r, offset, "is no offset");
	if (r == 0)
		r = place(FOLDER, &p);
	if (r < 0)
		return appliance_fail(ret_error, r, name, strerror(-r));
	return put(&p, name, at, span_of(octets, len), ret, ret_error);
}

int appliance_discard(void)
{
	struct parcel p;
	int r = place(FOLDER, &p);

	return r < 0 ? r : parcel_discard(&p);
}

int appliance_discard_old(void)
{
	struct parcel p, taken;
	int r = place(FOLDER, &p);

	if (r == 0)
		r = place(TAKEN, &taken);
	if (r == 0)
		r = appliance_remove(taken.dir);
	return r < 0 ? r : parcel_discard_old(&p, clock_now(), KEPT_S);
}

int appliance_outcome(const char *path, char **ret_error)
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len = 0;
	int r = file_read(path, OUTCOME_MAX, &text, &len);

	(void)unlink(path);
	if (r < 0)
		return appliance_fail(ret_error, r, path, strerror(-r));
	if (span_equal(span_of(text, len), span_str(DONE)))
		return 0;
	free(*ret_error);
	*ret_error = strdup((const char *)text);
	return -EPERM;
}

int appliance_note_outcome(const char *path, const char *said)
{
	char text[OUTCOME_MAX + 1];

	appliance_cut(said ? said : DONE, sizeof(text), text);
	return durable_write(path, span_str(text), 0600);
}

/* The restart at its end may cancel the unit's job before the manager has called it done:
 * what the unit wrote is what came of it, and that alone. */
static int ask_unit(char **ret_error)
{
	int started = appliance_start(TAKE_UNIT, true);

	if (started < 0 && access(OUTCOME, F_OK) < 0)
		return appliance_fail(ret_error, started, TAKE_UNIT, strerror(-started));
	return appliance_outcome(OUTCOME, ret_error);
}

static const char *kind_of(const char *verb)
{
	return strcmp(verb, "apply") == 0 ? "machine" : "update";
}

int appliance_take_named(const char *verb, const char *name, char **ret_error)
{
	const char *sha256 = name + strlen(PARCEL_NAME);
	char asked[SHA256_TEXT_SIZE + 16];
	struct parcel p;
	int r = place(FOLDER, &p);

	if (r == 0)
		r = parcel_check(&p, kind_of(verb), sha256, ret_error);
	if (r < 0)
		return r;
	(void)snprintf(asked, sizeof(asked), "%s %s", verb, sha256);
	(void)unlink(OUTCOME);
	r = durable_write(ASKED, span_str(asked), 0600);
	if (r < 0)
		return appliance_fail(ret_error, r, ASKED, strerror(-r));
	return ask_unit(ret_error);
}

/* Moved away first: what is checked from here on is what is used. */
static int take(const char *verb, const char *sha256, char **ret_error)
{
	struct parcel p, taken;
	int r = place(FOLDER, &p);

	if (r == 0)
		r = place(TAKEN, &taken);
	if (r == 0)
		r = appliance_remove(taken.dir);
	if (r == 0 && rename(p.dir, taken.dir) < 0)
		r = -errno;
	if (r < 0)
		return appliance_fail(ret_error, r, FOLDER, strerror(-r));
	r = parcel_check(&taken, kind_of(verb), sha256, ret_error);
	if (r == 0)
		r = *kind_of(verb) == 'm' ? appliance_apply(taken.dir, true, ret_error)
					  : appliance_update(taken.dir, true, ret_error);
	(void)appliance_remove(taken.dir);
	return r;
}

int appliance_take(char **ret_error)
{
	_cleanup_(freep) uint8_t *asked = NULL;
	const char *said = NULL;
	char verb[16], sha256[SHA256_TEXT_SIZE];
	size_t len = 0;
	int r = file_read(ASKED, sizeof(sha256) + 16, &asked, &len), e;

	(void)unlink(ASKED);
	if (r < 0)
		return appliance_fail(ret_error, r, ASKED, strerror(-r));
	if (sscanf((const char *)asked, "%15s %64s", verb, sha256) != 2)
		return appliance_fail(ret_error, -EINVAL, ASKED, "asks for nothing");
	r = take(verb, sha256, ret_error);
	if (r > 0)
		said = "nothing new: it is the one in force, or an older one";
	else if (r < 0)
		said = *ret_error ? *ret_error : strerror(-r);
	e = appliance_note_outcome(OUTCOME, said);
	return r < 0 || e == 0 ? r : appliance_fail(ret_error, e, OUTCOME, strerror(-e));
}
