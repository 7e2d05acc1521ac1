/* SPDX-License-Identifier: EUPL-1.2 */
/* Rates, what they mean for later, and what is worth a warning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/json.h"
#include "queue/forecast.h"

#include <string.h>

static json_t *flows(int in, int out)
{
	return json_pack("{s:{s:i,s:i}}", "traces", "in", in, "out", out);
}

static json_t *tell(struct forecast *f, int64_t now_ms, int64_t room, int in, int out)
{
	_cleanup_json_ json_t *now = flows(in, out);

	return forecast_tell(f, now_ms, room, now);
}

static double value(const json_t *forecast, const char *key)
{
	const json_t *d =
		json_object_get(json_object_get(forecast, "destinations"), "traces");

	return json_number_value(json_object_get(d, key));
}

static void rates_and_ends(void **state)
{
	struct forecast f = { 0 };
	json_t *j;

	(void)state;
	j = tell(&f, 1000, 5000, 10, 0);
	assert_true(json_is_null(json_object_get(j, "disk_hours")));
	json_decref(j);
	forecast_add(&f, 1000, 72000, flows(0, 0));
	assert_false(forecast_due(&f, 5000));
	assert_true(forecast_due(&f, 11000));
	/* 1000 s: more comes than goes; 720 octets are taken up */
	j = tell(&f, 1001000, 71280, 1300, 500);
	assert_int_equal(value(j, "open"), 800);
	assert_int_equal(value(j, "drain_s"), -1);
	assert_true(json_real_value(json_object_get(j, "disk_hours")) > 27.4);
	assert_true(json_real_value(json_object_get(j, "disk_hours")) < 27.6);
	json_decref(j);
	j = tell(&f, 101000, 71280, 1300, 500);
	assert_true(json_is_null(json_object_get(j, "disk_hours"))); /* too early */
	json_decref(j);
	j = tell(&f, 1001000, 80000, 100, 50);
	assert_int_equal(value(j, "drain_s"), -1);
	assert_true(json_is_null(json_object_get(j, "disk_hours")));
	json_decref(j);
	forecast_done(&f);
	forecast_add(&f, 0, -1, flows(1000, 0));
	j = tell(&f, 100000, -1, 1000, 500);
	assert_int_equal(value(j, "drain_s"), 100);
	json_decref(j);
	forecast_done(&f);
}

static void the_ring_forgets(void **state)
{
	struct forecast f = { 0 };
	json_t *j;

	(void)state;
	for (int i = 0; i < FORECAST_SAMPLES + 5; i++)
		forecast_add(&f, (int64_t)i * 10000, 1, flows(i, 0));
	j = tell(&f, (FORECAST_SAMPLES + 5) * 10000, 1, 1000, 0);
	assert_int_equal(json_integer_value(json_object_get(j, "over_s")), 3600);
	json_decref(j);
	forecast_done(&f);
}

static void warns(void **state)
{
	static const struct {
		const char *figures, *codes;
	} CASES[] = {
		{ "{}", "" },
		{ "{'forecast':{'disk_hours':23.5}}", "disk " },
		{ "{'forecast':{'disk_hours':24.5}}", "" },
		{ "{'forecast':{'destinations':{'t':{'open':5,'drain_s':100}}},"
		  "'deliveries':{'t':{'oldest':3601}}}",
			"backlog " },
		{ "{'forecast':{'destinations':{'t':{'open':5,'drain_s':20000}}},"
		  "'deliveries':{'t':{'oldest':10}}}",
			"drain " },
		{ "{'forecast':{'destinations':{'t':{'open':5,'drain_s':-1}}},"
		  "'deliveries':{'t':{'oldest':10}}}",
			"" },
		{ "{'forecast':{'destinations':{'t':{'open':5,'drain_s':-1}}},"
		  "'deliveries':{'t':{'oldest':4000}}}",
			"backlog drain " },
		{ "{'heads':null}", "" },
		{ "{'heads':{'late_s':300,'sealed':{'waiting_s':300},'exported':null}}",
			"" },
		{ "{'heads':{'late_s':300,'sealed':{'waiting_s':301},'exported':null}}",
			"heads " },
		{ "{'heads':{'late_s':300,'sealed':{'waiting_s':301},"
		  "'exported':{'waiting_s':302}}}",
			"heads heads " },
		{ "{'renewals':{'failing':0}}", "" },
		{ "{'renewals':{'failing':2}}", "renewals " },
	};
	const struct forecast_bounds bounds = { 24, 3600, 14400 };

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char text[256], codes[64] = "";
		_cleanup_json_ json_t *figures = NULL, *list = NULL;
		size_t n;
		json_t *w;

		snprintf(text, sizeof(text), "%s", CASES[i].figures);
		for (char *c = text; *c; c++)
			*c = *c == '\'' ? '"' : *c;
		figures = json_loads(text, 0, NULL);
		assert_non_null(figures);
		list = forecast_warnings(figures, &bounds);
		json_array_foreach(list, n, w) snprintf(codes + strlen(codes),
			sizeof(codes) - strlen(codes), "%s ", json_string_of(w, "code"));
		assert_string_equal(codes, CASES[i].codes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_and_ends),
		cmocka_unit_test(the_ring_forgets),
		cmocka_unit_test(warns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
