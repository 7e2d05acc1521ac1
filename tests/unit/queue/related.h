/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Steps of documents that others follow, and whether all that was counted of them agrees.
 */
#ifndef SEALGATE_TESTS_QUEUE_RELATED_H
#define SEALGATE_TESTS_QUEUE_RELATED_H

#include "tests/unit/queue/store.h"

/* The next document to be sealed, which is this one. */
static inline void seal(struct store *s, const char *id)
{
	struct queue_claim claim;

	assert_int_equal(store_claim_seal(s, T0 + 10, 60, &claim), QUEUE_DONE);
	assert_string_equal(claim.document.id, id);
	assert_int_equal(STEP(s, engine_sealed(s->engine, T0 + 10, id, claim.fence,
					 span_str("container"))),
		QUEUE_DONE);
}

/* Every count agrees, and what is stored is what the records say. */
static inline void assert_sound(struct store *s)
{
	_cleanup_json_ json_t *l = NULL;
	int fd = -1, rounds = 0;

	assert_int_equal(STEP(s, engine_ledger(s->engine, &fd)), QUEUE_DONE);
	l = store_json(fd);
	assert_true(json_is_true(json_object_get(l, "balanced")));
	while (rounds < 2) {
		assert_int_equal(engine_begin(s->engine), 0);
		rounds += engine_ledger_walk(s->engine, 10) == 0;
		engine_rollback(s->engine);
	}
	assert_null(engine_ledger_found(s->engine));
}

#endif
