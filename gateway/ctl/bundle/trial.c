/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/trial.h"

#include "common/clock.h"
#include "common/confine.h"
#include "common/durable.h"
#include "common/ipc.h"
#include "common/json.h"
#include "common/memfd.h"
#include "common/program.h"
#include "ctl/tree_remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LISTEN_FD 3
#define LOG_MAX (64u * 1024)
#define BUSY_TRIES 30
#define BUSY_MS 100
#define PIECE (1u << 20) /* octets of a file at once */
#define ASK_MS 60000
#define CPU_S 1800  /* of a processor, for each process of verify */
#define END_MS 5000 /* until one that does not end is ended */
#define LOOK_MS 10
#define NAME "trial-"

static int join(const char *folder, const char *name, char ret[PATH_MAX])
{
	return snprintf(ret, PATH_MAX, "%s/%s", folder, name) < PATH_MAX ? 0
									 : -ENAMETOOLONG;
}

/* Whom the instance runs verify as; we ask it in intake's place. */
static uid_t verify_uid(const struct instance *i)
{
	return geteuid() == 0 && config_bool(i->config, "peers.separate")
		       ? (uid_t)config_int(i->config, "peers.verify")
		       : geteuid();
}

static int write_conf(const struct instance *i, const struct trial *t)
{
	char path[PATH_MAX], text[1024];
	int r = join(t->folder, "sealgate.conf", path);

	(void)snprintf(text, sizeof(text),
		"verify = { workers = 2; documents = %lld; cpu_ms = %lld; memory_mb = "
		"%lld; };\n"
		"peers = { separate = true; intake = %u; admin = %u; verify = %u; };\n",
		config_int(i->config, "verify.documents"),
		config_int(i->config, "verify.cpu_ms"),
		config_int(i->config, "verify.memory_mb"), geteuid(), geteuid(),
		verify_uid(i));
	return r == 0 ? durable_write(path, span_str(text), 0644) : r;
}

static int make(const struct trial *t, const char *name)
{
	char path[PATH_MAX];
	int r = join(t->folder, name, path);

	return r == 0 && mkdir(path, 0755) < 0 ? -errno : r;
}

static int link_to(const struct trial *t, const char *target, const char *name)
{
	char path[PATH_MAX];
	int r = join(t->folder, name, path);

	return r == 0 && symlink(target, path) < 0 ? -errno : r;
}

static int copy(const char *from, const char *to)
{
	_cleanup_(closep) int in = open(from, O_RDONLY | O_CLOEXEC);
	_cleanup_(closep) int out = -1;
	ssize_t n;

	if (in < 0)
		return -errno;
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (out < 0)
		return -errno;
	while ((n = sendfile(out, in, NULL, PIECE)) > 0)
		;
	return n < 0 ? -errno : 0;
}

/* The file itself where it can be: a snapshot is no symbolic link. */
static int give(const struct trial *t, const char *file, const char *name)
{
	char path[PATH_MAX];
	int r = join(t->folder, name, path);

	return r == 0 && link(file, path) < 0 ? copy(file, path) : r;
}

/* A folder of lists with nothing but a snapshot in it. */
static int link_lists(
	const struct instance *i, const struct trial *t, const char *snapshot)
{
	char revocation[PATH_MAX], name[PATH_MAX];
	const char *base = strrchr(snapshot, '/');
	int r = instance_path(i, "state/trust/revocation", revocation);

	if (r == 0)
		r = join("state/trust/lists", base ? base + 1 : snapshot, name);
	if (r == 0)
		r = make(t, "state/trust");
	if (r == 0)
		r = link_to(t, revocation, "state/trust/revocation");
	if (r == 0)
		r = make(t, "state/trust/lists");
	return r == 0 ? give(t, snapshot, name) : r;
}

/* The trust material is the instance's own but for the lists, when others are given. */
static int link_state(
	const struct instance *i, const struct trial *t, const char *snapshot)
{
	char state[PATH_MAX];
	int r = instance_path(i, "state/trust", state);

	if (r == 0)
		r = make(t, "state");
	if (r < 0)
		return r;
	return snapshot ? link_lists(i, t, snapshot) : link_to(t, state, "state/trust");
}

/* The folder's, for as long as this process has it. Return: the lock, -EWOULDBLOCK
 * somebody has it, -ESTALE it was removed, -errno. */
