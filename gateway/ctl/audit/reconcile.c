/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/audit/reconcile.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/encode.h"
#include "common/json.h"
#include "common/limits.h"
#include "queue/audit.h"
#include "queue/protocol.h"

#include <errno.h>
#include <string.h>

#define LINE_MAX_OCTETS 1024
#define ALARMS_SHOWN 1000
#define FIRST_SLOTS 1024u
#define LOST_PARTS_MAX 64   /* bits of entry.lost_parts */
#define INSIDE_AN_ATTEMPT 2 /* beside its signatures, and over one of them */
#define RECEIPT_AHEAD_S 60  /* a receipt is signed before its document is recorded */

/* What is known of one document. */
struct entry {
	char id[DOCUMENT_ID_SIZE]; /* "": a free slot */
	bool known, accepted;
	unsigned int sealed;
	json_int_t attempts;		/* to seal it, as the ledger has them */
	unsigned int seals, receipts;	/* signatures as the signer counted them */
	unsigned int inside;		/* those of seals in the document itself */
	int64_t accepted_at, sealed_at; /* seconds */
	/* While what is lost was written: signatures, and in which parts, as bits. */
	unsigned int lost, lost_inside, lost_receipts;
	uint64_t lost_parts;
};

/* The records from a position on were made at a time, up to the next of these. */
struct moment {
	int64_t position;
	char at[CLOCK_TEXT_SIZE];
};

/* From the last record that the chain has in common with the lost one, which the note of
 * it names, to that note (RFC 3339). */
struct lost_part {
	char from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE];
	char receipts_from[CLOCK_TEXT_SIZE];
};

struct reconcile {
	struct entry *slots; /* a power of two; at most half are taken */
	size_t slot_count, taken;
	json_t *alarms;
	size_t alarm_count;
	unsigned long long seals, inside, callbacks, counted;
	struct moment *moments; /* of the ledger's records so far */
	size_t moment_count, moment_room;
	struct lost_part lost[LOST_PARTS_MAX];
	size_t lost_count;
	json_t *lost_documents;
	bool excused; /* something by what is lost */
};

struct reconcile *reconcile_new(void)
{
	struct reconcile *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->slots = calloc(FIRST_SLOTS, sizeof(*r->slots));
	r->slot_count = FIRST_SLOTS;
	r->alarms = json_array();
	r->lost_documents = json_array();
	if (r->slots && r->alarms && r->lost_documents)
		return r;
	reconcile_free(r);
	return NULL;
}

void reconcile_free(struct reconcile *r)
{
	if (!r)
		return;
	free(r->slots);
	free(r->moments);
	json_decref(r->alarms);
	json_decref(r->lost_documents);
	free(r);
}

/* FNV-1a; identifiers are made here, so nobody chooses where they fall. */
static size_t slot_of(const char *id, size_t count)
{
	uint64_t h = 14695981039346656037u;

	for (; *id; id++)
		h = (h ^ (uint8_t)*id) * 1099511628211u;
	return (size_t)(h ^ h >> 32) & (count - 1);
}

static struct entry *place(struct entry *slots, size_t count, const char *id)
{
	size_t i = slot_of(id, count);

	while (slots[i].id[0] && strcmp(slots[i].id, id) != 0)
		i = (i + 1) & (count - 1);
	return &slots[i];
}

static int grow(struct reconcile *r)
{
	size_t count = r->slot_count * 2;
	struct entry *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < r->slot_count; i++)
		if (r->slots[i].id[0])
			*place(slots, count, r->slots[i].id) = r->slots[i];
	free(r->slots);
	r->slots = slots;
	r->slot_count = count;
	return 0;
}

/* The entry of a document, made when there is none; NULL: no memory, or no id. */
static struct entry *entry_of(struct reconcile *r, const char *id)
{
	struct entry *e;

	if (!id[0] || strlen(id) >= DOCUMENT_ID_SIZE)
		return NULL;
	if (2 * r->taken >= r->slot_count && grow(r) < 0)
		return NULL;
	e = place(r->slots, r->slot_count, id);
	if (!e->id[0]) {
		memcpy(e->id, id, strlen(id) + 1);
		r->taken++;
	}
	return e;
}

