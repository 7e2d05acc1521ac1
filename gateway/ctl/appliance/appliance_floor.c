/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/durable.h"
#include "common/json.h"
#include "common/log.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/floor.h"
#include "ctl/appliance/manifest.h"
#include "ctl/appliance/quote.h"
#include "ctl/appliance/tpm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NOTE "/run/appliance-floor/state.json"
#define NOTE_MAX 4096u
#define RELEASE_FILE "/usr/lib/os-release"
#define RELEASE_MAX 65536u
/* There while the boot loader counts tries (systemd-boot(7)). */
#define ON_TRIAL                                                                         \
	"/sys/firmware/efi/efivars/LoaderBootCountPath-"                                 \
	"4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

/* A version that os-release gives, by what comes before it: "\nNAME=". */
static int release_version(const char *name, char ret_version[APPLIANCE_VERSION_SIZE])
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len;
	int r = file_read(RELEASE_FILE, RELEASE_MAX, &text, &len);
	const char *at = r < 0 ? NULL : strstr((const char *)text, name);

	if (!at || sscanf(at + strlen(name), "%63[0-9.]", ret_version) != 1)
		return r < 0 ? r : -EINVAL;
	return 0;
}

int appliance_version(char ret_version[APPLIANCE_VERSION_SIZE])
{
	return release_version("\nIMAGE_VERSION=", ret_version);
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

/* What to do about wrong tries, in words; NULL when there are none. */
static char *advice_of(bool locked, uint32_t tries, uint32_t most, uint32_t interval)
{
	char *text = NULL;

	if (!locked && tries == 0)
		return NULL;
	if (asprintf(&text,
		    "the TPM %s: it takes each loss of power for a wrong try, and counts "
		    "%u of %u. /var and the floor do not depend on it. Leave the machine "
		    "on: every %u s one is forgotten; end it by `appliance restart`, "
		    "never "
		    "by its power, and look for why it lost it",
		    locked ? "is in lockout" : "counts wrong tries", tries, most,
		    interval) < 0)
		return NULL;
	return text;
}

static json_t *lockout_of(int tpm)
{
	_cleanup_(freep) char *advice = NULL;
	uint32_t permanent, tries, most, interval;
	bool locked;

	if (tpm_property(tpm, TPM_PERMANENT, &permanent) < 0 ||
		tpm_property(tpm, TPM_LOCKOUT_COUNTER, &tries) < 0 ||
		tpm_property(tpm, TPM_LOCKOUT_MAX, &most) < 0 ||
		tpm_property(tpm, TPM_LOCKOUT_INTERVAL, &interval) < 0)
		return json_null();
	locked = permanent & TPM_IN_LOCKOUT;
	advice = advice_of(locked, tries, most, interval);
	return json_pack("{s:b, s:I, s:I, s:I, s:o}", "locked", locked, "tries",
		(json_int_t)tries, "most", (json_int_t)most, "forgotten_after",
		(json_int_t)interval, "advice", text_or_null(advice ? advice : ""));
}

/* Whom to know this machine by (quote.h), or null. */
static json_t *signs_quotes(int tpm)
{
	char key[SHA256_TEXT_SIZE];

	return tpm >= 0 && quote_key(tpm, key) == 0 ? json_string(key) : json_null();
}

/* What may not be served, in words, or NULL. Return: 0 or -ENOMEM. */
static int refusal(int r, const struct floor *f, const char *version, char **ret_text)
{
	char *text = NULL;
	int n = 0;

	if (r < 0)
		n = asprintf(&text, "floor of versions: %s",
			*f->fault ? f->fault : strerror(-r));
	else if (manifest_compare(version, f->least) < 0)
		n = asprintf(&text, "%s: may not serve, none before %s may", version,
			f->least);
	else if (manifest_compare(version, f->version) < 0 && access(ON_TRIAL, F_OK) == 0)
		n = asprintf(&text, "%s: may not be tried, it is older than %s", version,
			f->version);
	*ret_text = n < 0 ? NULL : text;
	return n < 0 ? -ENOMEM : 0;
}

/* Leave for the others what was found, r: of floor.h. */
static int note(int tpm, int r, const struct floor *f, const char *version)
{
	_cleanup_(freep) char *refused = NULL, *text = NULL;
	_cleanup_json_ json_t *all = NULL;

	if (refusal(r, f, version, &refused) < 0)
		return -ENOMEM;
	all = json_pack("{s:{s:s, s:s, s:b, s:I, s:o}, s:b, s:o, s:o, s:o}", "floor",
		"version", f->version, "least", f->least, "in_tpm", f->in_tpm, "count",
		(json_int_t)f->count, "fault", text_or_null(f->fault), "believed", r == 0,
		"refused", text_or_null(refused ? refused : ""), "lockout",
		tpm < 0 ? json_null() : lockout_of(tpm), "quote_key", signs_quotes(tpm));
	text = all ? json_dumps(all, JSON_COMPACT) : NULL;
	return text ? durable_write(NOTE, span_str(text), 0644) : -ENOMEM;
}

json_t *appliance_tpm(void)
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len;
	json_t *all = NULL;

	if (file_read_of_others(NOTE, NOTE_MAX, &text, &len) == 0)
		all = json_read(span_of(text, len), NOTE_MAX);
	return all ? all : json_null();
}

