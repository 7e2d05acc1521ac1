/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/service.h"

#include "common/daemon.h"
#include "common/log.h"
#include "queued/head.h"
#include "queued/server.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

static const char USAGE[] =
	"usage: sealgate-queued --instance DIR [--serve-fd N]\n"
	"Keeps the documents, their states and the audit chain of an instance.\n"
	"--serve-fd N answers reading questions on the connected socket N, and nothing "
	"else.\n";

#define HEAD_RECORDS 1000
#define HEAD_MS 5000
#define SERVER_WAIT_MS 500

/* Where the queue is kept; the instance is closed before the database is opened. */
static struct {
	char folder[PATH_MAX];
	char postgresql[1024];
	char password_file[PATH_MAX];
	char appliance[128];
	struct engine_place place;
} where;

static int copy_text(char *to, size_t size, const char *from)
{
	return snprintf(to, size, "%s", from) < (int)size ? 0 : -ENAMETOOLONG;
}

static int find_place(const struct instance *i)
{
	const char *password = config_string(i->config, "queue.password_file");
	const char *appliance = config_string(i->config, "queue.appliance");
	int r = copy_text(where.postgresql, sizeof(where.postgresql),
		config_string(i->config, "queue.postgresql"));

	if (!appliance[0])
		appliance = config_string(i->config, "instance.name");
	if (r == 0)
		r = copy_text(where.appliance, sizeof(where.appliance), appliance);
	if (r == 0 && password[0])
		r = instance_secret(i, password, where.password_file);
	where.place = (struct engine_place){ .folder = where.folder,
		.postgresql = where.postgresql,
		.password_file = where.password_file,
		.appliance = where.appliance };
	return r;
}

