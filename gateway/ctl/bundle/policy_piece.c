/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/policy_piece.h"

#include "common/durable.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/parcel.h"
#include "ctl/bundle/policy.h"
#include "ctl/command.h"
#include "web/remote.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COMING "coming"
#define TAKEN "taken" /* where nothing comes any more */
#define LIST_MAX 4096u
#define COMING_MAX 8 /* people, of whom each has one */

struct listed {
	char sha256[SHA256_TEXT_SIZE], path[64];
	struct manifest_file file; /* into the two */
};

struct list {
	struct listed files[1 + CONSENT_MAX];
	size_t count;
};

static int complain(const char *name, const char *what)
{
	fprintf(stderr, "sealgate policy: %s: %s\n", name, what);
	return -EINVAL;
}

static int below(const struct force *f, const char *folder, const char *name,
	char ret_path[PATH_MAX])
{
	int n = snprintf(ret_path, PATH_MAX, "%s/%s%s%s", f->folder, folder,
		*name ? "/" : "", name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* Into what somebody's folder has, or the folder itself. */
static int coming(const struct force *f, const char *whose, const char *name,
	char ret_path[PATH_MAX])
{
	char folder[NAME_MAX + sizeof(COMING) + 1];

	(void)snprintf(folder, sizeof(folder), COMING "/%s", whose);
	return below(f, folder, name, ret_path);
}

/* What a person sends has a folder of its own: another's list gives up nothing of it. */
static int own_name(char ret_name[SHA256_TEXT_SIZE])
{
	const char *person = getenv(REMOTE_PERSON);

	return digest_sha256_text(span_str(person ? person : ""), ret_name);
}

/* BUNDLE_NAME, or that with 16 hexadecimal digits of a certificate and ".p7s". */
static bool name_ok(const char *name, long long size)
{
	static const char DIGITS[] = "0123456789abcdef";

	if (strcmp(name, BUNDLE_NAME) == 0)
		return size > 0 && size <= (long long)BUNDLE_MAX;
	if (strncmp(name, BUNDLE_NAME ".", sizeof(BUNDLE_NAME)) != 0)
		return false;
	name += sizeof(BUNDLE_NAME);
	return strspn(name, DIGITS) == 16 && strcmp(name + 16, ".p7s") == 0 && size > 0 &&
	       size <= BUNDLE_SIGNATURE_MAX;
}

/* A word of the line, NUL-terminated; *line goes on behind it. Return: 0 or -EINVAL. */
static int next_word(char **line, const char **ret_word)
{
	char *word = strsep(line, " ");

	*ret_word = word;
	return word && *word ? 0 : -EINVAL;
}

/* "SHA256 SIZE NAME" */
static int read_line(char *line, struct list *ret)
{
	struct listed *l = &ret->files[ret->count];
	const char *sha256, *size, *name;
	char *end;

	if (ret->count == sizeof(ret->files) / sizeof(ret->files[0]) ||
		next_word(&line, &sha256) < 0 || next_word(&line, &size) < 0 ||
		next_word(&line, &name) < 0 || line)
		return -EINVAL;
	if (strlen(sha256) != SHA256_TEXT_SIZE - 1 || strlen(name) >= sizeof(l->path))
		return -EINVAL;
	memcpy(l->sha256, sha256, SHA256_TEXT_SIZE);
	memcpy(l->path, name, strlen(name) + 1);
	errno = 0;
	l->file = (struct manifest_file){ l->sha256, strtoll(size, &end, 10), l->path };
	if (errno || *end || !name_ok(l->path, l->file.size))
		return -EINVAL;
	for (size_t i = 0; i < ret->count; i++)
		if (strcmp(ret->files[i].path, l->path) == 0)
			return -EINVAL;
	ret->count++;
	return 0;
}

static int read_list(char *text, struct list *ret)
{
	char *save = NULL, *line = strtok_r(text, "\n", &save);
	int r = line && strcmp(line, BUNDLE_LIST_HEAD) == 0 ? 0 : -EINVAL;

	ret->count = 0;
	while (r == 0 && (line = strtok_r(NULL, "\n", &save)) != NULL)
		r = read_line(line, ret);
	if (r == 0 && (ret->count == 0 || strcmp(ret->files[0].path, BUNDLE_NAME) != 0))
		r = -EINVAL;
	return r;
}

/* *ret_sha256: of the list, by which what came is called. */
static int open_list(
	const char *path, struct list *ret, char ret_sha256[SHA256_TEXT_SIZE])
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len;
	int r = file_read(path, LIST_MAX, &text, &len);

	if (r == 0)
		r = digest_sha256_text(span_of(text, len), ret_sha256);
	return r < 0 ? r : read_list((char *)text, ret);
}

static bool earlier(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* Room for one more: what began first goes, and what is nobody's folder. */
static int make_room(const struct force *f)
{
	char path[PATH_MAX], oldest[PATH_MAX] = "";
	struct timespec began = { 0 };
	const struct dirent *entry;
	size_t count = 0;
	DIR *dir;
	int r = below(f, COMING, "", path);

	if (r < 0)
		return r;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (r == 0 && (entry = readdir(dir)) != NULL) {
		struct stat st;

		if (entry->d_name[0] == '.' || coming(f, entry->d_name, "", path) < 0 ||
			lstat(path, &st) < 0)
			continue;
		if (!S_ISDIR(st.st_mode)) {
			r = appliance_remove(path);
			continue;
		}
		if (!count++ || earlier(&st.st_mtim, &began)) {
			began = st.st_mtim;
			memcpy(oldest, path, strlen(path) + 1);
		}
	}
	closedir(dir);
	return r == 0 && count >= COMING_MAX ? appliance_remove(oldest) : r;
}

/* A list begins anew: what the same person sent under another one is given up. The same
 * one changes nothing, so that a sending that broke off goes on. */
static int begin(const struct force *f, struct span octets)
{
	_cleanup_(freep) char *text = strndup((const char *)octets.data, octets.len);
	char folder[PATH_MAX], path[PATH_MAX], whose[SHA256_TEXT_SIZE];
	char sha256[SHA256_TEXT_SIZE], here[SHA256_TEXT_SIZE];
	struct list list;
	int r = text ? 0 : -ENOMEM;

	if (r == 0 && (octets.len > LIST_MAX || read_list(text, &list) < 0))
		return complain(REMOTE_LIST, "is not the list of a bundle");
	if (r == 0)
		r = own_name(whose);
	if (r == 0)
		r = coming(f, whose, "", folder);
	if (r == 0)
		r = coming(f, whose, REMOTE_LIST, path);
	if (r == 0)
		r = digest_sha256_text(octets, sha256);
	if (r == 0 && open_list(path, &list, here) == 0 && strcmp(here, sha256) == 0)
		return 0;
	if (r == 0)
		r = appliance_remove(folder);
	if (r == 0)
		r = make_room(f);
	if (r == 0 && mkdir(folder, 0700) < 0)
		r = -errno;
	if (r == 0)
		r = durable_write(path, octets, 0600);
	return r < 0 ? complain(REMOTE_LIST, strerror(-r)) : 0;
}

static const struct manifest_file *find(const struct list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->files[i].path, name) == 0)
			return &list->files[i].file;
	return NULL;
}

