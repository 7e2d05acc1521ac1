/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/durable.h"
#include "common/instance.h"
#include "common/module_variables.h"
#include "ctl/appliance/adopt.h"
#include "ctl/appliance/afar.h"
#include "ctl/appliance/hsm.h"
#include "ctl/appliance/manifest.h"
#include "ctl/appliance/reach.h"
#include "ctl/appliance/secret_files.h"
#include "ctl/appliance/swap.h"
#include "ctl/appliance/time_sources.h"
#include "ctl/instance/edge.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INCOMING APPLIANCE_WORK "/incoming"
#define EGRESS INCOMING "/network/egress.csv"
#define STARTED APPLIANCE_NOTED "/started"
#define AFAR APPLIANCE_NOTED "/afar"
#define EDGE_KEY "tls/server.key"
#define REFUSAL_MAX 512
#define EDGE_MAX 65536u

static const struct swap_place PLACE = { .instance = APPLIANCE_INSTANCE,
	.work = APPLIANCE_WORK,
	.lock = APPLIANCE_NOTED "/lock" };

/* What a configuration may hold, the first row that fits: a path that ends in a slash
 * stands for everything below it, one with an asterisk for what begins and ends so.
 * Nothing else is taken. */
static const struct {
	const char *path;
	mode_t mode;
	const char *unit; /* whose secret it is, NULL: of none */
	const char *user; /* who takes it (adopt.h), NULL: it stays root's */
} PLACES[] = {
	{ "sealgate.conf", 0644, NULL, NULL },
	{ "policies/", 0644, NULL, NULL },
	{ EDGE_KEY, 0644, "edge", NULL },
	{ "tls/", 0644, NULL, NULL },
	{ "credentials/pin", 0644, "signer", NULL },
	{ "credentials/so-pin", 0644, "set-up", NULL },
	{ "credentials/destinations/", 0644, "forward", NULL },
	{ "network/", 0644, NULL, NULL },
	{ "time/", 0644, NULL, NULL },
	{ "logs/client.key", 0644, "logs", NULL },
	{ "logs/", 0644, NULL, NULL },
	{ "ship/*.key", 0644, "ship", NULL },
	{ "ship/", 0644, NULL, NULL },
	{ "hsm/*.key", 0644, "signer", NULL },
	{ "hsm/secret/", 0644, "signer", NULL },
	{ "hsm/", 0644, NULL, NULL },
	{ "state/trust/revocation/", 0644, NULL, "trustd" },
	/* the token of a TEST instance */
	{ "state/signer/", 0600, NULL, "signer" },
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool fits(const char *row, const char *path)
{
	const char *asterisk = strchr(row, '*');
	size_t len = strlen(row), all = strlen(path);
	size_t end = asterisk ? strlen(asterisk + 1) : 0;

	if (asterisk)
		return all >= len && strncmp(row, path, len - end - 1) == 0 &&
		       strcmp(path + all - end, asterisk + 1) == 0;
	return row[len - 1] == '/' ? strncmp(path, row, len) == 0
				   : strcmp(path, row) == 0;
}

static int place_of(const char *path, size_t *ret_place)
{
	for (size_t i = 0; i < COUNT(PLACES); i++) {
		if (fits(PLACES[i].path, path)) {
			*ret_place = i;
			return 0;
		}
	}
	return -EPERM;
}

/* What every program reads, and is in each backup. Return: 0, -EKEYREJECTED it has a
 * private key, -errno. */
static int judge_clear(const char *folder, const struct manifest_file *f)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", folder, f->path), r;

	r = n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : secret_lies_in(path);
	return r == 1 ? -EKEYREJECTED : r;
}

/* Root's, whoever it is for: who may not give files away cannot give away too much. Of a
 * unit's secrets only what is none gets here in clear. */
static int take_file(const struct manifest *m, const struct manifest_file *f, int *line)
{
	char folder[PATH_MAX] = INCOMING;
	size_t place;
	int r = place_of(f->path, &place);

	if (r == 0 && PLACES[place].unit) {
		r = appliance_seal_secret(m, f, PLACES[place].unit, INCOMING, line);
		if (r <= 0)
			return r;
		r = 0;
	}
	if (r == 0 && PLACES[place].user)
		(void)snprintf(folder, sizeof(folder), INCOMING "/" ADOPT_GIVEN "/%s",
			PLACES[place].user);
	if (r == 0)
		r = manifest_copy(m, f, folder, PLACES[place].mode);
	return r < 0 || PLACES[place].unit || PLACES[place].mode == 0600
		       ? r
		       : judge_clear(folder, f);
}

