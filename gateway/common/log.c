/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/log.h"

#include "common/clock.h"

#include <stdarg.h>
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

void log_event(int priority, const char *code, const char *document, const char *format, ...)
{
	static const char *const names[] = { "emerg", "alert", "crit", "error", "warning",
		"notice", "info", "debug" };
	char message[1024], now[CLOCK_TEXT_SIZE];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	tame(message);
	if (getenv("JOURNAL_STREAM")) {
		sd_journal_send("MESSAGE=%s", message, "PRIORITY=%d", priority,
			"SYSLOG_IDENTIFIER=%s", program_name, "SEALGATE_CODE=%s", code,
			"SEALGATE_DOCUMENT=%s", document ? document : "", NULL);
		return;
	}
	clock_format(clock_now(), now);
	fprintf(stderr, "%s %s %s %s%s%s: %s\n", now, program_name, names[priority & 7], code,
		document ? " " : "", document ? document : "", message);
}
