/* SPDX-License-Identifier: EUPL-1.2 */
/* The mapped store: what was written is found, and a file that is not whole, or whose
 * tables lead out of it, is refused by its name. */
#include "tests/unit/pki/fixture.h"

#include "common/durable.h"
#include "made.h"
#include "trust/map.h"
#include "trust/qualify.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#define AT INT64_C(1780660800) /* 2026-06-05T12:00:00Z */
#define FILE_NAME "snapshot-00000000001780660800.map"

static char dir[] = "/tmp/snapshot-XXXXXX";
static char store[64], path[128];
static struct party ca, other, leaf, stranger;

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(name);
}

static int set_up(void **state)
{
	X509 *both[2];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(store, sizeof(store), "%s/store", dir);
	snprintf(path, sizeof(path), "%s/" FILE_NAME, store);
	ca = party_make((struct order){ .name = "CA", .extensions = ROOT_EXTENSIONS });
	other = party_make(
		(struct order){ .name = "Other", .extensions = ROOT_EXTENSIONS });
	stranger =
		party_make((struct order){ .name = "CA", .extensions = ROOT_EXTENSIONS });
	leaf = party_make((struct order){ .name = "Seal",
		.issuer = &ca,
		.extensions = { { NID_key_usage, "critical,nonRepudiation" },
			{ NID_certificate_policies, "2.999.1.2" } } });
	both[0] = other.cert;
	both[1] = ca.cert;
	return made_store(store, both, 2, AT);
}

static int tear_down(void **state)
{
	(void)state;
	party_done(&ca);
	party_done(&other);
	party_done(&leaf);
	party_done(&stranger);
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct qualification ask_by(const struct trust_snapshot *s,
	const struct qualify_terms *terms, X509 *issuer, int64_t at)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	struct qualification q;

	sk_X509_push(chain, leaf.cert);
	sk_X509_push(chain, issuer);
	trust_qualify_certificate(s, terms, chain, at, &q);
	sk_X509_free(chain);
	return q;
}

static struct qualification ask(const struct trust_snapshot *s, X509 *issuer, int64_t at)
{
	return ask_by(s, NULL, issuer, at);
}

static struct qualification ask_on(
	const struct trust_snapshot *s, const struct qualify_terms *terms)
{
	return ask_by(s, terms, ca.cert, AT);
}

static void test_found(void **state)
{
	_cleanup_(trust_snapshot_freep) struct trust_snapshot *s = NULL;
	_cleanup_(freep) char *error = NULL;
	struct snapshot_service service;
	struct qualification q;
	struct octets der = der_of(ca.cert);

	(void)state;
	assert_int_equal(trust_snapshot_open(store, INT64_MAX, &s, &error), 0);
	assert_int_equal(trust_snapshot_services(s), 2);
	trust_snapshot_service(s, 1, &service);
	assert_string_equal(service.territory, "AA");
	assert_string_equal(service.status, MADE_WITHDRAWN);
	assert_true(span_equal(service.certificate, span_of_octets(&der)));
	octets_done(&der);
	q = ask(s, ca.cert, AT);
	assert_true(q.listed && q.qc && q.qscd && q.type == QUALIFIED_ESEAL);
	assert_string_equal(q.territory, "AA");
	/* Before and after the service was granted, by its history. */
	assert_false(ask(s, ca.cert, MADE_SINCE - 1).qc);
	q = ask(s, ca.cert, MADE_SINCE_WITHDRAWN);
	assert_true(q.listed && !q.qc);
	/* Its list has an end, and a grace beyond it. */
	assert_true(ask_on(s, &(struct qualify_terms){ 2000000000, 0 }).qc);
	assert_false(ask_on(s, &(struct qualify_terms){ 2000000001, 0 }).listed);
	assert_true(ask_on(s, &(struct qualify_terms){ 2000000060, 60 }).qc);
	assert_false(ask_on(s, &(struct qualify_terms){ 2000000061, 60 }).listed);
	/* The name of a listed CA with another key is nobody. */
	assert_false(ask(s, stranger.cert, AT).listed);
}