/* Two files of which a unit would be given one for the other. */
static bool clashes(const struct manifest *m, size_t which)
{
	size_t place;

	if (place_of(m->files[which].path, &place) < 0 || !PLACES[place].unit)
		return false;
	for (size_t i = 0; i < which; i++)
		if (place_of(m->files[i].path, &place) == 0 && PLACES[place].unit &&
			secret_clash(m->files[which].path, m->files[i].path))
			return true;
	return false;
}

static const char *not_taken(int r)
{
	return r == -EPERM     ? "does not belong into a configuration"
	       : r == -EBADMSG ? "is not what was signed"
	       : r == -EKEYREJECTED
		       ? "has a private key where every program reads it: take its "
			 "own file"
		       : strerror(-r);
}

static int take_files(const struct manifest *m, char **ret_error)
{
	_cleanup_(closep) int line = -1; /* to who encrypts */
	int r = appliance_remove(INCOMING);

	if (r == 0 && mkdir(INCOMING, 0755) < 0)
		r = -errno;
	if (r == 0)
		r = appliance_seal_folders(INCOMING);
	if (r < 0)
		return appliance_fail(ret_error, r, INCOMING, strerror(-r));
	for (size_t i = 0; i < m->count; i++) {
		if (clashes(m, i))
			return appliance_fail(ret_error, -EEXIST, m->files[i].path,
				"another file would be the same credential: / and _ are "
				"one");
		r = take_file(m, &m->files[i], &line);
		if (r < 0)
			return appliance_fail(
				ret_error, r, m->files[i].path, not_taken(r));
	}
	return 0;
}

/* Machines of a site have one anchor: the configuration of another of its gates would
 * have this one take its name and keys. What is in force and cannot be read is mended by
 * whatever comes. */
static int judge_name(const char *name, char **ret_error)
{
	_cleanup_(freep) char *unreadable = NULL;
	struct instance here;
	int r = 0;

	if (instance_open(APPLIANCE_INSTANCE, &here, &unreadable) < 0)
		return 0;
	if (access(APPLIANCE_INSTANCE "/sealgate.conf", F_OK) == 0 &&
		strcmp(config_string(here.config, "instance.name"), name) != 0)
		r = appliance_fail(ret_error, -EPERM, name,
			"is another gate (instance.name) than this machine is, until a "
			"factory reset");
	instance_done(&here);
	return r;
}

/* What becomes a line of the edge's configuration has to be one word of it; and of keys
 * there is one alone that is given to the edge, and to nobody else. */
static int judge_edge(const struct instance *instance, char **ret_error)
{
	_cleanup_buf_ struct buf text;
	int r;

	buf_init(&text, EDGE_MAX);
	if (strcmp(config_string(instance->config, "tls.key"), EDGE_KEY) != 0)
		return appliance_fail(
			ret_error, -EPERM, "tls.key", "is " EDGE_KEY " on an appliance");
	r = edge_configuration(instance, &text);
	return r < 0 ? appliance_fail(ret_error, r, "sealgate.conf",
			       "listen or tls has what is no address, or no path")
		     : 0;
}

/* Or the signer would find that it starts with none of its token's settings. */
static int judge_variables(const struct instance *instance, char **ret_error)
{
	char text[MODULE_VARIABLES_TEXT_SIZE];
	int r = module_variables_judge(instance, text);

	return r < 0 ? appliance_fail(ret_error, r, "sealgate.conf", text) : 0;
}

/* Rights go by these numbers, so that a number of another program would be its rights,
 * given to whoever takes that one over. */
