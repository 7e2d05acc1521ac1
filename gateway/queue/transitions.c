/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/transitions.h"

#include "queue/types.h"

static const char *document_text(unsigned s)
{
	return document_state_text((enum document_state)s);
}

static bool document_may(unsigned from, unsigned to)
{
	return document_may_become((enum document_state)from, (enum document_state)to);
}

static const char *delivery_text(unsigned s)
{
	return delivery_state_text((enum delivery_state)s);
}

static bool delivery_may(unsigned from, unsigned to)
{
	return delivery_may_become((enum delivery_state)from, (enum delivery_state)to);
}

const struct machine TRANSITIONS_DOCUMENTS = { "documents", DOCUMENT_STATES,
	document_text, document_may };
const struct machine TRANSITIONS_DELIVERIES = { "deliveries", DELIVERY_STATES,
	delivery_text, delivery_may };

/* "(FALSE OR NEW.state='a' OR NEW.state='b')" of what may follow a state; not IN, for
 * which SQLite would build a table each time. */
static void add_successors(struct buf *b, unsigned from, const struct machine *m)
{
	buf_add_str(b, "(FALSE");
	for (unsigned to = 1; to < m->states; to++)
		if (m->may(from, to))
			buf_addf(b, " OR NEW.state='%s'", m->text(to));
	buf_add_str(b, ")");
}

void transitions_add_first(struct buf *b, const struct machine *m)
{
	buf_add_str(b, "NOT (");
	add_successors(b, 0, m);
	buf_add_str(b, ")");
}

void transitions_add_next(struct buf *b, const struct machine *m)
{
	buf_add_str(b, "NEW.state<>OLD.state AND NOT (FALSE");
	for (unsigned from = 1; from < m->states; from++) {
		buf_addf(b, " OR (OLD.state='%s' AND ", m->text(from));
		add_successors(b, from, m);
		buf_add_str(b, ")");
	}
	buf_add_str(b, ")");
}