/* The answers of all steps, one after another. */
static void assert_steps(const struct trust_snapshot *s, int64_t at, const char *wanted)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	json_t *steps = json_array(), *one;
	struct qualification q, alone;
	char said[200] = "";
	size_t i;

	sk_X509_push(chain, leaf.cert);
	sk_X509_push(chain, ca.cert);
	trust_qualify_explain(s, NULL, chain, at, steps, &q);
	trust_qualify_certificate(s, NULL, chain, at, &alone);
	assert_true(q.qc == alone.qc && q.qscd == alone.qscd && q.type == alone.type);
	json_array_foreach(steps, i, one)
	{
		const char *answer = json_string_of(one, "answer");

		assert_true(strlen(json_string_of(one, "clause")) > 10);
		snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s%s",
			i ? " " : "", answer);
	}
	assert_string_equal(said, wanted);
	json_decref(steps);
	sk_X509_free(chain);
}

static void test_explained(void **state)
{
	_cleanup_(trust_snapshot_freep) struct trust_snapshot *s = NULL;
	_cleanup_(freep) char *error = NULL;

	(void)state;
	assert_int_equal(trust_snapshot_open(store, INT64_MAX, &s, &error), 0);
	/* known, counts, granted, qualified, for seals, served, on a device */
	assert_steps(s, AT, "yes yes yes yes seal yes yes");
	assert_steps(s, MADE_SINCE - 1, "yes yes no");
	assert_steps(s, MADE_SINCE_WITHDRAWN, "yes yes no");
}

static void test_known_at(void **state)
{
	_cleanup_(trust_snapshot_freep) struct trust_snapshot *s = NULL;
	char *error = NULL;

	(void)state;
	assert_int_equal(made_store(store, &ca.cert, 1, AT + 60), 0);
	assert_int_equal(trust_snapshot_open(store, AT + 59, &s, &error), 0);
	assert_int_equal(trust_snapshot_services(s), 2);
	trust_snapshot_free(s);
	assert_int_equal(trust_snapshot_open(store, AT + 60, &s, &error), 0);
	assert_int_equal(trust_snapshot_services(s), 1);
	trust_snapshot_free(TAKE(s));
	assert_int_equal(trust_snapshot_open(store, AT - 1, &s, &error), -ENOENT);
	free(error);
	snprintf(
		path, sizeof(path), "%s/snapshot-%020lld.map", store, (long long)AT + 60);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/" FILE_NAME, store);
}

static uint8_t *file(size_t *ret_len)
{
	uint8_t *data;

	assert_int_equal(file_read(path, 1 << 24, &data, ret_len), 0);
	return data;
}

static void refused(const uint8_t *data, size_t len, const char *why)
{
	struct trust_snapshot *s = NULL;
	_cleanup_(freep) char *error = NULL;

	assert_int_equal(durable_write(path, span_of(data, len), 0600), 0);
	assert_int_equal(trust_snapshot_open(store, INT64_MAX, &s, &error), -EINVAL);
	assert_null(s);
	if (!strstr(error, FILE_NAME) || !strstr(error, why))
		fail_msg("%s", error);
}

static void test_not_whole(void **state)
{
	size_t len;
	_cleanup_(freep) uint8_t *data = file(&len);

	(void)state;
	refused(data, 0, "empty");
	refused(data, 7, "no snapshot");
	refused(data, sizeof(struct map_header) - 1, "no snapshot");
	refused(data, len / 2, "not whole");
	refused(data, len - 1, "not whole");
	for (size_t i = sizeof(struct map_header); i < len; i += 7) {
		data[i] ^= 1;
		refused(data, len, "digest");
		data[i] ^= 1;
	}
	((struct map_header *)(void *)data)->version++;
	refused(data, len, "version");
	((struct map_header *)(void *)data)->version--;
	((struct map_header *)(void *)data)->order = 0x04030201;
	refused(data, len, "byte order");
	((struct map_header *)(void *)data)->order = MAP_ORDER;
	assert_int_equal(durable_write(path, span_of(data, len), 0600), 0);
}

/* Neither is a link followed, nor taken for a name what is not of digits alone. */
static void test_names(void **state)
{
	static const char *const OTHERS[] = { "snapshot-+0000000001780660801.map",
		"snapshot- 0000000001780660801.map", "snapshot-~.map" };
	struct trust_snapshot *s = NULL;
	char name[160], *why = NULL;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s/%s", store, OTHERS[i]);
		assert_int_equal(durable_write(name, span_str("x"), 0644), 0);
	}
	assert_int_equal(trust_snapshot_open(store, INT64_MAX, &s, &why), 0);
	assert_int_equal(s->at, AT);
	trust_snapshot_free(s);
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s/%s", store, OTHERS[i]);
		assert_int_equal(remove(name), 0);
	}
	snprintf(name, sizeof(name), "%s/aside", store);
	assert_int_equal(rename(path, name), 0);
	assert_int_equal(symlink("aside", path), 0);
	assert_int_equal(trust_snapshot_open(store, INT64_MAX, &s, &why), -ELOOP);
	free(why);
	assert_int_equal(rename(name, path), 0);
}