static int lock_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0)
		r = -errno;
	else if (st.st_nlink == 0)
		r = -ESTALE;
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

/* What one that was killed left: nobody has its lock. */
static void sweep(const char *place)
{
	char path[PATH_MAX];
	DIR *folder = opendir(place);
	const struct dirent *e;

	while (folder && (e = readdir(folder)) != NULL) {
		int lock = strncmp(e->d_name, NAME, strlen(NAME)) == 0 &&
					   join(place, e->d_name, path) == 0
				   ? lock_folder(path)
				   : -1;

		if (lock < 0)
			continue;
		tree_remove(path);
		close(lock);
	}
	if (folder)
		closedir(folder);
}

/* Whose lock is taken before a sweep could: another one is made otherwise. */
static int make_locked(const char *place, struct trial *t)
{
	int r = -ESTALE;

	for (int n = 0; n < BUSY_TRIES && (r == -ESTALE || r == -EWOULDBLOCK); n++) {
		t->folder[0] = '\0';
		r = join(place, NAME "XXXXXX", t->folder);
		if (r == 0 && !mkdtemp(t->folder))
			r = -errno;
		if (r == 0)
			r = lock_folder(t->folder);
	}
	if (r < 0) {
		t->folder[0] = '\0';
		return r;
	}
	t->lock = r;
	return 0;
}

static int make_folder(
	const struct instance *i, const struct trial_of *of, struct trial *t)
{
	char place[PATH_MAX], path[PATH_MAX];
	int r = instance_path(i, of->place ? of->place : "run", place);

	if (r < 0)
		return r;
	sweep(place);
	r = make_locked(place, t);
	if (r < 0)
		return r;
	if (verify_uid(i) != geteuid() && chown(t->folder, verify_uid(i), (gid_t)-1) < 0)
		return -errno;
	r = join(t->folder, "policies", path);
	if (r == 0)
		r = trial_reader_start(&of->source, path, verify_uid(i), &t->reader);
	if (r == 0)
		r = write_conf(i, t);
	return r == 0 ? link_state(i, t, of->snapshot) : r;
}

/* In the child. What it says is kept for when it does not serve. */
static void run(const struct instance *i, const struct trial *t, const char *program,
	int listener, int said)
{
	char pid[32];

	if (dup2(said, STDERR_FILENO) < 0)
		_exit(126);
	if (listener == LISTEN_FD)
		fcntl(listener, F_SETFD, 0);
	else if (dup2(listener, LISTEN_FD) < 0)
		_exit(126);
	if (setpgid(0, 0) < 0 || trial_become(verify_uid(i)) < 0 ||
		trial_bound(CPU_S) < 0 || confine_mute() < 0)
		_exit(126);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	unsetenv("JOURNAL_STREAM");
	unsetenv("NOTIFY_SOCKET");
	execl(program, program, "--instance", t->folder, (char *)NULL);
	_exit(127);
}

static int start(const struct instance *i, struct trial *t)
{
	_cleanup_(closep) int listener = -1, said = -1;
	char program[PATH_MAX], path[PATH_MAX];
	int r = program_beside("sealgate-verify", program);

	if (r == 0)
		r = join(t->folder, "said", path);
	if (r == 0)
		r = join(t->folder, "verify.sock", t->socket);
	if (r < 0)
		return r;
	said = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (said < 0)
		return -errno;
	listener = ipc_listen(t->socket, 0600);
	if (listener < 0)
		return listener;
	t->pid = fork();
	if (t->pid == 0)
		run(i, t, program, listener, said);
	return t->pid < 0 ? -errno : 0;
}

/* One question that means nothing: whoever answers it has loaded the policy. */
static int probe(const struct trial *t)
{
	static const char NOTHING[] = "<nothing/>";
	struct queue_document d = { .partner = "nobody", .id = "trial" };
	_cleanup_(closep) int fd = memfd_from("probe", span_str(NOTHING));
	_cleanup_json_ json_t *report = NULL;
	struct verdict v;
	int r = fd < 0 ? fd : digest_sha256(span_str(NOTHING), d.sha256);

	return r < 0 ? r : trial_ask(t, VERIFY_DOCUMENT, &d, fd, 1, &v, &report);
}

