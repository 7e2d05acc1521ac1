/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/durable.h"
#include "common/instance.h"
#include "common/log.h"
#include "ctl/audit/audit_ship.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#define MESSAGE_MAX 8192u /* octets of an entry that are sent */
#define CURSOR_MAX 1024u
#define SERVER_MAX 300u
#define WAIT_US (5 * 1000000u)
#define AGAIN_S 5
#define PROVEN_MS 10000 /* a connection that lasted so long had what was sent before */
#define SEVERITY 6
#define FACILITY 3 /* system daemons */

struct logs {
	sd_journal *journal;
	struct syslog_server *server; /* NULL: not connected */
	const char *mark;	      /* where the cursor is kept */
	char *pending;		      /* the newest one that is not kept yet */
	int64_t since;		      /* when it was sent, monotonic ms */
	char address[SERVER_MAX];
	char ca[PATH_MAX], cert[PATH_MAX], key[PATH_MAX];
	bool told; /* that the server is away */
};

/* A field of the entry as text; "" when it has none. */
static const char *field(sd_journal *j, const char *name, struct buf *ret)
{
	const void *data;
	size_t len, skip = strlen(name) + 1;

	buf_init(ret, MESSAGE_MAX);
	if (sd_journal_get_data(j, name, &data, &len) < 0 || len < skip)
		return "";
	len -= skip;
	if (buf_add(ret, (const char *)data + skip,
		    len < MESSAGE_MAX ? len : MESSAGE_MAX - 1) < 0)
		return "";
	return ret->data ? ret->data : "";
}

/* What somebody else said steers neither the form of a message nor a terminal. */
static void add_clean(struct buf *b, const char *text, size_t most, bool word)
{
	size_t n = 0;

	for (; *text && n < most; text++, n++) {
		unsigned char c = (unsigned char)*text;
		bool ok = word ? c > ' ' && c < 0x7f : c >= ' ' && c != 0x7f;

		buf_add(b, ok ? text : (word ? "_" : " "), 1);
	}
	if (word && n == 0)
		buf_add_str(b, "-");
}

static void add_field(struct buf *b, sd_journal *j, const char *name, size_t most)
{
	_cleanup_buf_ struct buf value;

	add_clean(b, field(j, name, &value), most, true);
	buf_add_str(b, " ");
}

static int number(sd_journal *j, const char *name, int most, int otherwise)
{
	_cleanup_buf_ struct buf value;
	const char *text = field(j, name, &value);
	char *end;
	long n = strtol(text, &end, 10);

	return end != text && !*end && n >= 0 && n <= most ? (int)n : otherwise;
}

/* RFC 5424: PRI 1 TIME HOST APP PROCID MSGID - MSG. */
static void write_entry(sd_journal *j, struct buf *b)
{
	_cleanup_buf_ struct buf message, app;
	const char *name = field(j, "SYSLOG_IDENTIFIER", &app);
	char at[CLOCK_TEXT_SIZE];
	uint64_t us = 0;

	sd_journal_get_realtime_usec(j, &us);
	clock_format((int64_t)(us / 1000000), at);
	buf_addf(b, "<%d>1 %.19s.%06uZ ",
		number(j, "SYSLOG_FACILITY", 23, FACILITY) * 8 +
			number(j, "PRIORITY", 7, SEVERITY),
		at, (unsigned int)(us % 1000000));
	add_field(b, j, "_HOSTNAME", 255);
	add_field(b, j, *name ? "SYSLOG_IDENTIFIER" : "_COMM", 48);
	add_field(b, j, "_PID", 128);
	add_field(b, j, "SEALGATE_CODE", 32);
	buf_add_str(b, "- ");
	add_clean(b, field(j, "MESSAGE", &message), MESSAGE_MAX, false);
}

static void drop(struct logs *l, const char *why)
{
	if (l->server)
		(void)syslog_end(TAKE(l->server));
	if (!l->told)
		log_event(LOG_WARNING, "appliance.logs", NULL,
			"%s; asking again, nothing is lost while the journal keeps it",
			why);
	l->told = true;
	free(TAKE(l->pending));
}