static void test_another_time(void **state)
{
	size_t len;
	_cleanup_(freep) uint8_t *data = file(&len);
	struct map_header *h = (void *)data;
	int64_t at = h->at;

	(void)state;
	h->at++;
	assert_int_equal(
		digest_sha256(span_of(data + MAP_BEHIND_DIGEST, len - MAP_BEHIND_DIGEST),
			h->sha256),
		0);
	refused(data, len, "another time");
	h->at = at;
	assert_int_equal(
		digest_sha256(span_of(data + MAP_BEHIND_DIGEST, len - MAP_BEHIND_DIGEST),
			h->sha256),
		0);
	assert_int_equal(durable_write(path, span_of(data, len), 0600), 0);
}

/* Use everything that a map has. */
static void use(const struct trust_map *m, struct span octets)
{
	const struct trust_snapshot s = { .octets = octets, .map = m };
	struct pki_material *material = pki_material_new();
	struct snapshot_service service;

	for (size_t i = 0; i < trust_snapshot_services(&s); i++) {
		trust_snapshot_service(&s, i, &service);
		assert_true(strlen(service.name) + strlen(service.type) < octets.len);
	}
	(void)ask(&s, ca.cert, AT);
	(void)ask(&s, other.cert, AT);
	(void)trust_snapshot_anchors(&s, material);
	pki_material_free(material);
}

/* With a digest that is right: whatever a number says, nothing beyond the file is read
 * (AddressSanitizer looks on, the octets end where their memory ends). */
static void test_hostile(void **state)
{
	static const uint32_t VALUES[] = { 0xffffffff, 0x7fffffff, 0x80000000, 1, 0 };
	size_t len, refusals = 0, tables;
	_cleanup_(freep) uint8_t *data = file(&len);
	uint8_t *exact = malloc(len);
	struct map_header *h = (void *)exact;

	(void)state;
	memcpy(exact, data, len);
	tables = (size_t)h->parts[MAP_OCTETS].offset;
	for (size_t at = MAP_BEHIND_DIGEST; at + 4 <= tables; at += 4)
		for (size_t v = 0; v < sizeof(VALUES) / sizeof(VALUES[0]); v++) {
			struct trust_map m;
			const char *why;

			memcpy(exact + at, &VALUES[v], 4);
			digest_sha256(span_of(exact + MAP_BEHIND_DIGEST,
					      len - MAP_BEHIND_DIGEST),
				h->sha256);
			if (map_check(span_of(exact, len), &m, &why) == 0)
				use(&m, span_of(exact, len));
			else
				refusals++;
			memcpy(exact + at, data + at, 4);
		}
	free(exact);
	assert_true(refusals > 300);
}

/* A criterion that names itself or one above it would never end. */
static void test_circle(void **state)
{
	size_t len;
	_cleanup_(freep) uint8_t *data = file(&len);
	struct map_header *h = (void *)data;
	struct map_condition *c = (void *)(data + h->parts[MAP_CONDITIONS].offset);
	struct trust_map m;
	const char *why;
	size_t tried = 0;

	(void)state;
	for (size_t i = 0; i < h->parts[MAP_CONDITIONS].count; i++) {
		uint32_t a = c[i].a;

		if (c[i].kind != CONDITION_CRITERIA)
			continue;
		for (c[i].a = 0; c[i].a < h->parts[MAP_CRITERIA].count; c[i].a++) {
			digest_sha256(span_of(data + MAP_BEHIND_DIGEST,
					      len - MAP_BEHIND_DIGEST),
				h->sha256);
			if (c[i].a != a)
				assert_int_equal(
					map_check(span_of(data, len), &m, &why), -EINVAL);
			tried++;
		}
		c[i].a = a;
	}
	assert_true(tried > 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_found),
		cmocka_unit_test(test_explained), cmocka_unit_test(test_known_at),
		cmocka_unit_test(test_names), cmocka_unit_test(test_not_whole),
		cmocka_unit_test(test_another_time), cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_circle) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
