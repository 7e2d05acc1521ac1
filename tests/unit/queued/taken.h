/* SPDX-License-Identifier: EUPL-1.2 */
/* What journals that queued takes over left in the chain of a test's store. */
#ifndef SEALGATE_TESTS_QUEUED_TAKEN_H
#define SEALGATE_TESTS_QUEUED_TAKEN_H

#include "common/durable.h"
#include "tests/unit/queue/store.h"

#define TAKEN static __attribute__((unused))

/* How often the chain's first 1000 records have these octets. */
TAKEN int records_taken(struct store *s, const char *what)
{
	struct span data;
	int fd = -1, count = 0;

	assert_int_equal(STEP(s, engine_audit_read(s->engine, 0, 1000, &fd)), QUEUE_DONE);
	assert_int_equal(memfd_map(fd, QUEUE_JSON_MAX, &data), 0);
	for (const char *p = (const char *)data.data;
		(p = memmem(p, data.len - (size_t)(p - (const char *)data.data), what,
			 strlen(what))) != NULL;
		p++)
		count++;
	memfd_unmap(&data);
	close(fd);
	return count;
}

/* The newest note is of a record that the chain does not have. */
TAKEN void lose_newest(const struct store *s, const char *noted)
{
	_cleanup_(freep) uint8_t *text = NULL;
	char path[PATH_MAX], *digit;
	size_t len;

	snprintf(path, sizeof(path), "%s/queue/%s", s->dir, noted);
	assert_int_equal(file_read(path, 100000, &text, &len), 0);
	digit = strchr((char *)text, ':');
	if (digit)
		digit[1] = digit[1] == '0' ? '1' : '0';
	assert_int_equal(durable_write(path, span_of(text, len), 0600), 0);
}

#endif
