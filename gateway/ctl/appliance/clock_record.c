/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/clock_record.h"

#include "common/cleanup.h"
#include "common/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG "tracking.log"
#define KEPT LOG ".1"
#define LINES_MAX 4096u /* in which the last line is */
#define TRIES 3		/* to have all of what was appended meanwhile */

static int path_of(const char *folder, const char *name, char ret_path[PATH_MAX])
{
	int n = snprintf(ret_path, PATH_MAX, "%s/%s", folder, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* The last octets of an open file, at most max. Return: text that the caller frees, or
 * NULL with errno. */
static char *read_end(int fd, size_t max, size_t *ret_len)
{
	struct stat st;
	char *text = NULL;
	size_t len = 0, want;
	ssize_t n = 1;

	if (fstat(fd, &st) < 0)
		return NULL;
	want = (uintmax_t)st.st_size > max ? max : (size_t)st.st_size;
	text = malloc(want + 1);
	while (text && len < want && n > 0) {
		n = pread(fd, text + len, want - len,
			st.st_size - (off_t)want + (off_t)len);
		len += n > 0 ? (size_t)n : 0;
	}
	if (!text || n < 0) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	*ret_len = len;
	return text;
}

/* "DATE TIME SOURCE STRATUM FREQUENCY SKEW OFFSET LEAP SOURCES DEVIATION REMAINING DELAY
 * DISPERSION ERROR"; a heading is none. */
static json_t *parse(const char *line)
{
	char date[11], at[9], source[48], stratum[4], frequency[16], skew[16], offset[16],
		leap, error[16], text[32];

	if (sscanf(line,
		    "%10[0-9-] %8[0-9:] %47[0-9A-Fa-f.:] %3[0-9] %15[0-9e.+-] "
		    "%15[0-9e.+-] %15[0-9e.+-] %c %*s %*s %*s %*s %*s %15[0-9e.+-]",
		    date, at, source, stratum, frequency, skew, offset, &leap,
		    error) != 9)
		return NULL;
	(void)snprintf(text, sizeof(text), "%sT%sZ", date, at);
	return json_pack("{s:s, s:s, s:i, s:f, s:f, s:f, s:b, s:f}", "at", text, "source",
		source, "stratum", (int)strtol(stratum, NULL, 10), "frequency_ppm",
		strtod(frequency, NULL), "skew_ppm", strtod(skew, NULL), "offset_s",
		strtod(offset, NULL), "synchronised", leap != '?', "max_error_s",
		strtod(error, NULL));
}

static json_t *last_of(const char *folder, const char *name)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_(freep) char *text = NULL;
	char path[PATH_MAX], *save = NULL;
	json_t *last = NULL;
	size_t len;

	if (path_of(folder, name, path) < 0)
		return NULL;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	text = fd < 0 ? NULL : read_end(fd, LINES_MAX, &len);
	/* one that is not whole yet is not read */
	if (text && strrchr(text, '\n'))
		strrchr(text, '\n')[0] = '\0';
	else
		return NULL;
	for (char *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		json_t *one = parse(line);

		if (!one)
			continue;
		json_decref(last);
		last = one;
	}
	return last;
}

json_t *clock_record_last(const char *folder)
{
	json_t *last = last_of(folder, LOG);

	if (!last) /* it was emptied a moment ago */
		last = last_of(folder, KEPT);
	return last ? last : json_null();
}

int clock_record_bound(const char *folder)
{
	char path[PATH_MAX], kept[PATH_MAX];
	_cleanup_(closep) int fd = -1;
	struct stat st;
	int r = path_of(folder, LOG, path);

	if (r == 0)
		r = path_of(folder, KEPT, kept);
	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 1 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < CLOCK_RECORD_MAX)
		return 1;
	for (int i = 0; i < TRIES; i++) {
		_cleanup_(freep) char *text = NULL;
		off_t had = st.st_size;
		size_t len;

		text = read_end(fd, CLOCK_RECORD_MAX, &len);
		r = text ? durable_write(kept, span_of(text, len), 0644) : -errno;
		if (r < 0)
			return r;
		if (fstat(fd, &st) < 0)
			return -errno;
		if (st.st_size == had)
			break;
	}
	return ftruncate(fd, 0) < 0 ? -errno : 0;
}