/* From the entry after the one that is kept, or from the oldest. */
static int rewind_to_mark(struct logs *l)
{
	_cleanup_(freep) uint8_t *cursor = NULL;
	size_t len = 0;
	int r = file_read(l->mark, CURSOR_MAX, &cursor, &len);

	if (r == -ENOENT)
		return sd_journal_seek_head(l->journal);
	if (r < 0)
		return r;
	r = sd_journal_seek_cursor(l->journal, (const char *)cursor);
	if (r < 0 || sd_journal_next(l->journal) <= 0)
		return r;
	if (sd_journal_test_cursor(l->journal, (const char *)cursor) <= 0)
		sd_journal_previous(l->journal);
	return 0;
}

static bool connected(struct logs *l)
{
	const struct http_identity identity = {
		.ca = l->ca, .cert = l->cert, .key = l->key
	};
	_cleanup_(freep) char *error = NULL;
	int r;

	if (l->server)
		return true;
	r = syslog_connect(l->address, &identity, &l->server, &error);
	if (r < 0) {
		l->server = NULL;
		drop(l, error ? error : strerror(-r));
		return false;
	}
	r = rewind_to_mark(l);
	if (r < 0) {
		drop(l, strerror(-r));
		return false;
	}
	if (l->told)
		log_event(LOG_NOTICE, "appliance.logs", NULL, "entries are sent again");
	l->told = false;
	return true;
}

/* Syslog acknowledges nothing: an entry is taken for received once another one could be
 * sent a while after it. What was sent in between is sent twice after a break. */
static int keep(struct logs *l)
{
	int64_t now = clock_monotonic_ms();
	int r = 0;

	if (l->pending && now - l->since < PROVEN_MS)
		return 0;
	if (l->pending)
		r = durable_write(l->mark, span_str(l->pending), 0600);
	free(TAKE(l->pending));
	if (sd_journal_get_cursor(l->journal, &l->pending) < 0)
		l->pending = NULL;
	l->since = now;
	return r;
}

static int send_entry(struct logs *l)
{
	_cleanup_buf_ struct buf entry;
	int r;

	buf_init(&entry, 2 * MESSAGE_MAX);
	write_entry(l->journal, &entry);
	r = entry.error ? entry.error : syslog_write(l->server, buf_span(&entry));
	return r < 0 ? r : keep(l);
}

static void send_all(struct logs *l)
{
	int r;

	while ((r = sd_journal_next(l->journal)) > 0)
		if ((r = send_entry(l)) < 0)
			break;
	if (r < 0)
		drop(l, strerror(-r));
	else
		sd_journal_wait(l->journal, WAIT_US);
}

static int read_settings(struct logs *l)
{
	const char *dir = getenv("SEALGATE_INSTANCE");
	_cleanup_(freep) uint8_t *server = NULL;
	struct instance i = { 0 };
	char path[PATH_MAX];
	size_t len;
	int r;

	dir = dir ? dir : APPLIANCE_INSTANCE;
	(void)snprintf(i.dir, sizeof(i.dir), "%s", dir);
	(void)snprintf(path, sizeof(path), "%s/logs/server", dir);
	(void)snprintf(l->ca, sizeof(l->ca), "%s/logs/ca.pem", dir);
	(void)snprintf(l->cert, sizeof(l->cert), "%s/logs/client.pem", dir);
	r = instance_secret(&i, "logs/client.key", l->key);
	if (r == 0)
		r = file_read(path, SERVER_MAX - 1, &server, &len);
	if (r == 0)
		(void)snprintf(l->address, sizeof(l->address), "%.*s",
			(int)strcspn((const char *)server, "\n"), (const char *)server);
	return r;
}

int appliance_logs(const char *mark, const char *journal)
{
	struct logs l = { .mark = mark };
	int r = read_settings(&l);

	if (r == 0)
		r = journal ? sd_journal_open_directory(&l.journal, journal, 0)
			    : sd_journal_open(&l.journal, SD_JOURNAL_LOCAL_ONLY);
	if (r < 0)
		return r;
	for (;;) {
		if (connected(&l))
			send_all(&l);
		else
			sleep(AGAIN_S);
	}
}