static void tell_why(const struct trial *t, int error)
{
	_cleanup_(freep) uint8_t *text = NULL;
	char path[PATH_MAX];
	size_t len;

	fprintf(stderr, "sealgate policy: it cannot be tried: %s\n", strerror(-error));
	if (*t->folder && join(t->folder, "said", path) == 0 &&
		file_read(path, LOG_MAX, &text, &len) == 0)
		fputs((const char *)text, stderr);
}

int trial_start(const struct instance *instance, const struct trial_of *of,
	struct trial *ret_trial)
{
	struct trial t = { .reader = { .socket = -1 } };
	int r = make_folder(instance, of, &t);

	if (r == 0)
		r = start(instance, &t);
	if (r == 0)
		r = probe(&t);
	if (r < 0) {
		tell_why(&t, r);
		trial_end(&t);
		return r;
	}
	*ret_trial = t;
	return 0;
}

/* The process that serves, as long as it is by the policy that is read here. */
static int ask_who_serves(
	const struct instance *instance, const char *policies, struct trial *ret_trial)
{
	const struct trial_source there = { .bundle = NULL };
	struct trial t = { .reader = { .socket = -1 } };
	int r = instance_socket(instance, "verify", t.socket);

	if (r == 0)
		r = trial_reader_start(&there, policies, geteuid(), &t.reader);
	if (r == 0)
		r = probe(&t);
	if (r == 0)
		*ret_trial = t;
	else
		trial_end(&t);
	return r;
}

int trial_in_force(const struct instance *instance, struct trial *ret_trial)
{
	_cleanup_bundle_ struct bundle bundle = { 0 };
	_cleanup_(freep) char *error = NULL;
	char policies[PATH_MAX];
	int r = instance_path(instance, "policies", policies);

	if (r == 0 && ask_who_serves(instance, policies, ret_trial) == 0)
		return 0;
	if (r == 0)
		r = bundle_open(policies, &bundle, &error);
	if (r < 0) {
		fprintf(stderr, "sealgate policy: %s\n", error ? error : strerror(-r));
		return r;
	}
	return trial_start(instance,
		&(struct trial_of){ .source = { .bundle = &bundle } }, ret_trial);
}

static json_t *read_report(int fd)
{
	struct span data = { 0 };
	json_t *report = NULL;

	if (memfd_map(fd, LIMIT_REPORT, &data) == 0)
		report = json_read(data, LIMIT_REPORT);
	memfd_unmap(&data);
	return report;
}

int trial_ask(const struct trial *t, enum verify_mode mode,
	const struct queue_document *d, int document_fd, int64_t at,
	struct verdict *ret_verdict, json_t **ret_report)
{
	struct verify_request q = { .mode = mode, .at = at };
	_cleanup_(closep) int report = -1;
	int r = 0;

	snprintf(q.subject, sizeof(q.subject), "%s", d->partner);
	snprintf(q.document_id, sizeof(q.document_id), "%s", d->id);
	for (int i = 0; r == 0 && i < BUSY_TRIES; i++) {
		(void)poll(NULL, 0, i ? BUSY_MS : 0);
		r = verify_ask(t->socket, &q, document_fd, d->sha256, ASK_MS, ret_verdict,
			&report);
	}
	if (r <= 0)
		return r == 0 ? -EBUSY : r;
	/* What is said of this policy must have been judged by it. */
	if (strcmp(ret_verdict->policy_digest, t->reader.digest) != 0)
		return -ESTALE;
	*ret_report = read_report(report);
	return *ret_report ? 0 : -EPROTO;
}

/* One that hangs while it loads does not end when it is told to. */
static void end_process(pid_t pid)
{
	int64_t end = clock_monotonic_ms() + END_MS;

	(void)kill(pid, SIGTERM);
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (clock_monotonic_ms() >= end) {
			(void)kill(-pid, SIGKILL);
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, NULL, 0);
			return;
		}
		(void)poll(NULL, 0, LOOK_MS);
	}
	(void)kill(-pid, SIGKILL); /* whom it left */
}

void trial_end(struct trial *t)
{
	if (t->pid > 0)
		end_process(t->pid);
	if (*t->folder) {
		tree_remove(t->folder);
		close(t->lock);
	}
	trial_reader_end(&t->reader);
	*t = (struct trial){ .reader = { .socket = -1 } };
}
