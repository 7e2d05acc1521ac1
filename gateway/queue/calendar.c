/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/calendar.h"

#include "common/clock.h"
#include "common/json.h"

#include <string.h>

static const struct {
	const char *text;
	int64_t every;
} PERIODS[] = { { "day", CALENDAR_DAY }, { "week", CALENDAR_WEEK } };

#define PERIOD_COUNT (sizeof(PERIODS) / sizeof(PERIODS[0]))

const char *calendar_period_text(int64_t every)
{
	for (size_t i = 0; i < PERIOD_COUNT; i++)
		if (PERIODS[i].every == every)
			return PERIODS[i].text;
	return NULL;
}

int64_t calendar_period_find(const char *text)
{
	for (size_t i = 0; text && i < PERIOD_COUNT; i++)
		if (strcmp(PERIODS[i].text, text) == 0)
			return PERIODS[i].every;
	return 0;
}

int64_t calendar_next(int64_t since, int64_t every, int64_t after)
{
	return after < since ? since : since + ((after - since) / every + 1) * every;
}

static int64_t time_of(const json_t *window, const char *key)
{
	const char *text = json_string_of(window, key);
	int64_t t;

	return text && clock_parse(text, &t) == 0 ? t : 0;
}

/* RFC 3339 in UTC, always of the same length: the order of the texts is that of time. */
static int insert(json_t *list, json_t *window)
{
	size_t i = json_array_size(list);

	while (i > 0 && strcmp(json_string_of(json_array_get(list, i - 1), "since"),
				json_string_of(window, "since")) > 0)
		i--;
	return json_array_insert(list, i, window);
}

/* One time of a window: the first is that which it tells of itself. */
static int add(json_t *list, const json_t *window, int64_t since, int64_t until)
{
	_cleanup_json_ json_t *one = json_deep_copy(window);

	if (!one)
		return -1;
	if (since != time_of(window, "since") &&
		(json_object_set_new(one, "since", json_time(since)) < 0 ||
			json_object_set_new(one, "until", json_time(until)) < 0 ||
			json_object_set_new(one, "now", json_false()) < 0))
		return -1;
	return insert(list, one);
}

static int add_all(json_t *list, const json_t *window, int64_t horizon)
{
	int64_t every = calendar_period_find(json_string_of(window, "every")),
		since = time_of(window, "since"), until = time_of(window, "until");
	int64_t length = until - since;
	int r = 0;

	for (; r == 0 && since < horizon; since += every) {
		r = add(list, window, since, until ? since + length : 0);
		if (!every)
			break;
	}
	return r;
}

json_t *calendar_expand(const json_t *windows, int64_t horizon)
{
	_cleanup_json_ json_t *list = json_array();
	const json_t *window;
	size_t i;

	json_array_foreach(windows, i, window)
	{
		if (add_all(list, window, horizon) < 0)
			return NULL;
	}
	return TAKE(list);
}
