/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/parcel.h"
#include "ctl/documents/retention.h"
#include "ctl/tree_remove.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/encode.h"
#include "common/json.h"
#include "common/memfd.h"
#include "common/span.h"
#include "queue/parts.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTGOING "outgoing"
#define STATEMENTS "statements"

/* What of a document is archived; what it does not have is left out. */
struct wanted {
	const char *name;
	size_t max;
	enum queue_part part;
	bool goes; /* it will be erased */
};

static const struct wanted PARTS[] = {
	{ "document.json", LIMIT_REPORT, QUEUE_META, false },
	{ "document.xml", LIMIT_DOCUMENT, QUEUE_DOCUMENT, true },
	{ "report.json", LIMIT_REPORT, QUEUE_FIRST_REPORT, true },
	{ "later-report.json", LIMIT_REPORT, QUEUE_LATER_REPORT, true },
	{ "receipt.json", LIMIT_RECEIPT, QUEUE_RECEIPT, false },
};

/* A document on its way. */
struct journey {
	struct retention *t;
	const char *id;
	char folder[PATH_MAX];
	json_t *files, *gone; /* what is in it; of that, what will be erased */
	struct queue_document document;
};

static void journey_done(struct journey *j)
{
	json_decref(j->files);
	json_decref(j->gone);
}

/* Make folder/name and have it survive a power cut; that it is there is fine. */
static int make_folder(char path[PATH_MAX], const char *name)
{
	_cleanup_(closep) int parent = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t len = strlen(path);

	if (parent < 0)
		return -errno;
	if (snprintf(path + len, PATH_MAX - len, "/%s", name) >= (int)(PATH_MAX - len))
		return -ENAMETOOLONG;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	return fsync(parent) < 0 ? -errno : 0;
}

/* Each claim writes into a folder of its own: one that has ended meanwhile cannot spoil
 * what the next one archived. */
#define FOLDER_SIZE (DOCUMENT_ID_SIZE + 24)
static void folder_name(const char *id, long long fence, char ret[FOLDER_SIZE])
{
	snprintf(ret, FOLDER_SIZE, "%s-%lld", id, fence);
}

/* The document's folder: by year and month of its arrival, or on its way to a command.
 * *ret_reference: the same below the archive. */
static int make_place(struct retention *t, const json_t *d, char ret_path[PATH_MAX],
	char ret_reference[QUEUE_ARCHIVE_SIZE])
{
	const char *id = json_string_of(d, "id"), *at = json_string_of(d, "received");
	char year[5], month[3], name[FOLDER_SIZE];
	int r = 0;

	if (!id || !at || strlen(at) < 7)
		return -EINVAL;
	folder_name(id, json_integer_value(json_object_get(d, "fence")), name);
	snprintf(year, sizeof(year), "%.4s", at);
	snprintf(month, sizeof(month), "%.2s", at + 5);
	memcpy(ret_path, t->archive, strlen(t->archive) + 1);
	if (*t->command) {
		r = make_folder(ret_path, OUTGOING);
	} else {
		r = make_folder(ret_path, year);
		if (r == 0)
			r = make_folder(ret_path, month);
	}
	if (r == 0)
		r = make_folder(ret_path, name);
	snprintf(ret_reference, QUEUE_ARCHIVE_SIZE, "%s/%s/%s", year, month, name);
	return r;
}

static int write_file(const char *folder, const char *name, struct span data)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	return durable_write(path, data, 0400);
}

/* What was handed out must be what was received. */
static int check_document(const struct queue_document *d, const char digest[])
{
	char hex[SHA256_TEXT_SIZE];

	hex_encode(d->sha256, SHA256_SIZE, hex);
	return strcmp(hex, digest) == 0 ? 0 : -EILSEQ;
}

/* Return: 1 written, 0 there is none, or -errno. */
static int write_part(struct journey *j, const struct wanted *w)
{
	char digest[SHA256_TEXT_SIZE];
	_cleanup_json_ json_t *file = NULL;
	struct span data = { 0 };
	int fd = -1,
	    r = queue_get(j->t->session.queue, j->id, NULL, w->part, &j->document, &fd);

	if (r != QUEUE_DONE)
		return r == QUEUE_NOT_FOUND ? 0 : r < 0 ? r : -EIO;
	r = memfd_map(fd, w->max, &data);
	close(fd);
	if (r == 0)
		r = digest_sha256_text(data, digest);
	if (r == 0 && w->part == QUEUE_DOCUMENT)
		r = check_document(&j->document, digest);
	if (r == 0)
		r = write_file(j->folder, w->name, data);
	if (r == 0)
		file = json_pack("{s:s,s:s,s:I}", "name", w->name, "sha256", digest,
			"size", (json_int_t)data.len);
	if (r == 0 && (json_array_append(j->files, file) < 0 ||
			      (w->goes && json_array_append(j->gone, file) < 0)))
		r = -ENOMEM;
	memfd_unmap(&data);
	return r < 0 ? r : 1;
}

