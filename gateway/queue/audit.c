/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/audit.h"

#include "common/encode.h"
#include "common/json.h"
#include "common/json_plain.h"

#include <errno.h>
#include <string.h>

#define RECORD_MAX (64u * 1024)
#define POSITION_DIGITS_MAX 18

int audit_chain(const uint8_t before[SHA256_SIZE], struct span record,
	uint8_t ret_chain[SHA256_SIZE])
{
	uint8_t both[2 * SHA256_SIZE];
	int r;

	memcpy(both, before, SHA256_SIZE);
	r = digest_sha256(record, both + SHA256_SIZE);
	return r < 0 ? r : digest_sha256(span_of(both, sizeof(both)), ret_chain);
}

/* What a record has to say of itself, in the order of the enumeration. */
enum { RECORD_ACTOR, RECORD_AT, RECORD_DOCUMENT, RECORD_EVENT, RECORD_MEMBERS };
static const char *const MEMBERS[] = { "actor", "at", "document", "event" };

bool audit_record_ok(struct span record, const char *document_id)
{
	struct span found[RECORD_MEMBERS];

	if (record.len > RECORD_MAX ||
		!json_plain_canonical(record, MEMBERS, RECORD_MEMBERS, found))
		return audit_record_ok_slowly(record, document_id);
	if (!found[RECORD_ACTOR].data || !found[RECORD_AT].data ||
		!found[RECORD_EVENT].data)
		return false;
	return !document_id ||
	       (found[RECORD_DOCUMENT].data &&
		       span_equal(found[RECORD_DOCUMENT], span_str(document_id)));
}

bool audit_record_ok_slowly(struct span record, const char *document_id)
{
	_cleanup_json_ json_t *value = json_read(record, RECORD_MAX);
	_cleanup_(freep) char *text = value ? json_canonical(value) : NULL;
	const char *document = value ? json_string_of(value, "document") : NULL;

	if (!text || !json_is_object(value) || !span_equal(span_str(text), record))
		return false;
	if (!json_string_of(value, "at") || !json_string_of(value, "actor") ||
		!json_string_of(value, "event"))
		return false;
	return !document_id || (document && strcmp(document, document_id) == 0);
}

static bool skip(struct span *s, const char *text)
{
	size_t n = strlen(text);

	if (s->len < n || memcmp(s->data, text, n) != 0)
		return false;
	s->data += n;
	s->len -= n;
	return true;
}

/* A positive number without leading zero. */
static bool number(struct span *s, int64_t *ret_value)
{
	int64_t value = 0;
	size_t n = 0;

	while (n < s->len && n < POSITION_DIGITS_MAX && s->data[n] >= '0' &&
		s->data[n] <= '9')
		value = value * 10 + (s->data[n++] - '0');
	if (n == 0 || s->data[0] == '0')
		return false;
	s->data += n;
	s->len -= n;
	*ret_value = value;
	return true;
}

/* Lower-case only: one text for one value, so that any changed octet shows. */
static bool hash(struct span *s, uint8_t ret_hash[SHA256_SIZE])
{
	char text[SHA256_TEXT_SIZE] = { 0 };

	if (s->len < SHA256_TEXT_SIZE - 1)
		return false;
	memcpy(text, s->data, SHA256_TEXT_SIZE - 1);
	if (strspn(text, "0123456789abcdef") != SHA256_TEXT_SIZE - 1 ||
		hex_decode(text, ret_hash, SHA256_SIZE) < 0)
		return false;
	s->data += SHA256_TEXT_SIZE - 1;
	s->len -= SHA256_TEXT_SIZE - 1;
	return true;
}

int audit_line_read(struct span line, struct audit_line *ret_line)
{
	struct audit_line l;
	size_t end = strlen(AUDIT_LINE_END);

	if (!skip(&line, "{\"position\":") || !number(&line, &l.position) ||
		!skip(&line, ",\"chain\":\"") || !hash(&line, l.chain) ||
		!skip(&line, "\",\"record\":") || line.len <= end ||
		memcmp(line.data + line.len - end, AUDIT_LINE_END, end) != 0)
		return -EINVAL;
	l.record = span_of(line.data, line.len - end);
	*ret_line = l;
	return 0;
}

int audit_check_line(struct audit_check *c, struct span line)
{
	struct audit_line l;
	uint8_t chain[SHA256_SIZE];

	if (audit_line_read(line, &l) < 0)
		return AUDIT_MALFORMED;
	if (l.position <= c->position)
		return AUDIT_REORDERED;
	if (l.position != c->position + 1)
		return AUDIT_REMOVED;
	if (audit_chain(c->chain, l.record, chain) < 0)
		return -EIO;
	if (memcmp(chain, l.chain, SHA256_SIZE) != 0)
		return AUDIT_CHANGED;
	if (l.position == c->head_position &&
		memcmp(chain, c->head_chain, SHA256_SIZE) != 0)
		return AUDIT_REWRITTEN;
	c->position = l.position;
	memcpy(c->chain, chain, SHA256_SIZE);
	return AUDIT_INTACT;
}

int audit_check_end(const struct audit_check *c)
{
	return c->position < c->head_position ? AUDIT_TRUNCATED : AUDIT_INTACT;
}

const char *audit_fault_text(enum audit_fault fault)
{
	static const char *const TEXTS[] = {
		[AUDIT_INTACT] = "intact",
		[AUDIT_MALFORMED] = "malformed",
		[AUDIT_REMOVED] = "removed",
		[AUDIT_REORDERED] = "reordered",
		[AUDIT_CHANGED] = "changed",
		[AUDIT_TRUNCATED] = "truncated",
		[AUDIT_REWRITTEN] = "rewritten",
	};

	return (size_t)fault < sizeof(TEXTS) / sizeof(TEXTS[0]) ? TEXTS[fault]
								: "unknown";
}

int audit_head_read(
	struct span text, int64_t *ret_position, uint8_t ret_chain[SHA256_SIZE])
{
	uint8_t chain[SHA256_SIZE];
	int64_t position;

	if (text.len && text.data[text.len - 1] == '\n')
		text.len--;
	if (!number(&text, &position) || !skip(&text, ":") || !hash(&text, chain) ||
		text.len)
		return -EINVAL;
	*ret_position = position;
	memcpy(ret_chain, chain, SHA256_SIZE);
	return 0;
}
