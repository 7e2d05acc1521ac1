/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/count_check.h"

#include "common/clock.h"
#include "common/encode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIELDS 7

uint64_t count_state_of(const struct count_state *state, const char *role)
{
	for (size_t i = 0; i < state->role_count; i++)
		if (strcmp(state->roles[i].name, role) == 0)
			return state->roles[i].count;
	return 0;
}

static struct count_role *role_of(struct count_state *state, const char *role)
{
	for (size_t i = 0; i < state->role_count; i++)
		if (strcmp(state->roles[i].name, role) == 0)
			return &state->roles[i];
	if (state->role_count == COUNT_LOG_ROLES_MAX ||
		strlen(role) >= sizeof(state->roles[0].name))
		return NULL;
	snprintf(state->roles[state->role_count].name, sizeof(state->roles[0].name), "%s",
		role);
	return &state->roles[state->role_count++];
}

/* SHA-256 of the previous chain value and the text. */
static int chain_next(const uint8_t previous[SHA256_SIZE], const char *text, size_t len,
	uint8_t ret_chain[SHA256_SIZE])
{
	uint8_t data[SHA256_SIZE + COUNT_LINE_MAX];

	if (len > COUNT_LINE_MAX)
		return -EIO;
	memcpy(data, previous, SHA256_SIZE);
	memcpy(data + SHA256_SIZE, text, len);
	return digest_sha256(span_of(data, SHA256_SIZE + len), ret_chain);
}

int count_line_make(struct count_state *state, const struct count_entry *entry,
	int64_t now, char ret_line[COUNT_LINE_MAX])
{
	char digest[2 * SIGNER_DIGEST_MAX + 1], time[CLOCK_TEXT_SIZE];
	char hex[SHA256_TEXT_SIZE];
	struct count_role *role = role_of(state, entry->role);
	uint8_t chain[SHA256_SIZE];
	uint64_t made = role ? role->count : 0;
	int n;

	if (!role || entry->digest_len > SIGNER_DIGEST_MAX)
		return -ENOSPC;
	if (entry->total && entry->beside)
		made += count_state_of(state, entry->beside);
	if (entry->total &&
		(made >= entry->total || role->count >= entry->total - entry->reserved))
		return -EDQUOT;
	hex_encode(entry->digest, entry->digest_len, digest);
	clock_format(now, time);
	n = snprintf(ret_line, COUNT_LINE_MAX, "%" PRIu64 " %s %s %s %" PRIu64 " %s",
		state->position + 1, entry->role, digest, entry->document,
		role->count + 1, time);
	if (n < 0 || n + SHA256_TEXT_SIZE + 1 >= COUNT_LINE_MAX ||
		chain_next(state->chain, ret_line, (size_t)n, chain) < 0)
		return -EIO;
	hex_encode(chain, sizeof(chain), hex);
	n += snprintf(ret_line + n, (size_t)(COUNT_LINE_MAX - n), " %s\n", hex);
	state->position++;
	state->time = now;
	role->count++;
	memcpy(state->chain, chain, sizeof(chain));
	return n;
}

/* Cut text at its single spaces. Return: true when there are exactly FIELDS, none empty.
 */
static bool split(char *text, char *ret_fields[FIELDS])
{
	char *rest = text;

	for (size_t i = 0; i + 1 < FIELDS; i++) {
		ret_fields[i] = strsep(&rest, " ");
		if (!ret_fields[i] || !ret_fields[i][0])
			return false;
	}
	ret_fields[FIELDS - 1] = rest;
	return rest && rest[0];
}

static bool number_is(const char *text, uint64_t expected)
{
	char want[24];

	snprintf(want, sizeof(want), "%" PRIu64, expected);
	return strcmp(text, want) == 0;
}

/* Fields in the order of the line: position role digest document count time chain. */
static const char *check_fields(struct count_state *state, char *fields[FIELDS])
{
	uint8_t digest[SIGNER_DIGEST_MAX];
	size_t digits = strlen(fields[2]);
	struct count_role *role;

	if (!number_is(fields[0], state->position + 1))
		return "its position does not follow";
	if (digits > 2 * sizeof(digest) || hex_decode(fields[2], digest, digits / 2) < 0)
		return "its digest is not one";
	role = role_of(state, fields[1]);
	if (!role)
		return "it has one role too many";
	if (!number_is(fields[4], role->count + 1))
		return "the role's count does not follow";
	if (clock_parse(fields[5], &state->time) < 0)
		return "its time is not one";
	role->count++;
	return NULL;
}

const char *count_line_check(struct count_state *state, const char *line, size_t len)
{
	char copy[COUNT_LINE_MAX], *fields[FIELDS];
	uint8_t chain[SHA256_SIZE];
	char hex[SHA256_TEXT_SIZE];
	const char *wrong;

	if (len >= sizeof(copy) || memchr(line, '\0', len))
		return "it is not a line of a count log";
	memcpy(copy, line, len);
	copy[len] = '\0';
	if (!split(copy, fields))
		return "it is not a line of a count log";
	if (chain_next(state->chain, line, (size_t)(fields[6] - copy) - 1, chain) < 0)
		return "its chain value cannot be computed";
	hex_encode(chain, sizeof(chain), hex);
	if (strcmp(hex, fields[6]) != 0)
		return "its chain value is wrong: it or a line before was changed, "
		       "removed or moved";
	wrong = check_fields(state, fields);
	if (wrong)
		return wrong;
	state->position++;
	memcpy(state->chain, chain, sizeof(chain));
	return NULL;
}