/* On the screen, where whoever installs the machine notes it. */
static void tell_key(void)
{
	_cleanup_json_ json_t *all = appliance_tpm();
	const char *key = json_string_of(all, "quote_key");

	log_event(LOG_NOTICE, "appliance.quote", NULL, "%s%s",
		key ? "quotes of this machine are signed by sha256:"
		    : "nothing signs quotes of this machine: it has no TPM for that",
		key ? key : "");
}

int appliance_note_floor(char **ret_error)
{
	_cleanup_(closep) int tpm = tpm_open(TPM_DEVICE);
	struct floor_place place = { .folder = APPLIANCE_WORK, .tpm = tpm };
	char version[APPLIANCE_VERSION_SIZE];
	struct floor f = { 0 };
	int r = appliance_version(version);

	if (r < 0)
		return appliance_fail(ret_error, r, RELEASE_FILE, strerror(-r));
	(void)floor_adopt(&place); /* what kept it from that, reading says as well */
	r = floor_read(&place, &f);
	r = note(tpm, r, &f, version);
	if (r < 0)
		return appliance_fail(ret_error, r, NOTE, strerror(-r));
	tell_key();
	return 0;
}

int appliance_raise_floor(char **ret_error)
{
	_cleanup_(closep) int tpm = tpm_open(TPM_DEVICE);
	struct floor_place place = { .folder = APPLIANCE_WORK, .tpm = tpm };
	char version[APPLIANCE_VERSION_SIZE], least[APPLIANCE_VERSION_SIZE];
	struct floor f = { 0 };
	int r = appliance_version(version);

	if (r == 0)
		r = release_version("\nSEALGATE_LEAST=", least);
	if (r < 0)
		return appliance_fail(ret_error, r, RELEASE_FILE, strerror(-r));
	/* Until the boot loader keeps it, the slot to return to must serve. */
	r = floor_raise(&place, version, access(ON_TRIAL, F_OK) == 0 ? "0" : least, &f);
	(void)note(tpm, r, &f, version);
	if (r < 0)
		return appliance_fail(ret_error, r, "floor of versions",
			*f.fault ? f.fault : strerror(-r));
	if (*f.fault)
		log_event(LOG_WARNING, "appliance.floor", NULL,
			"the floor of versions is in /var alone: %s", f.fault);
	return 0;
}

int appliance_floor(char ret_version[APPLIANCE_VERSION_SIZE], char **ret_error)
{
	_cleanup_json_ json_t *all = appliance_tpm();
	json_t *floor = json_object_get(all, "floor");
	const char *kept = json_string_of(floor, "version"),
		   *fault = json_string_of(floor, "fault");
	int r = appliance_version(ret_version);

	if (r < 0)
		return appliance_fail(ret_error, r, RELEASE_FILE, strerror(-r));
	if (!kept || !json_is_true(json_object_get(all, "believed")))
		return appliance_fail(ret_error, -EPERM, "floor of versions",
			fault ? fault : "it was not read");
	if (manifest_compare(kept, ret_version) > 0)
		(void)snprintf(ret_version, APPLIANCE_VERSION_SIZE, "%s", kept);
	return 0;
}

const char *appliance_refused(const json_t *note)
{
	const char *refused = json_string_of(note, "refused");

	if (!json_is_object(note))
		return "the floor of versions was not read";
	if (refused)
		return refused;
	return json_is_true(json_object_get(note, "believed")) &&
			       json_is_null(json_object_get(note, "refused"))
		       ? NULL
		       : "the floor of versions is not to be believed";
}

int appliance_may_serve(char **ret_error)
{
	_cleanup_json_ json_t *all = appliance_tpm();
	const char *refused = appliance_refused(all);

	if (!refused)
		return 0;
	*ret_error = strdup(refused);
	return -EPERM;
}