/* The container that was sealed, and each newer one. */
static int write_containers(struct journey *j)
{
	char name[32] = "evidence.asice";
	int r = 1;

	for (unsigned int n = 0; r > 0; n++) {
		struct wanted w = { name, LIMIT_CONTAINER,
			(enum queue_part)(QUEUE_VERSIONS + n), true };

		if (n)
			snprintf(name, sizeof(name), "evidence-%u.asice", n);
		r = write_part(j, &w);
		/* the first may have been lost, and is then not among what is erased */
		if (r == 0 && n == 0)
			r = 1;
	}
	return r;
}

/* Has that page of the events anything? Return: 1, 0, -errno. */
static int is_page(struct journey *j, unsigned int page)
{
	_cleanup_json_ json_t *events = NULL;
	int fd = -1,
	    r = queue_get(j->t->session.queue, j->id, NULL,
		    (enum queue_part)(QUEUE_EVENTS_PAGES + page), &j->document, &fd);

	if (r != QUEUE_DONE)
		return r < 0 ? r : -EIO;
	events = queue_session_json(fd);
	return !events ? -EIO : json_array_size(events) > 0;
}

/* As many pages as have anything. */
static int write_events(struct journey *j)
{
	char name[32] = "events.json";
	int r = 1;

	for (unsigned int n = 0; r > 0; n++) {
		struct wanted w = { name, LIMIT_CONTAINER,
			(enum queue_part)(QUEUE_EVENTS_PAGES + n), false };

		if (n)
			snprintf(name, sizeof(name), "events-%u.json", n);
		r = is_page(j, n);
		if (r > 0)
			r = write_part(j, &w);
	}
	return r;
}

/* The document with its deliveries, NULL when it could not be had. */
static json_t *read_meta(struct journey *j)
{
	int fd = -1, r = queue_get(j->t->session.queue, j->id, NULL, QUEUE_META,
			     &j->document, &fd);

	return r == QUEUE_DONE ? queue_session_json(fd) : NULL;
}

/* Is it there still? What was erased meanwhile was archived by another. */
static int check_there(struct journey *j)
{
	_cleanup_json_ json_t *meta = read_meta(j);

	if (!meta)
		return -EIO;
	return json_object_get(meta, "erased") ? -ESTALE : 0;
}

/* Half of the lease is for the command and the erasure. */
static int check_claim(const struct journey *j)
{
	int64_t since = clock_monotonic_ms() - j->t->claimed_ms;

	return since > RETENTION_LEASE_S * 1000 / 2 ? -ESTALE : 0;
}

static int write_parts(struct journey *j)
{
	int r = check_there(j);

	for (size_t i = 0; r >= 0 && i < sizeof(PARTS) / sizeof(PARTS[0]); i++) {
		r = write_part(j, &PARTS[i]);
		if (r == 0 && PARTS[i].part == QUEUE_DOCUMENT &&
			j->document.state != DOCUMENT_REFUSED)
			r = -ESTALE;
	}
	if (r >= 0)
		r = write_events(j);
	if (r >= 0)
		r = write_containers(j);
	if (r >= 0)
		r = check_there(j);
	return r < 0 ? r : check_claim(j);
}

/* Last: a folder without its list is not whole. */
static int write_manifest(struct retention *t, const json_t *d, const char *folder,
	json_t *files, char ret_digest[SHA256_TEXT_SIZE])
{
	_cleanup_json_ json_t *list = json_pack("{s:s,s:s,s:O,s:O}", "id",
		json_string_of(d, "id"), "policy_digest", policy_digest(t->policy),
		"files", files, "retention_s", json_object_get(d, "seconds"));
	_cleanup_(freep) char *text = list ? json_canonical(list) : NULL;
	int r = text ? digest_sha256_text(span_str(text), ret_digest) : -ENOMEM;

	return r < 0 ? r : write_file(folder, "manifest.json", span_str(text));
}

/* Read one line of printable characters. Return: false when it is none. */
static bool read_line(int fd, char ret[QUEUE_ARCHIVE_SIZE])
{
	size_t len = 0;
	ssize_t n = 1;
	char rest[512];

	while (len < QUEUE_ARCHIVE_SIZE - 1 &&
		(n = read(fd, ret + len, QUEUE_ARCHIVE_SIZE - 1 - len)) > 0)
		len += (size_t)n;
	while (n > 0)
		n = read(fd, rest, sizeof(rest));
	ret[len] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	for (const char *p = ret; *p; p++)
		if (!isprint((unsigned char)*p))
			return false;
	return *ret != '\0';
}

/* Less than half of the lease: what takes longer is ended. */
#define COMMAND_S 600

/* COMMAND FOLDER: keeps the folder's content, for good, and prints one line that says
 * where. Return: 0 or -errno. */
