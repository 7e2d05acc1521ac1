/* SPDX-License-Identifier: EUPL-1.2 */
/* The PIN in several hands: any k open it, fewer and others do not. */
#include "fixture.h"

#include "common/encode.h"
#include "pkcs11/custody.h"

#define PIN "1234567890"

static const char *const NAMES[] = { "ana", "bert", "cleo", "dirk" };
static const char *const PASSPHRASES[] = { "first long phrase", "second long phrase",
	"third long phrase", "fourth long phrase" };

/* Three people, any two of whom open it; made once, it costs time on purpose. */
static struct custody *two_of_three(void)
{
	static struct custody c;

	if (!c.count)
		assert_int_equal(custody_make(2, 3, NAMES, PASSPHRASES, PIN, &c), 0);
	return &c;
}

static int open_with(const struct custody *c, unsigned int people,
	const char *const *passphrases, char pin[PIN_SIZE])
{
	uint8_t shares[CUSTODY_PEOPLE_MAX][CUSTODY_SHARE_SIZE] = { 0 };

	for (size_t i = 0; i < c->count; i++)
		if (people & 1u << i)
			assert_int_equal(
				custody_share(c, i, passphrases[i], shares[i]), 0);
	return custody_open(c, people, shares, pin);
}

static void any_two_open_it(void **state)
{
	const struct custody *c = two_of_three();

	(void)state;
	assert_int_equal(c->set_count, 3);
	for (unsigned int people = 0; people < 8; people++) {
		char pin[PIN_SIZE] = "";
		int r = open_with(c, people, PASSPHRASES, pin);

		assert_int_equal(r, __builtin_popcount(people) == 2 ? 0 : -EINVAL);
		assert_string_equal(pin, r == 0 ? PIN : "");
	}
}

static void one_wrong_passphrase_opens_nothing(void **state)
{
	static const char *const WRONG[] = { "first long phrase", "second long phrasE",
		"third long phrase" };
	char pin[PIN_SIZE] = "";

	(void)state;
	assert_int_equal(open_with(two_of_three(), 3, WRONG, pin), -EKEYREJECTED);
	assert_int_equal(open_with(two_of_three(), 6, WRONG, pin), -EKEYREJECTED);
	assert_int_equal(open_with(two_of_three(), 5, WRONG, pin), 0);
}

static void one_person_twice_opens_nothing(void **state)
{
	uint8_t shares[CUSTODY_PEOPLE_MAX][CUSTODY_SHARE_SIZE] = { 0 };
	const struct custody *c = two_of_three();
	char pin[PIN_SIZE] = "";

	(void)state;
	assert_int_equal(custody_share(c, 0, PASSPHRASES[0], shares[0]), 0);
	memcpy(shares[1], shares[0], sizeof(shares[0]));
	assert_int_equal(custody_open(c, 3, shares, pin), -EKEYREJECTED);
}

static void who_it_is_closed_for_is_bound(void **state)
{
	struct custody c = *two_of_three();
	char pin[PIN_SIZE] = "";

	(void)state;
	memcpy(c.people[0].name, "eva", 4);
	assert_int_equal(open_with(&c, 3, PASSPHRASES, pin), -EKEYREJECTED);
	c = *two_of_three();
	for (size_t i = 0; i < VAULT_SIZE; i++) {
		c.sets[0].closed[i] ^= 1;
		if (i % 16 == 0)
			assert_int_equal(
				open_with(&c, 3, PASSPHRASES, pin), -EKEYREJECTED);
		c.sets[0].closed[i] ^= 1;
	}
}

static void bad_ones_are_not_made(void **state)
{
	static const char *const TWICE[] = { "ana", "ana" }, *const ODD[] = { "a",
		"b c" };
	static const char *const SHORT[] = { "first long phrase", "short" };
	struct custody c;

	(void)state;
	assert_int_equal(custody_make(1, 3, NAMES, PASSPHRASES, PIN, &c), -EINVAL);
	assert_int_equal(custody_make(3, 2, NAMES, PASSPHRASES, PIN, &c), -EINVAL);
	assert_int_equal(custody_make(2, 9, NAMES, PASSPHRASES, PIN, &c), -EINVAL);
	assert_int_equal(custody_make(2, 2, TWICE, PASSPHRASES, PIN, &c), -EINVAL);
	assert_int_equal(custody_make(2, 2, ODD, PASSPHRASES, PIN, &c), -EINVAL);
	assert_int_equal(custody_make(2, 2, NAMES, SHORT, PIN, &c), -EINVAL);
}

static void the_file_comes_back_and_holds_no_secret(void **state)
{
	char dir[] = "/tmp/sealgate-unit-XXXXXX", path[PATH_MAX], pin[PIN_SIZE] = "";
	char digits[2 * sizeof(PIN)];
	_cleanup_(freep) uint8_t *text = NULL;
	struct custody c;
	size_t len;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/custody.json", dir);
	assert_int_equal(custody_write(two_of_three(), path), 0);
	assert_int_equal(custody_read(path, &c), 0);
	assert_int_equal(open_with(&c, 6, PASSPHRASES, pin), 0);
	assert_string_equal(pin, PIN);
	assert_int_equal(file_read(path, 65536, &text, &len), 0);
	hex_encode((const uint8_t *)PIN, strlen(PIN), digits);
	assert_null(strstr((char *)text, PIN));
	assert_null(strstr((char *)text, digits));
	assert_null(strstr((char *)text, "phrase"));
	put(dir, "custody.json", "{\"version\":1,\"threshold\":1}");
	assert_int_equal(custody_read(path, &c), -EINVAL);
	put(dir, "custody.json",
		"{\"version\":1,\"threshold\":2,\"people\":[],\"sets\":[]}");
	assert_int_equal(custody_read(path, &c), -EINVAL);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* A file in which one set of people is missing, or there twice, is none. */
static void every_set_or_none(void **state)
{
	static struct fixture f;
	struct custody c = *two_of_three(), read;
	char path[PATH_MAX];

	(void)state;
	fixture_new(&f, CONF_STANDARD, ROLES_STANDARD);
	assert_int_equal(instance_path(&f.instance, CUSTODY_FILE, path), 0);
	assert_int_equal(custody_write(&c, path), 0);
	assert_int_equal(custody_read(path, &read), 0);
	c.set_count--;
	assert_int_equal(custody_write(&c, path), 0);
	assert_int_equal(custody_read(path, &read), -EINVAL);
	c.sets[c.set_count++] = c.sets[0];
	assert_int_equal(custody_write(&c, path), 0);
	assert_int_equal(custody_read(path, &read), -EINVAL);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_two_open_it),
		cmocka_unit_test(one_wrong_passphrase_opens_nothing),
		cmocka_unit_test(one_person_twice_opens_nothing),
		cmocka_unit_test(who_it_is_closed_for_is_bound),
		cmocka_unit_test(bad_ones_are_not_made),
		cmocka_unit_test(the_file_comes_back_and_holds_no_secret),
		cmocka_unit_test(every_set_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
