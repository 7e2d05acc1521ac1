/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/audit/audit_ship.h"

#include "ctl/command.h"
#include "ctl/instance/unit_note.h"

#include "common/durable.h"
#include "common/instance.h"
#include "common/json.h"
#include "queue/head_list.h"
#include "queue/sealed_head.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK_MAX 64u
#define TIMEOUT_S 20L
#define SERVER_MAX 512u
#define HEADS_AT_ONCE 1024u
#define HTTPS "https://"

/* A folder of the instance: server ("https://..." or HOST:PORT), ca.pem, client.pem,
 * client.key. */
struct receiver {
	const char *folder; /* or NULL */
	char server[SERVER_MAX], ca[PATH_MAX], cert[PATH_MAX], key[PATH_MAX];
};

struct shipping {
	struct peer peer;
	struct receiver receiver;
	const char *syslog;    /* HOST:PORT instead of peer.url, or NULL */
	const char *mark;      /* the file that names the last head that was taken */
	char stamps[PATH_MAX]; /* the same of time-stamps, which come later */
	struct instance instance;
	char folder[PATH_MAX];
	size_t sent;
};

/* What is shipped, each kind by position and behind a mark of its own. */
struct kind {
	const char *mark;
	enum head_kind kind;
	int64_t last; /* position of the last one that was taken, or 0 */
};

static void read_mark(struct kind *k)
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len = 0;

	if (file_read(k->mark, MARK_MAX, &text, &len) == 0)
		k->last = strtoll((const char *)text, NULL, 10);
}

static int post(struct shipping *s, const char *text)
{
	struct http_response response = { 0 };
	const struct http_request request = { .method = "POST",
		.url = s->peer.url,
		.content_type = "application/json",
		.body = span_str(text),
		.response_max = 65536,
		.timeout_s = TIMEOUT_S };
	_cleanup_(freep) char *error = NULL;
	int r = http_client(&s->peer.identity, &request, &response, &error);

	if (r == 0 && (response.status < 200 || response.status > 299))
		r = -EIO;
	if (r < 0)
		fprintf(stderr, "sealgate audit: %s: %s\n", s->peer.url,
			error ? error : "it was not taken");
	http_response_done(&response);
	return r;
}

/* A connection a head: it is known to be read before it is marked. */
static int log_remotely(struct shipping *s, const char *text)
{
	_cleanup_(freep) char *error = NULL;
	struct syslog_server *server;
	int r = syslog_connect(s->syslog, &s->peer.identity, &server, &error), end;

	if (r == 0) {
		r = syslog_send(
			server, config_string(s->instance.config, "instance.name"), text);
		end = syslog_end(server);
		r = r < 0 ? r : end;
	}
	if (r < 0)
		fprintf(stderr, "sealgate audit: %s\n",
			error ? error : "the syslog server did not take a head");
	return r;
}

static int ship_one(struct shipping *s, const struct kind *k, const struct head_file *f)
{
	struct head_file found = *f;
	_cleanup_(freep) uint8_t *text = NULL;
	char path[PATH_MAX], line[NAME_MAX + 2];
	size_t len;
	int r = head_file_find(s->folder, &found, path);

	if (r == -ENOENT)
		return 0; /* it was set aside meanwhile */
	if (r == 0)
		r = file_read(path, SEALED_HEAD_MAX, &text, &len);
	if (r == 0)
		r = s->syslog ? log_remotely(s, (const char *)text)
			      : post(s, (const char *)text);
	if (r < 0)
		return r;
	snprintf(line, sizeof(line), "%s\n", strrchr(path, '/') + 1);
	s->sent++;
	return durable_write(k->mark, span_str(line), 0644);
}

/* What was taken last is not there any more: the chain was set back behind it, and its
 * new heads would not be shipped before they are further than the lost ones. */
static int forget_lost(const struct shipping *s, struct kind *k)
{
	const struct head_wish newest = { .most = 1, .kinds = HEAD_BIT(k->kind) };
	struct head_list l = { 0 };
	int r = head_list_read(s->folder, &newest, &l);

	if (r == 0 && l.count && l.files[l.count - 1].position < k->last)
		k->last = 0;
	head_list_done(&l);
	return r;
}

/* By position: what comes behind the mark. */
static int ship_kind(struct shipping *s, struct kind *k)
{
	struct head_wish wish = {
		.most = HEADS_AT_ONCE, .kinds = HEAD_BIT(k->kind), .oldest = true
	};
	bool more = true;
	int r;

	read_mark(k);
	r = forget_lost(s, k);
	for (wish.after = k->last; r == 0 && more;) {
		struct head_list l = { 0 };

		r = head_list_read(s->folder, &wish, &l);
		more = l.cut;
		for (size_t i = 0; i < l.count && r == 0; i++) {
			if (l.files[i].position > wish.after)
				r = ship_one(s, k, &l.files[i]);
			wish.after = l.files[i].position;
		}
		head_list_done(&l);
	}
	return r;
}

