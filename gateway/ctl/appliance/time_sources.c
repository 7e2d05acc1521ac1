/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/time_sources.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "ctl/appliance/appliance.h"
#include "pki/certificate.h"

#include <errno.h>
#include <glob.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILE_MAX 65536u
#define PEM_MAX (1024u * 1024)
#define MOST 64
#define BLANKS " \t\r"
#define LINE_MOST 1000 /* chronyd's is 2048 */
#define NAME "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:-_"

struct found {
	char *names[MOST];
	size_t count;
};

static void found_done(struct found *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->names[i]);
}

/* Return: NULL, or what is wrong with it. */
static const char *add(struct found *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcasecmp(f->names[i], name) == 0)
			return "a source of time is there twice";
	if (f->count == MOST || !(f->names[f->count] = strdup(name)))
		return "there are too many sources of time";
	f->count++;
	return NULL;
}

/* What may follow the name; bounds as chronyd's own or narrower. */
static const struct option {
	const char *name;
	long min, max; /* of its number; 0, 0: it has none */
} OPTIONS[] = {
	{ "nts", 0, 0 },
	{ "iburst", 0, 0 },
	{ "prefer", 0, 0 },
	{ "minpoll", 1, 17 },
	{ "maxpoll", 1, 17 },
	{ "maxsources", 1, 16 },
	{ "ntsport", 1, 65535 },
};

static bool has_number(const struct option *o, const char *number)
{
	long value;

	if (!number || strlen(number) > 5 ||
		strspn(number, "0123456789") != strlen(number))
		return false;
	value = strtol(number, NULL, 10);
	return value >= o->min && value <= o->max;
}

/* A word after the name, and its number from *save. Return: is it one of OPTIONS? */
static bool take_option(const char *word, char **save)
{
	for (size_t i = 0; i < sizeof(OPTIONS) / sizeof(OPTIONS[0]); i++)
		if (strcasecmp(word, OPTIONS[i].name) == 0)
			return !OPTIONS[i].max ||
			       has_number(&OPTIONS[i], strtok_r(NULL, BLANKS, save));
	return false;
}

/* Return: NULL, or what is wrong with it. */
static const char *judge_line(struct found *f, char *line)
{
	char *save = NULL, *word = strtok_r(line, BLANKS, &save), *name;
	bool proves = false;

	if (!word || strchr("#!%;", *word))
		return NULL;
	if (strcasecmp(word, "server") != 0 && strcasecmp(word, "pool") != 0)
		return "a source of time is a server or a pool";
	name = strtok_r(NULL, BLANKS, &save);
	if (!name)
		return "a source of time has a name";
	if (name[strspn(name, NAME)] != '\0')
		return "a source of time has a name that is none";
	while ((word = strtok_r(NULL, BLANKS, &save)) != NULL) {
		if (!take_option(word, &save))
			return "a source of time has an option that is not known";
		proves |= strcasecmp(word, "nts") == 0;
	}
	return proves ? add(f, name)
		      : "a source of time does not prove who it is: nts is missing";
}

/* At a line that does not end, or begins with NUL, chronyd stops reading: what follows
 * would count here and not there. Return: NULL, or what is wrong with it. */
static const char *judge_text(struct found *f, char *text, size_t len)
{
	const char *fault = NULL;
	char *line = text, *end;

	if (memchr(text, '\0', len))
		return "there is a NUL in it";
	for (; !fault && (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		fault = end - line > LINE_MOST ? "a line has more than 1000 octets"
					       : judge_line(f, line);
	}
	return fault || !*line ? fault : "the last line does not end";
}

static int judge_file(struct found *f, const char *path, char **ret_error)
{
	_cleanup_(freep) uint8_t *text = NULL;
	const char *fault;
	size_t len = 0;
	int r = file_read(path, FILE_MAX, &text, &len);

	if (r < 0)
		return appliance_fail(ret_error, r, path, strerror(-r));
	fault = judge_text(f, (char *)text, len);
	return fault ? appliance_fail(ret_error, -EINVAL, strrchr(path, '/') + 1, fault)
		     : 0;
}

/* Those of the folder whose names fit. Return: 0, or negative with *ret_error. */
static int find(const char *folder, const char *names, glob_t *ret, char **ret_error)
{
	char pattern[PATH_MAX];

	if (snprintf(pattern, sizeof(pattern), "%s/%s", folder, names) >= PATH_MAX)
		return appliance_fail(
			ret_error, -ENAMETOOLONG, "time", strerror(ENAMETOOLONG));
	if (glob(pattern, 0, NULL, ret) != 0)
		ret->gl_pathc = 0;
	return 0;
}

static bool has_certificate(const char *path)
{
	_cleanup_(freep) uint8_t *text = NULL;
	_cleanup_(X509_freep) X509 *x = NULL;
	BIO *bio;
	size_t len = 0;

	if (file_read(path, PEM_MAX, &text, &len) < 0)
		return false;
	bio = BIO_new_mem_buf(text, (int)len);
	x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	BIO_free(bio);
	return x != NULL;
}

/* chronyd has no authority of its own (nosystemcert), and passes over what is none. */
static int judge_authorities(const char *folder, char **ret_error)
{
	glob_t files = { 0 };
	bool found = false;
	int r = find(folder, "*.pem", &files, ret_error);

	for (size_t i = 0; r == 0 && !found && i < files.gl_pathc; i++)
		found = has_certificate(files.gl_pathv[i]);
	globfree(&files);
	if (r == 0 && !found)
		r = appliance_fail(ret_error, -EINVAL, "time",
			"no certificate of an authority in time/*.pem: no source of time "
			"could prove who it is, and nothing would be sealed");
	return r;
}

int time_sources_judge(const char *folder, char **ret_error)
{
	_cleanup_(found_done) struct found found = { .count = 0 };
	glob_t files = { 0 };
	int r = find(folder, "*.sources", &files, ret_error);

	for (size_t i = 0; r == 0 && i < files.gl_pathc; i++)
		r = judge_file(&found, files.gl_pathv[i], ret_error);
	globfree(&files);
	if (r == 0 && found.count < TIME_SOURCES_LEAST)
		r = appliance_fail(ret_error, -EINVAL, "time",
			"fewer than two sources of time with nts: nothing would be "
			"sealed");
	return r == 0 ? judge_authorities(folder, ret_error) : r;
}