static int judge_peers(const struct instance *instance, char **ret_error)
{
	static const char *const programs[] = { "nginx", "intake", "verify", "queued",
		"signer", "seal", "forward", "admin", "trustd", "handshake", "health",
		"backup", "replay" };

	if (!config_bool(instance->config, "peers.separate"))
		return appliance_fail(ret_error, -EINVAL, "sealgate.conf",
			"peers.separate must be true on an appliance");
	for (size_t i = 0; i < COUNT(programs); i++) {
		const struct passwd *user;
		char key[32], name[32];

		(void)snprintf(key, sizeof(key), "peers.%s", programs[i]);
		(void)snprintf(name, sizeof(name), "sealgate-%s", programs[i]);
		user = getpwnam(name);
		if (!user || user->pw_uid != (uid_t)config_int(instance->config, key))
			return appliance_fail(ret_error, -EPERM, key,
				"is not the number of that program on an appliance");
	}
	return 0;
}

/* Code comes with the image alone, and who speaks out is no software token. */
static int judge_hsm(const struct instance *instance, char **ret_error)
{
	const char *module = config_string(instance->config, "signer.module");
	char devices[HSM_WAYS_SIZE] = "";
	int out = appliance_egress_lists(EGRESS, "signer", ret_error);
	int r = out < 0 ? out : hsm_devices(INCOMING "/" HSM_DEVICES, devices, ret_error);

	if (r == 0)
		r = hsm_judge(APPLIANCE_MODULES, module, out || devices[0], ret_error);
	return r < 0 ? r : judge_variables(instance, ret_error);
}

/* What the signer keeps is made here, by two people, and nobody brings a PIN. */
static int judge_production(
	const struct manifest *m, const struct instance *instance, char **ret_error)
{
	static const char *const test[] = { "credentials/pin", "credentials/so-pin",
		"state/signer/" };

	for (size_t i = 0; i < m->count; i++)
		for (size_t n = 0; n < COUNT(test); n++)
			if (fits(test[n], m->files[i].path))
				return appliance_fail(ret_error, -EPERM, m->files[i].path,
					"is of a TEST instance alone");
	if (strcmp(config_string(instance->config, "seal.clock_watch"),
		    APPLIANCE_CLOCK) != 0)
		return appliance_fail(ret_error, -EPERM, "seal.clock_watch",
			"is not where an appliance says whether its clock is right: "
			"leave it out");
	return time_sources_judge(INCOMING "/time", ret_error);
}

/* Whoever mends it from afar has to get in. */
static int judge_reach(
	const struct manifest *m, const struct instance *instance, char **ret_error)
{
	int r = reach_listeners(instance, ret_error);

	if (r == 0)
		r = reach_files(m, instance, ret_error);
	if (r == 0)
		r = reach_receivers(m, ret_error);
	if (r == 0)
		r = reach_people(INCOMING "/policies", ret_error);
	if (r == 0)
		r = reach_proxies(instance, EGRESS, ret_error);
	return r == 0 ? reach_network(INCOMING "/network/machine.network", ret_error) : r;
}

/* The reader of the instance judges the incoming one as it would judge it in place. */
static int judge(const struct manifest *m, char **ret_error)
{
	struct instance instance;
	int r = instance_open(INCOMING, &instance, ret_error);

	if (r < 0)
		return r;
	r = judge_peers(&instance, ret_error);
	if (r == 0)
		r = judge_name(
			config_string(instance.config, "instance.name"), ret_error);
	if (r == 0)
		r = judge_edge(&instance, ret_error);
	if (r == 0)
		r = judge_hsm(&instance, ret_error);
	if (r == 0)
		r = judge_reach(m, &instance, ret_error);
	if (r == 0 && !config_bool(instance.config, "instance.test"))
		r = judge_production(m, &instance, ret_error);
	instance_done(&instance);
	return r;
}