static int put(const struct force *f, const char *name, long long offset,
	struct span piece, long long *ret_have)
{
	const struct manifest_file *file;
	char path[PATH_MAX], sha256[SHA256_TEXT_SIZE], whose[SHA256_TEXT_SIZE];
	struct parcel p = { .anchors = NULL };
	struct list list = { .count = 0 };
	int r = own_name(whose);

	if (r == 0)
		r = coming(f, whose, REMOTE_LIST, path);
	if (r == 0)
		r = coming(f, whose, "", p.dir);
	if (r == 0)
		r = open_list(path, &list, sha256);
	if (r < 0)
		return complain(name, "nothing is coming: its list goes first");
	file = find(&list, name);
	if (!file)
		return complain(name, "is not in the list");
	r = parcel_put_file(&p, file, offset, piece, ret_have);
	return r == -EBADMSG ? complain(name, "is not what the list says")
	       : r < 0	     ? complain(name, strerror(-r))
			     : 0;
}

/* policy piece NAME OFFSET: octets on standard input. */
int policy_piece(int argc, char **argv)
{
	static const struct option NONE[] = { { 0 } };
	_cleanup_(freep) uint8_t *octets = NULL;
	_cleanup_force_ struct force f = { .lock = -1 };
	long long offset = 0, have = 0;
	size_t len = 0;
	int r;

	if (command_option(argc, argv, "", NONE) != -1 ||
		command_arguments(argc, argv, 2, 2, "NAME OFFSET") < 0)
		return command_usage("policy");
	r = parcel_read(argv[optind + 1], &offset, &octets, &len);
	if (r < 0) {
		complain(argv[optind], strerror(-r));
		return EXIT_NOT_PASSED;
	}
	if (force_open(&f) < 0)
		return EXIT_NOT_PASSED;
	have = (long long)len;
	r = strcmp(argv[optind], REMOTE_LIST) == 0
		    ? begin(&f, span_of(octets, len))
		    : put(&f, argv[optind], offset, span_of(octets, len), &have);
	if (r < 0)
		return EXIT_NOT_PASSED;
	printf("{\"have\":%lld}\n", have);
	return EXIT_CLEAN;
}

