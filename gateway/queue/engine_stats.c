/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/clock.h"
#include "common/encode.h"
#include "common/json.h"
#include "queue/acts.h"
#include "queue/backend.h"

#include <errno.h>
#include <string.h>

/* Age of the oldest in a state, or -1 when there is none or it is an end. */
static int64_t oldest(struct engine *e, int64_t now, struct row *statement)
{
	_cleanup_statement_ struct row *s = statement;
	int64_t age;

	if (sql_step(e, s) <= 0)
		return -1;
	age = now - sql_int(s, 0);
	return age > 0 ? age : 0;
}

static bool is_open(const char *state)
{
	enum document_state s = document_state_find(state);

	return s == DOCUMENT_HELD || s == DOCUMENT_ACCEPTED || s == DOCUMENT_QUARANTINED;
}

/* "oldest" of an object is the age of the oldest open member. */
static void set_oldest(json_t *object, int64_t age)
{
	json_int_t before = json_integer_value(json_object_get(object, "oldest"));

	if (age >= 0 && (age > before || !json_object_get(object, "oldest")))
		json_object_set_new(object, "oldest", json_integer(age));
}

static int add_counts(
	struct engine *e, int64_t now, json_t *documents, json_t *deliveries)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_STATS_COUNTS, "");
	int r;

	while ((r = sql_step(e, s)) > 0) {
		const char *kind = sql_string(s, 0);
		const char *name = sql_string(s, 1);
		const char *state = sql_string(s, 2);
		json_t *n = json_integer(sql_int(s, 3));

		if (strcmp(kind, "document") == 0) {
			json_object_set_new(documents, state, n);
			if (is_open(state))
				set_oldest(documents,
					oldest(e, now,
						sql_bind(e, SQL_STATS_OLDEST_DOCUMENT,
							"t", state)));
			continue;
		}
		json_object_set_new(json_child(deliveries, name), state, n);
		set_oldest(json_child(deliveries, name),
			oldest(e, now, sql_bind(e, SQL_STATS_OLDEST, "tt", name, state)));
	}
	return r;
}

static json_int_t count_of(const json_t *object, const char *state)
{
	return json_integer_value(json_object_get(object, state));
}

static json_int_t sum_of(const json_t *deliveries, const char *state)
{
	json_int_t sum = 0;
	const char *name;
	json_t *d;

	json_object_foreach((json_t *)(uintptr_t)deliveries, name, d) sum +=
		count_of(d, state);
	return sum;
}

/* Conservation: whatever was acknowledged is in one of these places. */
static json_t *ledger(const json_t *documents, const json_t *deliveries)
{
	json_int_t refused = count_of(documents, "refused"), acknowledged = 0, open = 0;
	json_t *l;

	for (int s = DOCUMENT_HELD; s < DOCUMENT_SANDBOX; s++)
		acknowledged +=
			count_of(documents, document_state_text((enum document_state)s));
	for (int s = DELIVERY_WAITING; s < DELIVERY_STATES; s++)
		open += sum_of(deliveries, delivery_state_text((enum delivery_state)s));
	l = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "accepted", acknowledged, "refused",
		refused, "held", count_of(documents, "held"), "to_seal",
		count_of(documents, "accepted"), "quarantined",
		count_of(documents, "quarantined"), "deliveries", open);
	open -= sum_of(deliveries, "delivered") + sum_of(deliveries, "refused") +
		sum_of(deliveries, "expired");
	json_object_set_new(
		l, "delivered", json_integer(sum_of(deliveries, "delivered")));
	json_object_set_new(
		l, "refused_by_destination", json_integer(sum_of(deliveries, "refused")));
	json_object_set_new(l, "expired", json_integer(sum_of(deliveries, "expired")));
	json_object_set_new(l, "open", json_integer(open));
	return l;
}

static json_t *head_to_json(const struct engine *e)
{
	char hex[SHA256_TEXT_SIZE];

	hex_encode(e->head.chain, SHA256_SIZE, hex);
	return json_pack(
		"{s:I,s:s}", "position", (json_int_t)e->head.position, "chain", hex);
}

/* The totals, and whether the ledger behind them agrees with itself. */
static int whole_ledger(struct engine *e, const json_t *documents,
	const json_t *deliveries, json_t **ret_ledger)
{
	_cleanup_json_ json_t *whole = NULL;
	int r = ledger_read(e, &whole);

	if (r < 0)
		return r;
	*ret_ledger = ledger(documents, deliveries);
	json_object_set(*ret_ledger, "balanced", json_object_get(whole, "balanced"));
	json_object_set_new(
		*ret_ledger, "mismatches", json_integer(engine_ledger_count(e)));
	return 0;
}

/* What this appliance has sealed and not taken back; its signer has counted no less. */
static int add_sealed_here(struct engine *e, json_t *ledger)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_SEALED_HERE, "");
	int r = sql_step(e, s);

	if (r <= 0)
		return r < 0 ? r : -EIO;
	return json_object_set_new(ledger, "sealed_here", json_integer(sql_int(s, 0)));
}

/* Seconds since a claim. Who has not asked yet is counted from the first look on. */
static json_int_t since(int64_t now, int64_t *asked)
{
	if (*asked == 0)
		*asked = now;
	return now > *asked ? now - *asked : 0;
}

