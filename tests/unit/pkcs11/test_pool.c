/* SPDX-License-Identifier: EUPL-1.2 */
/* Tokens that are used at the same time: copies of the first one's keys share its work,
 * the others take it over, and a token with other keys is never used. */
#include "fixture.h"
#include "hooks.h"

#include <dirent.h>

#define CONF(more)                                                                       \
	"instance = { name = \"unit\"; test = true; };\n"                                \
	"signer = { softhsm_conf = \"state/signer/softhsm2.conf\"; threads = 3; " more   \
	" };\n"
#define SIGNATURES 24

/* The folder of the only token, or of the one that is not `other`. */
static void token_folder(
	const struct fixture *f, const char *other, char ret[NAME_MAX + 1])
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/state/signer/tokens", f->dir);
	d = opendir(path);
	assert_non_null(d);
	ret[0] = '\0';
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && strcmp(e->d_name, other) != 0)
			memcpy(ret, e->d_name, strlen(e->d_name) + 1);
	closedir(d);
	assert_true(*ret);
}

static void replace(uint8_t *data, size_t len, const char *old, const char *new)
{
	uint8_t *at = memmem(data, len, old, strlen(old));

	assert_non_null(at);
	memcpy(at, new, strlen(new));
}

/* As a device's own tools copy a token: everything but its label and its serial number,
 * which SoftHSM makes of the end of the folder's name. */
static void copy_token(
	const struct fixture *f, const char *from, const char *to, const char *label)
{
	char path[PATH_MAX], old[17], new[17];
	struct dirent *e;
	DIR *d;

	snprintf(old, sizeof(old), "%.4s%s", from + 19, from + 24);
	snprintf(new, sizeof(new), "%.4s%s", to + 19, to + 24);
	snprintf(path, sizeof(path), "%s/state/signer/tokens/%s", f->dir, to);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/state/signer/tokens/%s", f->dir, from);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d))) {
		_cleanup_(freep) uint8_t *data = NULL;
		size_t len;

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/state/signer/tokens/%s/%s", f->dir, from,
			e->d_name);
		assert_int_equal(file_read(path, 1 << 20, &data, &len), 0);
		if (strcmp(e->d_name, "token.object") == 0) {
			replace(data, len, "sealgate", label);
			replace(data, len, old, new);
		}
		snprintf(path, sizeof(path), "%s/state/signer/tokens/%s/%s", f->dir, to,
			e->d_name);
		assert_int_equal(durable_write(path, span_of(data, len), 0600), 0);
	}
	closedir(d);
}

#define SECOND "11111111-2222-3333-4444-555555555555"

/* Two tokens with the same keys, and one with others. */
static struct fixture *three_tokens(char first[NAME_MAX + 1])
{
	struct fixture *f = made(CONF(""), ROLES_STANDARD);

	token_folder(f, "", first);
	fixture_configure(f, CONF("token = \"alien\";"), ROLES_STANDARD);
	fixture_init(f);
	copy_token(f, first, SECOND, "pooled  ");
	return f;
}

static struct token_view view_of(const struct fixture *f)
{
	struct token_view view;

	token_view(f->token, &view);
	return view;
}

static void both_are_used(void **state)
{
	char first[NAME_MAX + 1];
	struct fixture *f = three_tokens(first);
	struct token_lease lease[6];
	CK_SESSION_INFO info;
	CK_SLOT_ID slots[2];
	struct signer_result r;

	(void)state;
	fixture_configure(f, CONF("pool = \"pooled\";"), ROLES_STANDARD);
	assert_int_equal(fixture_start(f), TOKEN_READY);
	assert_int_equal(view_of(f).tokens, 2);
	assert_false(view_of(f).incomplete);
	/* However few are lent, each token has its part; all sign the same. */
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(token_lend(f->token, 0, 100, &lease[i]), 0);
		assert_int_equal(
			lease[i].f->C_GetSessionInfo(lease[i].session, &info), CKR_OK);
		if (i < 2)
			slots[i] = info.slotID;
		else
			assert_int_equal(info.slotID, slots[i % 2]);
	}
	assert_true(slots[0] != slots[1]);
	for (size_t i = 0; i < 6; i++)
		assert_false(token_return(f->token, &lease[i], CKR_OK));
	for (int i = 0; i < SIGNATURES; i++)
		assert_int_equal(sign(f, "seal", &r), SIGNER_SIGNED);
	fixture_done(f);
}

static void one_takes_over(void **state)
{
	char first[NAME_MAX + 1], from[PATH_MAX];
	struct fixture *f = three_tokens(first);
	struct signer_result r;

	(void)state;
	fixture_configure(f, CONF("pool = \"pooled\";"), ROLES_STANDARD);
	assert_int_equal(fixture_start(f), TOKEN_READY);
	snprintf(from, sizeof(from), "tokens/%s", first);
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "tokens/" SECOND : from;

		move_tokens(f, name, "away");
		assert_int_equal(token_open(f->token), TOKEN_READY);
		assert_int_equal(view_of(f).tokens, 1);
		assert_true(view_of(f).incomplete);
		assert_non_null(strstr(view_of(f).reason, i ? "pooled" : "sealgate"));
		assert_int_equal(sign(f, "seal", &r), SIGNER_SIGNED);
		move_tokens(f, "away", name);
		assert_int_equal(token_open(f->token), TOKEN_READY);
		assert_int_equal(view_of(f).tokens, 2);
	}
	fixture_done(f);
}

static void another_key_is_never_used(void **state)
{
	char first[NAME_MAX + 1], from[PATH_MAX];
	struct fixture *f = three_tokens(first);
	struct signer_result r;

	(void)state;
	fixture_configure(f, CONF("pool = \"alien, pooled, absent\";"), ROLES_STANDARD);
	assert_int_equal(fixture_start(f), TOKEN_READY);
	assert_int_equal(view_of(f).tokens, 2);
	assert_true(view_of(f).incomplete);
	assert_non_null(strstr(view_of(f).reason, "absent"));
	for (int i = 0; i < SIGNATURES; i++)
		assert_int_equal(sign(f, "seal", &r), SIGNER_SIGNED);
	fixture_configure(f, CONF("pool = \"alien\";"), ROLES_STANDARD);
	assert_int_equal(token_open(f->token), TOKEN_READY);
	assert_int_equal(view_of(f).tokens, 1);
	assert_non_null(
		strstr(view_of(f).reason, "the certificate is not that of the key"));
	/* Nor does it take the place of the first. */
	snprintf(from, sizeof(from), "tokens/%s", first);
	move_tokens(f, from, "away");
	assert_int_equal(token_open(f->token), TOKEN_AWAY);
	assert_int_equal(sign(f, "seal", &r), SIGNER_AWAY);
	move_tokens(f, "away", from);
	assert_int_equal(token_open(f->token), TOKEN_READY);
	fixture_done(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_are_used),
		cmocka_unit_test(one_takes_over),
		cmocka_unit_test(another_key_is_never_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
