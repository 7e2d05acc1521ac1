/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A PostgreSQL server of Debian's package in a private folder, on a unix socket alone, as
 * an unprivileged user; for tests only, ends with the program that started it.
 */
#ifndef SEALGATE_TESTS_QUEUE_POSTGRESQL_H
#define SEALGATE_TESTS_QUEUE_POSTGRESQL_H

#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SERVER_UID 65534 /* nobody: the server refuses to run as root */

struct server {
	char dir[200]; /* "" when there is none */
	char bin[200];
	pid_t pid;
};

/* The newest of the machine. */
static inline bool server_find(struct server *s)
{
	glob_t g;
	bool found = glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &g) == 0;

	if (found)
		snprintf(s->bin, sizeof(s->bin), "%.*s",
			(int)(strlen(g.gl_pathv[g.gl_pathc - 1]) - strlen("/initdb")),
			g.gl_pathv[g.gl_pathc - 1]);
	globfree(&g);
	return found;
}

static inline pid_t server_spawn(const struct server *s, const char *argv[])
{
	char path[256];
	pid_t parent = getpid(), pid = fork();
	int null;

	if (pid != 0)
		return pid;
	if (geteuid() == 0 && (setgid(SERVER_UID) < 0 || setuid(SERVER_UID) < 0))
		_exit(126);
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	null = open("/dev/null", O_RDWR);
	if (getppid() != parent || null < 0 || chdir(s->dir) < 0)
		_exit(126);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	snprintf(path, sizeof(path), "%s/%s", s->bin, argv[0]);
	argv[0] = path; /* by which both find what belongs to them */
	execv(path, (char *const *)(uintptr_t)argv);
	_exit(127);
}

static inline int server_remove_one(
	const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void server_run(struct server *s)
{
	char data[256];
	const char *argv[] = { "postgres", "-D", data, "-k", s->dir, "-c",
		"listen_addresses=", "-c", "autovacuum=off", "-c", "shared_buffers=16MB",
		NULL };

	snprintf(data, sizeof(data), "%s/data", s->dir);
	s->pid = server_spawn(s, argv);
}

/* Ends it at once, as a crash does, or in order. */
static inline void server_kill(struct server *s, int signal)
{
	if (s->pid > 0) {
		kill(s->pid, signal);
		waitpid(s->pid, NULL, 0);
	}
	s->pid = 0;
}

static inline void server_stop(struct server *s)
{
	server_kill(s, SIGINT);
	if (s->dir[0])
		nftw(s->dir, server_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	s->dir[0] = '\0';
}

/* Return: false when there is no server to be had. */
static inline bool server_start(struct server *s)
{
	const char *base = getenv("TMPDIR");
	char data[256];
	const char *argv[] = { "initdb", "-D", data, "-U", "sealgate", "-A", "trust",
		"-E", "UTF8", "--locale=C", "--no-sync", NULL };
	int status = 0;

	*s = (struct server){ 0 };
	if (!server_find(s))
		return false;
	snprintf(s->dir, sizeof(s->dir), "%s/sealgate-pg-XXXXXX", base ? base : P_tmpdir);
	if (!mkdtemp(s->dir))
		return false;
	if (geteuid() == 0 && chown(s->dir, SERVER_UID, SERVER_UID) < 0)
		return false;
	snprintf(data, sizeof(data), "%s/data", s->dir);
	waitpid(server_spawn(s, argv), &status, 0);
	if (status != 0) {
		server_stop(s);
		return false;
	}
	server_run(s);
	return true;
}

#endif