static int hand_over(
	const char *command, const char *folder, char ret_reference[QUEUE_ARCHIVE_SIZE])
{
	int out[2], status = 0;
	bool named;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		alarm(COMMAND_S); /* it outlives exec */
		if (dup2(out[1], STDOUT_FILENO) >= 0)
			execl(command, command, folder, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	named = pid > 0 && read_line(out[0], ret_reference);
	close(out[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return named && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EREMOTEIO;
}

int retention_archive(
	struct retention *t, const json_t *d, struct queue_retention_request *ret)
{
	_cleanup_(journey_done) struct journey j = { .t = t,
		.id = json_string_of(d, "id"),
		.files = json_array(),
		.gone = json_array() };
	int r = make_place(t, d, j.folder, ret->archive);

	if (r == 0)
		r = write_parts(&j);
	if (r == 0)
		r = parts_digest(j.gone, ret->parts);
	if (r == 0)
		r = write_manifest(t, d, j.folder, j.files, ret->manifest);
	if (r == 0 && *t->command)
		r = hand_over(t->command, j.folder, ret->archive);
	return r;
}

void retention_drop(struct retention *t, const json_t *d)
{
	char folder[PATH_MAX], reference[QUEUE_ARCHIVE_SIZE];

	if (make_place(t, d, folder, reference) == 0)
		tree_remove(folder);
}

void retention_handed_over(struct retention *t, const json_t *d)
{
	char folder[PATH_MAX], reference[QUEUE_ARCHIVE_SIZE];
	char name[FOLDER_SIZE], *at;
	long long fence = json_integer_value(json_object_get(d, "fence"));

	if (make_place(t, d, folder, reference) < 0)
		return;
	at = strrchr(folder, '/') + 1;
	for (long long f = *t->command ? fence : fence - 1; f > 0; f--) {
		folder_name(json_string_of(d, "id"), f, name);
		memcpy(at, name, strlen(name) + 1);
		tree_remove(folder);
	}
}

static bool erased(struct retention *t, const char *id)
{
	struct journey j = { .t = t, .id = id };
	_cleanup_json_ json_t *meta = read_meta(&j);

	return meta && json_object_get(meta, "erased");
}

void retention_sweep(struct retention *t)
{
	char path[PATH_MAX], id[DOCUMENT_ID_SIZE];
	size_t len;
	struct dirent *e;
	DIR *folder;

	if (snprintf(path, sizeof(path), "%s/" OUTGOING, t->archive) >= PATH_MAX)
		return;
	len = strlen(path);
	folder = opendir(path);
	while (folder && (e = readdir(folder))) {
		snprintf(id, sizeof(id), "%.*s", (int)strcspn(e->d_name, "-"), e->d_name);
		if (*e->d_name != '.' && erased(t, id) &&
			snprintf(path + len, sizeof(path) - len, "/%s", e->d_name) <
				(int)(sizeof(path) - len))
			tree_remove(path);
	}
	if (folder)
		closedir(folder);
}

static bool full(const char *path)
{
	struct statvfs s;

	return statvfs(path, &s) == 0 &&
	       (long long)s.f_bavail * (long long)s.f_frsize < PARCEL_LEAVES;
}

int retention_make_room(const struct retention *t)
{
	char path[PATH_MAX], name[NAME_MAX + 1];
	size_t len = strlen(t->archive);
	char *slash;
	int r;

	if (full(t->archive))
		return -ENOSPC;
	memcpy(path, t->archive, len + 1);
	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	slash = strrchr(path, '/');
	if (!slash || strlen(slash + 1) >= sizeof(name))
		return -EINVAL;
	memcpy(name, slash + 1, strlen(slash + 1) + 1);
	slash[slash == path] = '\0';
	r = make_folder(path, name);
	if (r == -EACCES && access(t->archive, W_OK) == 0)
		r = 0; /* made by another, who owns what is around it */
	return r < 0 ? r : full(t->archive) ? -ENOSPC : 0;
}

static void statement_name(int64_t position, char ret[32])
{
	snprintf(ret, 32, "%012lld.txt", (long long)position);
}

bool retention_has_statement(const struct retention *t, int64_t position)
{
	char path[PATH_MAX], name[32];

	statement_name(position, name);
	return snprintf(path, sizeof(path), "%s/" STATEMENTS "/%s", t->archive, name) <
		       PATH_MAX &&
	       access(path, F_OK) == 0;
}

int retention_keep_statement(struct retention *t, int64_t position, const char *list)
{
	char folder[PATH_MAX], name[32];
	int r;

	if (!list)
		return -EBADMSG;
	memcpy(folder, t->archive, sizeof(folder));
	r = make_folder(folder, STATEMENTS);
	statement_name(position, name);
	return r < 0 ? r : write_file(folder, name, span_str(list));
}
