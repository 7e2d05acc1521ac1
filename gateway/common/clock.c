/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

int64_t clock_now(void)
{
	return clock_now_us() / 1000000;
}

int64_t clock_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void clock_format(int64_t t, char ret_text[CLOCK_TEXT_SIZE])
{
	time_t seconds = (time_t)t;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099)
		snprintf(ret_text, CLOCK_TEXT_SIZE, "0000-00-00T00:00:00Z");
	else
		strftime(ret_text, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* Read exactly n digits and step over them. */
static bool digits(const char **p, int n, int *ret_value)
{
	int value = 0;

	for (int i = 0; i < n; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		value = value * 10 + (**p - '0');
	}
	*ret_value = value;
	return true;
}

static bool literal(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

static bool date_time(const char **p, struct tm *tm)
{
	if (!digits(p, 4, &tm->tm_year) || !literal(p, '-') ||
		!digits(p, 2, &tm->tm_mon) || !literal(p, '-') ||
		!digits(p, 2, &tm->tm_mday) || !literal(p, 'T') ||
		!digits(p, 2, &tm->tm_hour) || !literal(p, ':') ||
		!digits(p, 2, &tm->tm_min) || !literal(p, ':') ||
		!digits(p, 2, &tm->tm_sec))
		return false;
	return tm->tm_mon >= 1 && tm->tm_mon <= 12 && tm->tm_mday >= 1 &&
	       tm->tm_mday <= 31 && tm->tm_hour <= 23 && tm->tm_min <= 59 &&
	       tm->tm_sec <= 60;
}

static bool fraction(const char **p)
{
	if (**p != '.')
		return true;
	(*p)++;
	if (**p < '0' || **p > '9')
		return false;
	while (**p >= '0' && **p <= '9')
		(*p)++;
	return true;
}

static bool offset(const char **p, int *ret_seconds)
{
	int sign, hours, minutes;

	if (literal(p, 'Z')) {
		*ret_seconds = 0;
		return true;
	}
	sign = **p == '+' ? 1 : -1;
	if (!literal(p, '+') && !literal(p, '-'))
		return false;
	if (!digits(p, 2, &hours) || !literal(p, ':') || !digits(p, 2, &minutes) ||
		hours > 14 || minutes > 59)
		return false;
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

int clock_parse(const char *text, int64_t *ret_t)
{
	struct tm tm = { 0 };
	int day, second, shift;
	time_t t;

	if (!date_time(&text, &tm) || !fraction(&text) || !offset(&text, &shift) || *text)
		return -EINVAL;
	day = tm.tm_mday;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	second =
		tm.tm_sec; /* 60 in a leap second, which must not look like another day */
	tm.tm_sec = 0;
	t = timegm(&tm);
	if (tm.tm_mday != day)
		return -EINVAL; /* timegm turned 31 April into 1 May */
	*ret_t = (int64_t)t + second - shift;
	return 0;
}