/* Whole, each of them. */
static int prove(const char *folder, const struct list *list)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->count; i++) {
		const struct manifest_file *file = &list->files[i].file;
		char path[PATH_MAX];

		if (snprintf(path, sizeof(path), "%s/%s", folder, file->path) >= PATH_MAX)
			return -ENAMETOOLONG;
		r = manifest_prove(file, path);
		if (r < 0)
			complain(file->path, r == -EBADMSG ? "is not what the list says"
							   : "has not come whole");
	}
	return r;
}

struct wanted {
	const char *sha256; /* of the list */
	const char *taken;  /* where it is put, or */
	uint8_t *octets;    /* what is read of it */
	size_t len;
};

/* Is what somebody sent the list that is wanted, and whole? Return: 0, 1 it is another
 * one, or negative after a complaint. */
static int find_list(const struct force *f, const char *whose, const struct wanted *w,
	char ret_folder[PATH_MAX], struct list *ret_list)
{
	char path[PATH_MAX], here[SHA256_TEXT_SIZE] = "";
	int r = coming(f, whose, "", ret_folder);

	if (r == 0)
		r = coming(f, whose, REMOTE_LIST, path);
	if (r == 0)
		r = open_list(path, ret_list, here);
	return r < 0 || strcmp(here, w->sha256) != 0 ? 1 : prove(ret_folder, ret_list);
}

typedef int found(const struct force *f, const char *whose, struct wanted *w);

/* Return: as find_list. */
static int take(const struct force *f, const char *whose, struct wanted *w)
{
	char folder[PATH_MAX];
	struct list list;
	int r = find_list(f, whose, w, folder, &list);

	if (r != 0)
		return r;
	r = appliance_remove(w->taken);
	if (r == 0 && rename(folder, w->taken) < 0)
		r = -errno;
	return r < 0 ? complain(folder, strerror(-r)) : prove(w->taken, &list);
}

/* Whoever has the lock: nobody adds to it meanwhile. */
static int read_bundle(const struct force *f, const char *whose, struct wanted *w)
{
	char folder[PATH_MAX], path[PATH_MAX];
	struct list list;
	int r = find_list(f, whose, w, folder, &list);

	if (r == 0)
		r = coming(f, whose, BUNDLE_NAME, path);
	if (r == 0)
		r = file_read(path, BUNDLE_MAX, &w->octets, &w->len);
	return r < 0 ? complain(BUNDLE_NAME, strerror(-r)) : r;
}

/* Whoever sent it: who stands for it is seen later. Return: as find_list. */
static int for_any(const struct force *f, struct wanted *w, found *use)
{
	char folder[PATH_MAX];
	const struct dirent *entry;
	DIR *dir = below(f, COMING, "", folder) == 0 ? opendir(folder) : NULL;
	int r = 1;

	while (dir && r != 0 && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.') {
			int one = use(f, entry->d_name, w);

			r = one <= 0 ? one : r;
		}
	if (dir)
		closedir(dir);
	(void)rmdir(folder); /* when it was the last one */
	return r;
}

int policy_piece_take(const struct force *f, const char *name, char ret_path[PATH_MAX])
{
	char taken[PATH_MAX];
	struct wanted w = { .sha256 = name + strlen(REMOTE_NAME), .taken = taken };
	int r = below(f, TAKEN, "", taken);

	if (r == 0)
		r = for_any(f, &w, take);
	if (r > 0)
		return complain(name, "another one has come since, or none");
	return r < 0 ? r : below(f, TAKEN, BUNDLE_NAME, ret_path);
}

int policy_piece_read(const char *name, uint8_t **ret_octets, size_t *ret_len)
{
	struct wanted w = { .sha256 = name + strlen(REMOTE_NAME) };
	_cleanup_force_ struct force f = { .lock = -1 };
	int r = force_open(&f);

	if (r < 0)
		return r;
	r = for_any(&f, &w, read_bundle);
	if (r > 0)
		return complain(name, "another one has come since, or none");
	if (r < 0)
		return r;
	*ret_octets = w.octets;
	*ret_len = w.len;
	return 0;
}

void policy_piece_done(const struct force *f)
{
	char taken[PATH_MAX];

	if (below(f, TAKEN, "", taken) == 0)
		(void)appliance_remove(taken);
}
