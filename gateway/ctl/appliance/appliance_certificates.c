/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/instance.h"
#include "common/json.h"
#include "pki/certificate.h"
#include "policy/sources.h"

#include <glob.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define PEM_MAX (1024u * 1024)
#define DAY 86400

/* Where they are below an instance: of listeners and their clients, of what policy trusts
 * and for whom backups are, of us to destinations, to receivers of the log and of heads,
 * of authorities of the sources of time, and above the token's own, whose days the signer
 * says. */
static const char *const CERTIFICATES[] = { "tls/*.pem", "policies/anchors/*/*.pem",
	"policies/backup/*.pem", "credentials/destinations/*.pem", "logs/*.pem",
	"ship/*/*.pem", "time/*.pem", "state/signer/*.chain.pem" };

/* ... and where sealgate.conf may name others. */
static const char *const KEYS[] = { "tls.certificate", "tls.partner_ca", "tls.customs_ca",
	"tls.operator_ca", "forward.ca", "trustd.ca" };

static json_t *certificate_of(const char *path, const X509 *x)
{
	struct tm tm;
	char subject[256], sha256[SHA256_TEXT_SIZE];
	int64_t end;

	if (!ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) ||
		!X509_NAME_oneline(X509_get_subject_name(x), subject, sizeof(subject)) ||
		pki_certificate_sha256(x, sha256) < 0)
		return NULL;
	end = timegm(&tm);
	return json_pack("{s:s, s:o, s:s, s:o, s:I}", "file", path, "subject",
		json_text(subject), "sha256", sha256, "not_after", json_time(end),
		"days_left", (json_int_t)((end - clock_now()) / DAY));
}

static bool is_in(const json_t *list, const char *path)
{
	const json_t *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		const char *file = json_string_of(row, "file");

		if (file && strcmp(file, path) == 0)
			return true;
	}
	return false;
}

/* Once, however many name the file. */
static void add_certificates(const char *path, void *list)
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len;
	BIO *bio;
	X509 *x;

	if (is_in(list, path) || file_read(path, PEM_MAX, &text, &len) < 0)
		return;
	bio = BIO_new_mem_buf(text, (int)len);
	while (bio && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		json_array_append_new(list, certificate_of(path, x));
		X509_free(x);
	}
	BIO_free(bio);
}

/* Call look for each file that a pattern below a folder names. */
static void each(const char *folder, const char *pattern,
	void (*look)(const char *path, void *data), void *data)
{
	char whole[PATH_MAX];
	glob_t found = { 0 };

	if (snprintf(whole, sizeof(whole), "%s/%s", folder, pattern) < PATH_MAX &&
		glob(whole, 0, NULL, &found) == 0)
		for (size_t n = 0; n < found.gl_pathc; n++)
			look(found.gl_pathv[n], data);
	globfree(&found);
}

/* Whose signatures trustd wants below what it fetches, and about whom it asks. */
static void add_sources(const struct instance *i, json_t *list)
{
	_cleanup_(sources_freep) struct sources *s = NULL;
	_cleanup_(freep) char *error = NULL;
	char policies[PATH_MAX];

	if (instance_path(i, "policies", policies) < 0 ||
		sources_load(policies, config_bool(i->config, "instance.test"), &s,
			&error) < 0)
		return;
	for (size_t n = 0; n < s->count; n++) {
		add_certificates(s->list[n].issuer, list);
		add_certificates(s->list[n].certificate, list);
	}
	add_certificates(s->lists.journal, list);
}

static void add_named(const char *dir, json_t *list)
{
	_cleanup_(freep) char *error = NULL;
	struct instance i;
	char path[PATH_MAX];

	if (instance_open(dir, &i, &error) == 0) {
		for (size_t n = 0; n < sizeof(KEYS) / sizeof(KEYS[0]); n++)
			if (instance_path(&i, config_string(i.config, KEYS[n]), path) ==
				0)
				add_certificates(path, list);
		add_sources(&i, list);
	}
	instance_done(&i);
}

json_t *appliance_certificates(const char *instance, const char *anchors)
{
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(CERTIFICATES) / sizeof(CERTIFICATES[0]); i++)
		each(instance, CERTIFICATES[i], add_certificates, list);
	add_named(instance, list);
	each(anchors, "*.pem", add_certificates, list);
	return list;
}

/* .../UNIT/NAME, encrypted for that unit. */
static void add_credential(const char *path, void *list)
{
	const char *name = strrchr(path, '/') + 1, *unit = name - 1;
	struct stat st;

	while (unit[-1] != '/')
		unit--;
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
		json_array_append_new(
			list, json_pack("{s:s%, s:s, s:o}", "unit", unit,
				      (size_t)(name - 1 - unit), "name", name, "since",
				      json_time(st.st_mtime)));
}

json_t *appliance_credentials(const char *instance)
{
	json_t *list = json_array();

	each(instance, INSTANCE_SEALED "/*/*", add_credential, list);
	return list;
}