/* Names of files and lines of them are in it: one line, and text in any case. */
void appliance_note(const char *path, const char *why)
{
	char line[REFUSAL_MAX];

	if (!why) {
		(void)unlink(path);
		return;
	}
	(void)snprintf(line, sizeof(line), "%s", why);
	for (char *c = line; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	/* a folder that others have put there */
	if (durable_write(path, span_str(line), 0600) == -EISDIR &&
		appliance_remove(path) == 0)
		(void)durable_write(path, span_str(line), 0600);
}

void appliance_note_refusal(const char *why)
{
	appliance_note(APPLIANCE_REFUSED, why);
}

static int take_proven(const struct manifest *m, bool afar, char **ret_error)
{
	int r = swap_resume(&PLACE);

	if (r < 0)
		return appliance_fail(ret_error, r, APPLIANCE_INSTANCE, strerror(-r));
	if (strlen(m->serial) > SWAP_SERIAL_MAX)
		return appliance_fail(ret_error, -EINVAL, "manifest",
			"the serial has more than 64 characters");
	r = swap_serial_is_new(&PLACE, m->serial);
	if (r < 0)
		return appliance_fail(ret_error, r, APPLIANCE_WORK,
			r == -EPERM ? "the configuration is older than the backup that "
				      "this machine was restored from"
				    : strerror(-r));
	if (r == 0)
		return 1;
	r = take_files(m, ret_error);
	if (r == 0)
		r = judge(m, ret_error);
	if (r == 0)
		r = appliance_egress_rules(EGRESS, NULL, ret_error);
	if (r < 0) { /* it may be for a secret in it */
		(void)appliance_remove(INCOMING);
		return r;
	}
	if (afar)
		r = afar_note(&PLACE, m->serial);
	if (r == 0)
		r = swap_apply(&PLACE, m->serial);
	return r < 0 ? appliance_fail(ret_error, r, APPLIANCE_INSTANCE, strerror(-r)) : 0;
}

static int take(const char *dir, bool afar, char **ret_error)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	_cleanup_(closep) int held = -1;
	int r = manifest_open(
		dir, "machine", APPLIANCE_ANCHORS "/machine.pem", &m, ret_error);

	if (r < 0)
		return r;
	held = swap_lock(&PLACE);
	return held < 0 ? appliance_fail(ret_error, held, APPLIANCE_WORK, strerror(-held))
			: take_proven(&m, afar, ret_error);
}

int appliance_apply(const char *dir, bool afar, char **ret_error)
{
	int r = take(dir, afar, ret_error);

	if (r == 0)
		appliance_note(APPLIANCE_RETURNED, NULL);
	if (r <= 0)
		appliance_note_refusal(r == 0	    ? NULL
				       : *ret_error ? *ret_error
						    : strerror(-r));
	return r;
}

int appliance_note_started(void)
{
	static const char *const notes[] = { "unproven", "serial", SWAP_TAKEN_BACK };
	char serial[SWAP_SERIAL_MAX + 1];
	_cleanup_(closep) int held = swap_lock(&PLACE);
	int r = held < 0 ? held : swap_unproven(&PLACE, serial);

	/* what others left there would have appliance-return@ begin */
	for (size_t i = 0; held >= 0 && i < COUNT(notes); i++)
		(void)swap_make_way(&PLACE, notes[i]);

	if (r == 0)
		r = durable_write(STARTED, span_str(serial), 0644);
	if (r == 0)
		r = afar_unproven(&PLACE);
	if (r == 1)
		return durable_write(AFAR, span_str(serial), 0644);
	return r < 0 || unlink(AFAR) == 0 || errno == ENOENT ? r : -errno;
}

bool appliance_came_from_afar(void)
{
	return access(AFAR, F_OK) == 0;
}

/* Return: 0 or -errno, -ENOENT: this start did not come so far. */
static int read_started(char ret_serial[SWAP_SERIAL_MAX + 1])
{
	_cleanup_(freep) char *serial = NULL;
	size_t len = 0;
	int r = file_read(STARTED, SWAP_SERIAL_MAX, (uint8_t **)&serial, &len);

	if (r == 0)
		(void)snprintf(ret_serial, SWAP_SERIAL_MAX + 1, "%s", serial);
	return r;
}

int appliance_keep(void)
{
	char started[SWAP_SERIAL_MAX + 1];
	_cleanup_(closep) int held = swap_lock(&PLACE);
	int r = held < 0 ? held : read_started(started);

	return r < 0 ? r : swap_keep(&PLACE, started);
}

int appliance_return(void)
{
	char started[SWAP_SERIAL_MAX + 1];
	_cleanup_(closep) int held = swap_lock(&PLACE);
	int r = held < 0 ? held : swap_resume(&PLACE);

	if (r < 0)
		return r;
	r = read_started(started);
	return r < 0 && r != -ENOENT ? r : swap_return(&PLACE, r < 0 ? NULL : started);
}

int appliance_resume(void)
{
	_cleanup_(closep) int held = swap_lock(&PLACE);

	return held < 0 ? held : swap_resume(&PLACE);
}