static int raise_alarm(
	struct reconcile *r, const char *code, const char *document, const char *what)
{
	r->alarm_count++;
	if (json_array_size(r->alarms) >= ALARMS_SHOWN)
		return 0;
	return json_array_append_new(
		       r->alarms, json_pack("{s:s, s:s, s:s}", "code", code, "document",
					  document, "what", what)) < 0
		       ? -ENOMEM
		       : 0;
}

/* The ledger ------------------------------------------------------------------------- */

static void note_event(
	struct entry *e, const char *event, const json_t *detail, const char *at)
{
	const char *state = json_string_of(detail, "state");
	json_int_t attempt = json_integer_value(json_object_get(detail, "attempt"));
	bool accepted = strcmp(event, "document.accepted") == 0 ||
			(strcmp(event, "document.judged") == 0 && state &&
				strcmp(state, "accepted") == 0);

	e->known = true;
	if (accepted && !e->accepted)
		(void)clock_parse(at, &e->accepted_at);
	e->accepted |= accepted;
	if (strcmp(event, "document.sealed") == 0 && e->sealed++ == 0)
		(void)clock_parse(at, &e->sealed_at);
	if (attempt > e->attempts)
		e->attempts = attempt;
}

static int note_moment(struct reconcile *r, int64_t position, const char *at)
{
	struct moment *m;

	if (r->moment_count && strcmp(r->moments[r->moment_count - 1].at, at) == 0)
		return 0;
	if (!r->moments || r->moment_count == r->moment_room) {
		size_t room = r->moment_room ? 2 * r->moment_room : 1024;

		m = realloc(r->moments, room * sizeof(*m));
		if (!m)
			return -ENOMEM;
		r->moments = m;
		r->moment_room = room;
	}
	m = &r->moments[r->moment_count++];
	m->position = position;
	(void)snprintf(m->at, sizeof(m->at), "%s", at);
	return 0;
}

/* When a record was made; "" before the first that is known. */
static const char *moment_of(const struct reconcile *r, int64_t position)
{
	size_t low = 0, high = r->moment_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->moments[middle].position <= position)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? r->moments[low - 1].at : "";
}

/* The record before the note, where the note names none of those before it: it may have
 * been made long after the loss. */
