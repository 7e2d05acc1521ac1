/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/log.h"

#include "common/clock.h"
#include "common/digest.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

static const char *program_name = "sealgate";

void log_open(const char *program)
{
	program_name = program;
}

/* Control characters in a line would let an input forge another line. */
static void tame(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			*text = '?';
}

/* The catalogue's id of a code: 16 octets of SHA-256, so that no table has to be kept. */
static void message_id(const char *code, char ret_text[SHA256_TEXT_SIZE])
{
	char named[128];

	snprintf(named, sizeof(named), "sealgate:%s", code);
	if (digest_sha256_text(span_str(named), ret_text) < 0)
		ret_text[0] = '\0';
	ret_text[32] = '\0';
}

/* Send to the journal. Return: false when there is none. */
static bool to_journal(
	int priority, const char *code, const char *document, const char *message)
{
	char id[SHA256_TEXT_SIZE];

	if (!getenv("JOURNAL_STREAM"))
		return false;
	message_id(code, id);
	sd_journal_send("MESSAGE=%s", message, "MESSAGE_ID=%s", id, "PRIORITY=%d",
		priority, "SYSLOG_IDENTIFIER=%s", program_name, "SEALGATE_CODE=%s", code,
		"SEALGATE_DOCUMENT=%s", document ? document : "", NULL);
	return true;
}

void log_event(
	int priority, const char *code, const char *document, const char *format, ...)
{
	static const char *const names[] = { "emerg", "alert", "crit", "error", "warning",
		"notice", "info", "debug" };
	char message[1024], now[CLOCK_TEXT_SIZE];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	tame(message);
	if (to_journal(priority, code, document, message))
		return;
	clock_format(clock_now(), now);
	fprintf(stderr, "%s %s %s %s%s%s: %s\n", now, program_name, names[priority & 7],
		code, document ? " " : "", document ? document : "", message);
}
