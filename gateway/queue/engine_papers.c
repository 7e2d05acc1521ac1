/* SPDX-License-Identifier: EUPL-1.2 */
/* Papers that were issued in an outage, and which document is the electronic one. */
#include "common/json.h"
#include "queue/backend.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* Where a text ends that is cut before the octet `next`: behind a whole character of
 * UTF-8 that is no space. */
static size_t end_of_cut(const char *text, size_t n, unsigned char next)
{
	bool within = (next & 0xC0) == 0x80;

	while (within && n > 0)
		within = ((unsigned char)text[--n] & 0xC0) == 0x80;
	while (n > 0 && text[n - 1] == ' ')
		n--;
	return n;
}

void paper_fold(const char *text, char ret_number[DOCUMENT_NUMBER_SIZE])
{
	size_t n = 0;
	bool gap = false;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (isspace(c)) {
			gap = n > 0;
			continue;
		}
		if (n + gap + 1 >= DOCUMENT_NUMBER_SIZE) {
			n = end_of_cut(ret_number, n, c);
			break;
		}
		if (gap)
			ret_number[n++] = ' ';
		gap = false;
		ret_number[n++] = (char)toupper(c);
	}
	ret_number[n] = '\0';
}

static int64_t lane(const struct queue_submission *s)
{
	return s->state == DOCUMENT_SANDBOX;
}

/* What a submission says of a paper: the number of the one that it names, else of that
 * which it takes over, or "". */
struct claimed_paper {
	const struct queue_submission *by;
	char number[DOCUMENT_NUMBER_SIZE];
};

/* What replaces another one and names no paper stands for that one's. besides: as below.
 * Return: 0 or negative. */
static int claim(struct engine *e, const struct queue_submission *s, int64_t besides,
	struct claimed_paper *ret_paper)
{
	_cleanup_statement_ struct row *row = NULL;
	int r;

	*ret_paper = (struct claimed_paper){ .by = s };
	memcpy(ret_paper->number, s->paper, sizeof(s->paper));
	if (s->paper[0] || s->relation != RELATION_REPLACES ||
		s->state == DOCUMENT_REFUSED)
		return 0;
	row = sql_bind(e, SQL_PAPER_INHERITED, "ttttii", s->original, s->type, s->country,
		s->partner, lane(s), besides);
	r = sql_step(e, row);
	if (r > 0)
		sql_text(row, 0, ret_paper->number, sizeof(ret_paper->number));
	return r < 0 ? r : 0;
}

/* Another document that is not at an end, is no withdrawal and not what this one replaces
 * or speaks of under the same number. besides: a document's key, or 0. */
static int find_rival(struct engine *e, const struct claimed_paper *p, int64_t besides,
	struct queue_document *ret_rival)
{
	const struct queue_submission *s = p->by;
	_cleanup_statement_ struct row *row = sql_bind(e, SQL_PAPER_RIVAL, "ttitttti",
		s->country, p->number, lane(s), s->type, s->number,
		s->relation == RELATION_REPLACES ? s->original : "", s->partner, besides);
	struct document_row d;
	int r = sql_step(e, row);

	if (r <= 0)
		return r < 0 ? r : QUEUE_NOT_FOUND;
	document_read(row, &d);
	*ret_rival = d.document;
	return QUEUE_DONE;
}

/* A withdrawal makes nothing electronic, and what is refused is nothing. */
static bool makes(const struct claimed_paper *p)
{
	return p->number[0] && p->by->relation != RELATION_WITHDRAWS &&
	       p->by->state != DOCUMENT_REFUSED;
}

int paper_find(struct engine *e, const struct queue_submission *s,
	struct queue_document *ret_first)
{
	struct claimed_paper p;
	int r = claim(e, s, 0, &p);

	if (r < 0)
		return r;
	return makes(&p) ? find_rival(e, &p, 0, ret_first) : QUEUE_NOT_FOUND;
}

/* Return: 1 it stands, 0 another appliance was first, negative. */
static int insert(
	struct engine *e, int64_t document, const struct claimed_paper *p, bool made)
{
	_cleanup_statement_ struct row *row = sql_bind(e, SQL_PAPER_INSERT, "ittii",
		(int64_t)document, p->by->country, p->number, lane(p->by), (int64_t)made);

	return sql_step(e, row);
}

/* The row that stands for the paper, locked where others could take it; *ret_free: there
 * is none, or its document is at an end and has given it up. Return: 0 or negative. */
static int free_paper(struct engine *e, const struct claimed_paper *p, bool *ret_free)
{
	_cleanup_statement_ struct row *row = sql_bind(
		e, SQL_PAPER_HOLDER, "tti", p->by->country, p->number, lane(p->by));
	int64_t holder;
	int r = sql_step(e, row);

	*ret_free = r == 0;
	if (r <= 0 || sql_int(row, 1))
		return r < 0 ? r : 0;
	holder = sql_int(row, 0);
	*ret_free = true;
	return sql_run(e, SQL_PAPER_YIELD, "i", holder);
}