static int64_t named_by(const json_t *detail, int64_t note)
{
	static const char *const NAMES[] = { "from", "end" };
	const char *mark = json_string_of(detail, "mark");
	int64_t position = mark ? strtoll(mark, NULL, 10) : 0;

	for (size_t i = 0; position <= 0 && i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		position = json_integer_value(json_object_get(detail, NAMES[i]));
	return position > 0 && position < note ? position : note - 1;
}

/* Where the chain was set back, a part of it is missing before this record: the signer
 * counted what that part accepted. */
static void note_part(struct reconcile *r, const char *event, const json_t *detail,
	int64_t position, const char *at)
{
	struct lost_part *p = &r->lost[r->lost_count];
	int64_t from;

	if ((strcmp(event, "queued.restored") != 0 &&
		    strcmp(event, "queued.set-back") != 0) ||
		r->lost_count == LOST_PARTS_MAX)
		return;
	(void)snprintf(
		p->from, sizeof(p->from), "%s", moment_of(r, named_by(detail, position)));
	memcpy(p->receipts_from, p->from, sizeof(p->receipts_from));
	if (clock_parse(p->from, &from) == 0)
		clock_format(from - RECEIPT_AHEAD_S, p->receipts_from);
	(void)snprintf(p->to, sizeof(p->to), "%s", at);
	r->lost_count++;
}

int reconcile_audit(struct reconcile *r, struct span line)
{
	_cleanup_json_ json_t *record = NULL;
	const char *document, *event, *at;
	const json_t *detail;
	struct audit_line l;
	struct entry *e;

	if (audit_line_read(line, &l) < 0)
		return -EINVAL;
	record = json_read(l.record, QUEUE_RECORD_READ_MAX);
	document = json_string_of(record, "document");
	event = json_string_of(record, "event");
	at = json_string_of(record, "at");
	detail = json_object_get(record, "detail");
	if (!event || !at)
		return -EINVAL;
	note_part(r, event, detail, l.position, at);
	if (note_moment(r, l.position, at) < 0)
		return -ENOMEM;
	if (!document)
		return 0;
	e = entry_of(r, document);
	if (!e)
		return -ENOMEM;
	note_event(e, event, detail, at);
	return 0;
}

/* The count ------------------------------------------------------------------------- */

/* POSITION ROLE DIGEST DOCUMENT COUNT TIME CHAIN, and where CHAIN begins. */
struct counted {
	char role[32], document[32], time[CLOCK_TEXT_SIZE], chain[SHA256_TEXT_SIZE];
	unsigned long long position;
	size_t before_chain;
};

static bool read_counted(const char *line, struct counted *ret)
{
	const char *last = strrchr(line, ' ');
	char *rest;

	errno = 0;
	ret->position = strtoull(line, &rest, 10);
	if (errno || rest == line || !last ||
		sscanf(rest, " %31s %*s %31s %*s %20s %64s", ret->role, ret->document,
			ret->time, ret->chain) != 4)
		return false;
	ret->before_chain = (size_t)(last - line);
	return strcmp(last + 1, ret->chain) == 0;
}

/* CHAIN is the SHA-256 of the one before and the text before it. */
static bool follows(const char *line, const struct counted *c, uint8_t chain[SHA256_SIZE])
{
	uint8_t text[SHA256_SIZE + LINE_MAX_OCTETS], want[SHA256_SIZE];

	if (c->before_chain > LINE_MAX_OCTETS || hex_decode(c->chain, want, 32) < 0)
		return false;
	memcpy(text, chain, SHA256_SIZE);
	memcpy(text + SHA256_SIZE, line, c->before_chain);
	if (digest_sha256(span_of(text, SHA256_SIZE + c->before_chain), chain) < 0)
		return false;
	return memcmp(chain, want, SHA256_SIZE) == 0;
}

/* Requests for certificates and call-backs are signed, too. */
static bool of_no_document(const struct counted *c)
{
	return strcmp(c->document, "csr") == 0 || strcmp(c->role, "callback") == 0;
}

static int note_signature(struct reconcile *r, const struct counted *c)
{
	bool seal = strcmp(c->role, "seal") == 0;
	bool inside = strcmp(c->role, "seal-inside") == 0;
	struct entry *e;

	r->callbacks += strcmp(c->role, "callback") == 0;
	if (of_no_document(c))
		return 0;
	e = entry_of(r, c->document);
	if (!e)
		return -ENOMEM;
	r->seals += seal;
	r->inside += inside;
	e->seals += seal;
	e->inside += inside;
	e->receipts += strcmp(c->role, "receipt") == 0;
	return 0;
}

int reconcile_count(struct reconcile *r, FILE *count)
{
	uint8_t chain[SHA256_SIZE] = { 0 };
	char line[LINE_MAX_OCTETS + 2];
	unsigned long long position = 0;
	int e = 0;

	while (e == 0 && fgets(line, sizeof(line), count)) {
		size_t len = strlen(line);
		struct counted c;

		if (len && line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (!read_counted(line, &c) || c.position != ++position ||
			!follows(line, &c, chain))
			return raise_alarm(r, "count.broken", "",
				"The signer's count does not follow from its beginning.");
		e = note_signature(r, &c);
		r->counted = position;
	}
	return e == 0 && ferror(count) ? -EIO : e;
}

/* Was it to be sealed then? Of what is not known nobody knows. */
static bool open_at(const struct entry *e, const char *time)
{
	int64_t at;

	if (!e->known)
		return true;
	return clock_parse(time, &at) == 0 && e->accepted && e->accepted_at <= at &&
	       !(e->sealed && e->sealed_at <= at);
}

static void note_lost(const struct reconcile *r, struct entry *e, const struct counted *c)
{
	bool receipt = strcmp(c->role, "receipt") == 0;
	bool seal = strcmp(c->role, "seal") == 0;
	bool inside = strcmp(c->role, "seal-inside") == 0;

	for (size_t i = 0; i < r->lost_count; i++) {
		const struct lost_part *p = &r->lost[i];

		if (strcmp(c->time, receipt ? p->receipts_from : p->from) < 0 ||
			strcmp(c->time, p->to) > 0 || !open_at(e, c->time))
			continue;
		e->lost_receipts += receipt;
		e->lost += seal;
		e->lost_inside += inside;
		if (seal || inside)
			e->lost_parts |= UINT64_C(1) << i;
		return;
	}
}

int reconcile_lost(struct reconcile *r, FILE *count)
{
	char line[LINE_MAX_OCTETS + 2];

	for (unsigned long long n = 0;
		r->lost_count && n < r->counted && fgets(line, sizeof(line), count);
		n++) {
		struct counted c;
		struct entry *e;

		line[strcspn(line, "\n")] = '\0';
		if (!read_counted(line, &c) || of_no_document(&c))
			continue;
		e = entry_of(r, c.document);
		if (!e)
			return -ENOMEM;
		note_lost(r, e, &c);
	}
	return ferror(count) ? -EIO : 0;
}

/* Comparing -------------------------------------------------------------------------- */

/* Acknowledged and sealed in what is lost. Without a receipt, which intake has signed and
 * the seal process cannot, nobody accepted it there either. */
static bool accepted_in_lost(const struct entry *e)
{
	return !e->known && e->lost_receipts && e->lost >= e->seals &&
	       e->lost_inside >= e->inside;
}

static int excuse(struct reconcile *r, const struct entry *e)
{
	r->excused = true;
	return e->known || json_array_size(r->lost_documents) >= ALARMS_SHOWN ||
			       json_array_append_new(
				       r->lost_documents, json_string(e->id)) == 0
		       ? 0
		       : -ENOMEM;
}

static int compare(struct reconcile *r, const struct entry *e)
{
	/* An attempt may be under way, but not after the seal. */
	json_int_t known = e->attempts + (e->known && !e->sealed ? 1 : 0);
	/* What is lost has one attempt, or did not note why there were more. */
	json_int_t explained = known + __builtin_popcountll(e->lost_parts);

	if ((e->seals || e->inside) && !e->accepted && !accepted_in_lost(e))
		return raise_alarm(r, "seal.unknown", e->id,
			"A seal was signed for what the ledger never accepted.");
	if (e->sealed > 1)
		return raise_alarm(
			r, "seal.twice", e->id, "The document was sealed twice.");
	if (e->sealed && !e->seals)
		return raise_alarm(r, "seal.not-counted", e->id,
			"The document is sealed and the signer counted no signature.");
	if (e->seals > explained || e->inside > explained * INSIDE_AN_ATTEMPT)
		return raise_alarm(r, "seal.unexplained", e->id,
			"More seals were signed for the document than the ledger knows "
			"attempts.");
	return e->seals > known || e->inside > known * INSIDE_AN_ATTEMPT ? excuse(r, e)
									 : 0;
}

int reconcile_print(struct reconcile *r, FILE *out)
{
	unsigned long long sealed = 0, lonely = 0;
	_cleanup_json_ json_t *all = NULL;
	_cleanup_(freep) char *text = NULL;

	for (size_t i = 0; i < r->slot_count; i++) {
		const struct entry *e = &r->slots[i];

		if (!e->id[0])
			continue;
		sealed += e->sealed > 0;
		lonely += e->receipts && !e->known;
		if (compare(r, e) < 0)
			return -ENOMEM;
	}
	/* A receipt is signed before its transaction, which may not come to be. */
	all = json_pack("{s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:O, s:O}", "ok",
		r->alarm_count == 0, "lost", r->excused, "sealed", (json_int_t)sealed,
		"seal_signatures", (json_int_t)r->seals, "inside_signatures",
		(json_int_t)r->inside, "receipts_never_committed", (json_int_t)lonely,
		"callback_signatures", (json_int_t)r->callbacks, "alarms_in_all",
		(json_int_t)r->alarm_count, "alarms", r->alarms, "of_lost_parts",
		r->lost_documents);
	text = all ? json_dumps(all, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
	if (!text)
		return -ENOMEM;
	fprintf(out, "%s\n", text);
	return r->alarm_count == 0;
}