static int ship_all(struct shipping *s)
{
	struct kind heads = { .mark = s->mark, .kind = HEAD_JSON };
	struct kind stamps = { .mark = s->stamps, .kind = HEAD_STAMP };
	int r = ship_kind(s, &heads);

	return r == 0 ? ship_kind(s, &stamps) : r;
}

static int read_options(int argc, char **argv, struct shipping *s)
{
	static const struct option options[] = { PEER_OPTIONS,
		{ "syslog", required_argument, NULL, 's' },
		{ "receiver", required_argument, NULL, 'r' },
		{ "mark", required_argument, NULL, 'm' }, { 0 } };
	int c;

	while ((c = command_option(argc, argv, "", options)) != -1) {
		if (c == 's')
			s->syslog = optarg;
		else if (c == 'm')
			s->mark = optarg;
		else if (c == 'r')
			s->receiver.folder = optarg;
		else if (!peer_option(&s->peer, c, optarg))
			return -EINVAL;
	}
	if (s->syslog && !s->peer.url)
		s->peer.url = s->syslog; /* one of the two is enough */
	if (!s->mark)
		command_fault("--mark is missing: the file that notes what was taken");
	return s->mark && (s->receiver.folder || peer_complete(&s->peer)) &&
			       command_arguments(argc, argv, 0, 0, "") >= 0
		       ? 0
		       : -EINVAL;
}

/* What is secret of it may come from the service manager. */
static int read_receiver(struct shipping *s)
{
	struct receiver *r = &s->receiver;
	_cleanup_(freep) uint8_t *text = NULL;
	char name[PATH_MAX], path[PATH_MAX];
	size_t len = 0;
	int e;

	if (snprintf(name, sizeof(name), "%s/server", r->folder) >= PATH_MAX)
		return -ENAMETOOLONG;
	e = instance_secret(&s->instance, name, path);
	if (e == 0)
		e = file_read(path, SERVER_MAX - 1, &text, &len);
	if (e < 0 || !text)
		return e;
	snprintf(r->server, sizeof(r->server), "%.*s",
		(int)strcspn((const char *)text, "\n"), (const char *)text);
	(void)snprintf(name, sizeof(name), "%s/client.key", r->folder);
	e = instance_secret(&s->instance, name, r->key);
	(void)snprintf(name, sizeof(name), "%s/ca.pem", r->folder);
	if (e == 0)
		e = instance_path(&s->instance, name, r->ca);
	(void)snprintf(name, sizeof(name), "%s/client.pem", r->folder);
	if (e == 0)
		e = instance_path(&s->instance, name, r->cert);
	s->peer = (struct peer){ .url = r->server,
		.identity = { .ca = r->ca, .cert = r->cert, .key = r->key } };
	if (strncmp(r->server, HTTPS, strlen(HTTPS)) != 0)
		s->syslog = r->server;
	return e;
}

/* It runs every minute, and what is recorded of it is shipped by the next run: hence
 * recorded is the first run to a receiver, and each that ends otherwise than the one
 * before.
 */
static void note_run(const struct shipping *s, int status)
{
	_cleanup_(freep) uint8_t *before = NULL;
	char path[PATH_MAX], text[16];
	const char *name = strrchr(s->mark, '/');
	size_t len = 0;

	(void)snprintf(text, sizeof(text), "%d\n", status);
	if (snprintf(path, sizeof(path), "%s.run", s->mark) >= PATH_MAX)
		return;
	if (file_read(path, sizeof(text), &before, &len) == 0 && len == strlen(text) &&
		memcmp(before, text, len) == 0)
		return;
	unit_note(&s->instance, "ship", "program.run",
		json_pack("{s:o,s:i}", "mark", json_text(name ? name + 1 : s->mark),
			"status", status));
	(void)durable_write(path, span_str(text), 0600);
}

int audit_ship(int argc, char **argv)
{
	_cleanup_(freep) char *error = NULL;
	struct shipping s = { 0 };
	int r;

	if (read_options(argc, argv, &s) < 0)
		return command_usage("audit");
	signal(SIGPIPE, SIG_IGN); /* a server that goes away is an error of writing */
	r = instance_open(getenv("SEALGATE_INSTANCE"), &s.instance, &error);
	if (r < 0) {
		fprintf(stderr, "sealgate audit: %s\n", error ? error : strerror(-r));
		return EXIT_USAGE;
	}
	r = snprintf(s.stamps, sizeof(s.stamps), "%s.stamps", s.mark) < PATH_MAX
		    ? 0
		    : -ENAMETOOLONG;
	if (r == 0 && s.receiver.folder && (r = read_receiver(&s)) < 0)
		fprintf(stderr, "sealgate audit: %s: %s\n", s.receiver.folder,
			strerror(-r));
	if (r == 0)
		r = instance_path(&s.instance, "state/queue/heads", s.folder);
	if (r == 0)
		r = ship_all(&s);
	printf("{\"shipped\":%zu}\n", s.sent);
	note_run(&s, r == 0 ? EXIT_CLEAN : EXIT_INTERNAL);
	instance_done(&s.instance);
	return r == 0 ? EXIT_CLEAN : EXIT_INTERNAL;
}