/* {destination: {"in", "out"}} of all partners. Return: 0 or negative. */
static int read_flows(struct engine *e, json_t **ret_flows)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_LEDGER_FLOWS, "");
	_cleanup_json_ json_t *flows = json_object();
	int r;

	while ((r = sql_step(e, s)) > 0) {
		json_t *d = json_child(flows, sql_string(s, 1));
		const char *flow = sql_string(s, 2);
		const char *way =
			strcmp(flow, "entered") == 0 || strcmp(flow, "returned") == 0
				? "in"
				: "out";

		json_object_set_new(d, way,
			json_integer(json_integer_value(json_object_get(d, way)) +
				     sql_int(s, 3)));
	}
	if (r == 0)
		*ret_flows = TAKE(flows);
	return r;
}

int engine_sample(struct engine *e)
{
	json_t *flows;
	int r;

	if (!forecast_due(&e->forecast, clock_monotonic_ms()))
		return 0;
	r = read_flows(e, &flows);
	if (r == 0)
		forecast_add(
			&e->forecast, clock_monotonic_ms(), e->backend->room(e), flows);
	return r;
}

/* Open deliveries by destination and age: {destination: [n, ...]}, younger than each
 * bound of SQL_SHAPE, then older. Return: 0 or negative. */
static int read_shape(struct engine *e, int64_t now, json_t **ret_shape)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_SHAPE, "i", now);
	_cleanup_json_ json_t *shape = json_object();
	int r;

	while ((r = sql_step(e, s)) > 0) {
		const char *name = sql_string(s, 0);
		int64_t age = sql_int(s, 1);
		json_t *row = json_object_get(shape, name);

		if (!row) {
			row = json_pack("[iiiii]", 0, 0, 0, 0, 0);
			json_object_set_new(shape, name, row);
		}
		if (age >= 0 && age < 5)
			json_array_set_new(row, (size_t)age, json_integer(sql_int(s, 2)));
	}
	if (r == 0)
		*ret_shape = TAKE(shape);
	return r;
}

void engine_breakers(struct engine *e, struct breakers *breakers)
{
	e->breakers = breakers;
}

void engine_clock(struct engine *e, int64_t behind, int64_t accepted)
{
	e->behind = behind;
	e->accepted = accepted;
}

bool engine_breaker(struct engine *e, const struct breaker_told *told)
{
	return e->breakers && breakers_tell(e->breakers, told);
}

void engine_heads(struct engine *e, const struct heads_told *told)
{
	e->heads = *told;
}

static json_t *told_to_json(const struct head_told *t, int64_t now)
{
	json_int_t age = now > t->at ? now - t->at : 0;

	return json_pack("{s:I,s:o,s:I}", "position", (json_int_t)t->position, "age_s",
		t->at ? json_integer(age) : json_null(), "waiting_s",
		(json_int_t)(t->waiting_ms / 1000));
}

static json_t *heads_to_json(const struct engine *e, int64_t now)
{
	const struct heads_told *t = &e->heads;

	if (!t->sealing)
		return json_null();
	return json_pack("{s:I,s:o,s:o}", "late_s", (json_int_t)t->late_s, "sealed",
		told_to_json(&t->sealed, now), "exported",
		t->exporting ? told_to_json(&t->exported, now) : json_null());
}

int engine_shape(struct engine *e, int64_t now, int *ret_fd)
{
	json_t *shape;
	int r = read_shape(e, now, &shape);

	return r < 0 ? r : json_to_fd(shape, ret_fd);
}

int engine_stats(struct engine *e, int64_t now, int *ret_fd)
{
	_cleanup_json_ json_t *flows = NULL;
	_cleanup_json_ json_t *documents = json_object();
	_cleanup_json_ json_t *deliveries = json_object();
	json_t *totals = NULL;
	_cleanup_json_ json_t *maintenance = maintenance_to_json(e, now);
	_cleanup_json_ json_t *renewals = renewals_to_json(e);
	_cleanup_json_ json_t *stamps = stamps_to_json(e);
	_cleanup_json_ json_t *legal = legal_to_json(e);
	int64_t reviews = reviews_waiting(e, now);
	int r = add_counts(e, now, documents, deliveries);

	if (r == 0 && (!maintenance || !renewals || !stamps || !legal || reviews < 0))
		r = -EIO;
	if (r == 0)
		r = read_flows(e, &flows);
	if (r == 0)
		r = whole_ledger(e, documents, deliveries, &totals);
	if (r == 0)
		r = add_sealed_here(e, totals);
	if (r < 0) {
		json_decref(totals);
		return r;
	}
	return json_to_fd(
		json_pack("{s:o,s:o,s:I,s:o,s:O,s:O,s:O,s:O,s:O,s:O,s:o,s:o,s:I,s:i,s:o,"
			  "s:o,s:{"
			  "s:I,s:I}}",
			"heads", heads_to_json(e, now), "breakers",
			e->breakers ? breakers_to_json(e->breakers) : json_object(),
			"reviews", (json_int_t)reviews, "forecast",
			forecast_tell(&e->forecast, clock_monotonic_ms(),
				e->backend->room(e), flows),
			"legal", legal, "renewals", renewals, "stamps", stamps,
			"maintenance", maintenance, "documents", documents, "deliveries",
			deliveries, "ledger", totals, "audit", head_to_json(e),
			"disk_free", (json_int_t)e->backend->room(e), "schema",
			engine_schema(e), "clock_behind", json_time(e->behind),
			"clock_accepted", json_time(e->accepted), "unasked_s", "seal",
			since(now, &e->seal_asked), "forward",
			since(now, &e->forward_asked)),
		ret_fd);
}
