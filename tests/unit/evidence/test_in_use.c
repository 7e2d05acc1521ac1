/* SPDX-License-Identifier: EUPL-1.2 */
/* How the certificates in use stand, of each role as whoever verifies would find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "evidence/in_use.h"
#include "other.h"

#include <errno.h>

static struct span der_of(X509 *x)
{
	unsigned char *der = NULL;
	int len = i2d_X509(x, &der);

	assert_true(len > 0);
	return span_of(der, (size_t)len);
}

static enum in_use_standing standing(
	X509 *x, const struct pki_material *m, int64_t at, const char *said)
{
	struct span der = der_of(x);
	struct in_use found = { 0 };

	assert_int_equal(in_use_judge(der, m, at, &found), 0);
	OPENSSL_free((void *)(uintptr_t)der.data);
	if (!strstr(found.reason, said))
		print_error("%s\n", found.reason);
	assert_non_null(strstr(found.reason, said));
	assert_int_equal(*found.reason == 0, found.standing == IN_USE_GOOD);
	return found.standing;
}

static void as_it_is_known_here(void **state)
{
	const struct house *h = &HOUSE_OF_TESTS;
	_cleanup_other_ struct other o = { 0 };
	X509 *tls;

	(void)state;
	other_open(&o, 20, SEAL_AS_USUAL, NOW);
	assert_int_equal(standing(h->receipt, MATERIAL, NOW, ""), IN_USE_GOOD);
	assert_int_equal(standing(h->seal, MATERIAL, NOW, ""), IN_USE_GOOD);
	assert_int_equal(
		standing(o.receipts, MATERIAL, NOW, "no path leads"), IN_USE_WANTING);
	assert_int_equal(standing(o.receipts, o.material, NOW, "no revocation data"),
		IN_USE_WANTING);
	publish(&o, NOW, NULL, 0);
	assert_int_equal(standing(o.receipts, o.material, NOW + 60, ""), IN_USE_GOOD);
	assert_int_equal(
		standing(o.receipts, o.material, NOW + 21 * DAY, "expired"), IN_USE_BAD);
	publish(&o, NOW + DAY, o.receipts, NOW + 3600);
	assert_int_equal(
		standing(o.receipts, o.material, NOW + DAY + 60, "revoked"), IN_USE_BAD);
	tls = house_certificate(NOW, h->receipt_key, "TLS", h->ca, h->ca_key,
		"critical,digitalSignature", "clientAuth");
	assert_int_equal(standing(tls, MATERIAL, NOW, "something else"), IN_USE_BAD);
	X509_free(tls);
	assert_int_equal(in_use_judge(span_str("none"), MATERIAL, NOW,
				 &(struct in_use){ .standing = IN_USE_BAD }),
		-EINVAL);
}

/* The signer: receipts by the other authority, seals and heads by the house's. */
struct asked {
	const struct other *o;
	int answer; /* of who knows nothing */
};

static int answer(void *context, const char *role, uint8_t **ret_der, size_t *ret_len)
{
	const struct asked *a = context;
	const struct house *h = &HOUSE_OF_TESTS;
	struct span der;

	if (a->answer < 0)
		return a->answer;
	if (strcmp(role, "seal-inside") == 0)
		return 0;
	der = der_of(strcmp(role, "seal") == 0 ? h->seal : a->o->receipts);
	*ret_der = malloc(der.len);
	assert_non_null(*ret_der);
	memcpy(*ret_der, der.data, der.len);
	*ret_len = der.len;
	OPENSSL_free((void *)(uintptr_t)der.data);
	return 1;
}

/* As many as that fail, and as many that are warned of. */
static void expect(const struct asked *a, const char *receipt, size_t fail, size_t warn)
{
	_cleanup_json_ json_t *report = in_use_report(answer, (void *)(uintptr_t)a,
				      a->o->material, NOW + DAY + 60),
			      *list = json_array();
	const json_t *one;
	size_t i, failing = 0;

	assert_int_equal(json_array_size(report), 3);
	json_array_foreach(report, i, one)
	{
		failing += in_use_fails(one);
		if (strcmp(json_string_of(one, "role"), "receipt") == 0)
			assert_string_equal(json_string_of(one, "standing"), receipt);
	}
	assert_int_equal(failing, fail);
	assert_int_equal(in_use_warn(list, report), 0);
	assert_int_equal(json_array_size(list), warn);
}

/* Of heads it is no failure where nobody here has the anchor. */
static void of_every_role(void **state)
{
	_cleanup_other_ struct other o = { 0 };
	struct asked a = { &o, 0 }, away = { &o, -ECONNREFUSED };
	_cleanup_json_ json_t *none = NULL;

	(void)state;
	other_open(&o, 20, SEAL_AS_USUAL, NOW);
	expect(&a, "wanting", 1, 2);
	publish(&o, NOW + DAY, NULL, 0);
	expect(&a, "good", 0, 0);
	publish(&o, NOW + DAY + 30, o.receipts, NOW);
	expect(&a, "bad", 2, 2);
	none = json_array();
	assert_null(in_use_report(answer, &away, o.material, NOW));
	assert_null(in_use_report(answer, &a, NULL, NOW));
	assert_int_equal(in_use_warn(none, NULL), 0);
	assert_int_equal(json_array_size(none), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_it_is_known_here),
		cmocka_unit_test(of_every_role),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