/* Make state/queue and take its lock, which is held until the process ends. */
static int take_folder(const struct instance *i, char ret_folder[PATH_MAX])
{
	char path[PATH_MAX];
	int fd, r = instance_path(i, "state/queue", ret_folder);

	if (r == 0)
		r = instance_path(i, "state/queue/lock", path);
	if (r < 0)
		return r;
	if (mkdir(ret_folder, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* Descriptors travel in messages and wait in batches: the soft limit is not enough. */
static void raise_limits(void)
{
	daemon_raise_descriptors();
	/* a file size limit is an error of write(2), as a full disk is */
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

/* Before the first record of all: from then on a head that is missing was taken away. */
static int first_head(const char *folder, struct engine *e)
{
	struct engine_head head = engine_head(e);
	int r = head.position == 0 ? head_write(folder, &head) : 0;

	if (r < 0)
		log_event(LOG_ERR, "queued.head", NULL, "cannot write the head: %s",
			strerror(-r));
	return r;
}

/* serve: not for reading alone, which is how to find out what happened to the chain. */
static int open_engine(const char *folder, bool serve, struct engine **ret_engine)
{
	_cleanup_(engine_closep) struct engine *e = NULL;
	_cleanup_(freep) char *error = NULL;
	char left[PATH_MAX];
	int r = engine_open_at(&where.place, &e, &error);

	if (r < 0) {
		log_event(LOG_ERR, "queued.database", NULL, "%s",
			error ? error : strerror(-r));
		return r;
	}
	/* a copy that had its name yet when the power went */
	if (snprintf(left, sizeof(left), "%s/backup.db", folder) < PATH_MAX)
		unlink(left);
	r = head_check(folder, e);
	if (r <= 0) {
		log_event(LOG_CRIT, "queued.rollback", NULL,
			"%s/head is missing, or it or what was sealed last is not in the "
			"audit chain of the database, which ends at record %lld: it was "
			"set back or changed (%s)",
			folder, (long long)engine_head(e).position,
			r < 0 ? strerror(-r) : "refusing to serve");
		if (serve)
			return r < 0 ? r : -EUCLEAN;
	}
	if (serve && (r = first_head(folder, e)) < 0)
		return r;
	*ret_engine = TAKE(e);
	return 0;
}

/* A server of its own may come later than this program, or back. */
static int open_engine_in_time(
	struct daemon *d, const char *folder, struct engine **ret_engine)
{
	int r = open_engine(folder, true, ret_engine);

	while ((r == -EIO || r == -EAGAIN) && where.postgresql[0] &&
		!daemon_wait(d, SERVER_WAIT_MS))
		r = open_engine(folder, true, ret_engine);
	return r;
}

/* Files that root's session may create belong to whoever owns the folder. */
static int become_owner(const struct instance *i)
{
	char path[PATH_MAX];
	struct stat st;
	int r;

	if (geteuid() != 0)
		return 0;
	r = instance_path(i, "state/queue", path);
	if (r < 0)
		return r;
	if (stat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (st.st_uid == 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setgid(st.st_gid) < 0 || setuid(st.st_uid) < 0)
		return -errno;
	return 0;
}

/* Lock the instance's queue for as long as the process lives: the lock's descriptor is
 * never closed. Return: 0 or -errno. */
static int lock_instance(const char *dir, char ret_folder[PATH_MAX])
{
	_cleanup_(freep) char *error = NULL;
	struct instance i;
	int r = instance_open(dir, &i, &error);

	if (r < 0) {
		log_event(LOG_ERR, "daemon.instance", NULL, "%s",
			error ? error : strerror(-r));
		return r;
	}
	r = become_owner(&i);
	if (r == 0)
		r = take_folder(&i, ret_folder);
	if (r >= 0)
		r = copy_text(where.folder, sizeof(where.folder), ret_folder);
	if (r >= 0)
		r = find_place(&i);
	if (r < 0)
		log_event(LOG_ERR, "queued.lock", NULL, "%s: %s", ret_folder,
			r == -EWOULDBLOCK ? "another queued serves this instance"
					  : strerror(-r));
	instance_done(&i);
	return r < 0 ? r : 0;
}

static int session(const char *dir, const char *number)
{
	struct server_options o = { .listener = -1, .peer = "session", .stop_fd = -1 };
	char folder[PATH_MAX];
	struct engine *e;
	char *end;
	long fd = strtol(number, &end, 10);

	if (*end || fd < 3 || fd > 65535) {
		fputs(USAGE, stderr);
		return 2;
	}
	if (lock_instance(dir, folder) < 0 || open_engine(folder, false, &e) < 0)
		return 1;
	o.session = (int)fd;
	o.folder = folder;
	o.place = &where.place;
	return server_run(&o, e) < 0 ? 1 : 0;
}

/* The folder that the options or the environment name, or NULL when none is to be opened.
 */
static const char *instance_folder(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--instance") == 0)
		return argv[2];
	if (argc == 2 && strncmp(argv[1], "--instance=", 11) == 0)
		return argv[1] + 11;
	return argc == 1 ? getenv("SEALGATE_INSTANCE") : NULL;
}

int queued_main(int argc, char **argv)
{
	struct server_options o = {
		.session = -1, .head_records = HEAD_RECORDS, .head_ms = HEAD_MS
	};
	const char *dir = instance_folder(argc, argv);
	char folder[PATH_MAX];
	struct engine *e;
	struct daemon d;
	int r;

	log_open("queued");
	raise_limits();
	if (argc == 5 && strcmp(argv[1], "--instance") == 0 &&
		strcmp(argv[3], "--serve-fd") == 0)
		return session(argv[2], argv[4]);
	/* before the socket: a second queued must not take it from the first */
	if (dir && lock_instance(dir, folder) < 0)
		return 1;
	r = daemon_start(&d, "queued", DAEMON_SEQPACKET, argc, argv, USAGE);
	if (r >= 0)
		return r;
	r = dir ? open_engine_in_time(&d, folder, &e) : -EINVAL;
	if (r == 0) {
		o.instance = &d.instance;
		o.folder = folder;
		o.place = &where.place;
		o.listener = d.socket;
		o.stop_fd = d.stop_fd;
		o.daemon = &d;
		r = server_run(&o, e);
	}
	daemon_done(&d);
	return r < 0 ? 1 : 0;
}