int paper_take(struct engine *e, int64_t document, const struct queue_submission *s,
	struct queue_document *ret_first)
{
	struct claimed_paper p;
	bool is_free = false;
	int r = claim(e, s, document, &p);

	if (r < 0 || !p.number[0])
		return r < 0 ? r : QUEUE_DONE;
	if (!makes(&p)) {
		r = insert(e, document, &p, false);
		return r < 0 ? r : QUEUE_DONE;
	}
	/* Twice: what another appliance has committed in between is seen then. */
	for (int i = 0; i < 2; i++) {
		r = free_paper(e, &p, &is_free);
		if (r == 0)
			r = find_rival(e, &p, document, ret_first);
		if (r != QUEUE_NOT_FOUND)
			return r < 0 ? r : QUEUE_PAPER;
		r = insert(e, document, &p, is_free);
		if (r != 0)
			return r < 0 ? r : QUEUE_DONE;
	}
	return -EAGAIN;
}

int paper_take_over(struct engine *e, int64_t document, int64_t original)
{
	return sql_run(e, SQL_PAPER_TAKE_OVER, "ii", document, original);
}

int paper_read(struct engine *e, int64_t document, char ret_number[DOCUMENT_NUMBER_SIZE])
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_PAPER_OF, "i", (int64_t)document);
	int r = sql_step(e, s);

	ret_number[0] = '\0';
	if (r > 0)
		sql_text(s, 0, ret_number, DOCUMENT_NUMBER_SIZE);
	return r < 0 ? r : 0;
}

/* The number that a stored document stands for: its own, else of what it replaced.
 * Return: 0 or negative. */
static int stored_number(struct engine *e, int64_t document, const char *own,
	char ret_number[DOCUMENT_NUMBER_SIZE])
{
	_cleanup_statement_ struct row *s = NULL;
	int r;

	paper_fold(own, ret_number);
	if (*ret_number)
		return 0;
	s = sql_bind(e, SQL_PAPER_OF_ORIGINAL, "i", document);
	r = sql_step(e, s);
	if (r > 0)
		sql_text(s, 0, ret_number, DOCUMENT_NUMBER_SIZE);
	return r < 0 ? r : 0;
}

/* Does the document make the paper electronic, now that nobody asks whether it may? Not
 * where it is at an end, or another one does. *ret_made. Return: 0 or negative. */
static int would_make(struct engine *e, const struct document_row *d,
	const struct claimed_paper *p, bool *ret_made)
{
	bool ended = d->document.state == DOCUMENT_WITHDRAWN ||
		     d->document.state == DOCUMENT_REPLACED;
	struct queue_document rival;
	const char *rehearsed;
	int r = relation_rehearsed(e, d, INT64_MAX, &rehearsed);

	*ret_made = false;
	if (r < 0 || ended || rehearsed || !makes(p))
		return r;
	r = free_paper(e, p, ret_made);
	if (r == 0)
		r = find_rival(e, p, d->key, &rival);
	*ret_made &= r == QUEUE_NOT_FOUND;
	return r < 0 ? r : 0;
}

static int note_stored(struct engine *e, int64_t now, const struct document_row *d,
	const struct claimed_paper *p)
{
	bool made;
	int r = would_make(e, d, p, &made);

	if (r == 0)
		r = insert(e, d->key, p, made);
	if (r == 0) /* another appliance was first: it is asked for again */
		return -EAGAIN;
	if (r > 0)
		r = audit_event(e, now, "queued", "document.paper", d,
			json_pack("{s:s,s:b}", "number", p->number, "made", made));
	return r < 0 ? r : QUEUE_DONE;
}

int engine_paper(struct engine *e, int64_t now, const struct queue_paper_request *q)
{
	struct queue_submission s = { 0 };
	struct claimed_paper p = { .by = &s };
	struct relation_row relation;
	struct document_row d;
	int r = document_find(e, q->id, &d);

	if (r != QUEUE_DONE || d.document.state == DOCUMENT_REFUSED)
		return r == QUEUE_DONE ? QUEUE_NOT_FOUND : r;
	r = paper_read(e, d.key, p.number);
	if (r < 0 || *p.number)
		return r < 0 ? r : QUEUE_DUPLICATE;
	r = stored_number(e, d.key, q->number, p.number);
	if (r < 0 || !*p.number)
		return r < 0 ? r : QUEUE_NOT_FOUND;
	r = relation_read(e, d.key, &relation);
	if (r < 0)
		return r;
	s.state = d.document.state;
	s.relation = relation.relation;
	memcpy(s.original, relation.number, sizeof(s.original));
	memcpy(s.partner, d.document.partner, sizeof(s.partner));
	memcpy(s.country, d.document.country, sizeof(s.country));
	memcpy(s.type, d.document.type, sizeof(s.type));
	memcpy(s.number, d.document.number, sizeof(s.number));
	return note_stored(e, now, &d, &p);
}
