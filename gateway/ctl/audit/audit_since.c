/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/audit/audit_since.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/memfd.h"

#include <errno.h>
#include <string.h>

#define PAGE 500
#define PAGE_OCTETS (64u * 1024 * 1024)
#define LINE_MAX_OCTETS (1024u * 1024)

struct page {
	audit_record_fn each;
	void *data;
	int64_t since;
	int64_t last; /* position of the last record that was read; 0: none */
	int64_t time; /* its time */
};

static int read_line(struct page *p, struct span line)
{
	_cleanup_json_ json_t *entry = json_read(line, LINE_MAX_OCTETS);
	const json_t *record = json_object_get(entry, "record");
	const char *at = json_string_of(record, "at");

	if (!at || clock_parse(at, &p->time) < 0)
		return -EBADMSG;
	p->last = json_integer_value(json_object_get(entry, "position"));
	return p->each && p->time >= p->since ? p->each(p->data, record) : 0;
}

static int read_lines(struct page *p, struct span data)
{
	int r = 0;

	while (r == 0 && data.len > 0) {
		const uint8_t *end = memchr(data.data, '\n', data.len);
		size_t n = end ? (size_t)(end - data.data) : data.len;

		r = n ? read_line(p, span_of(data.data, n)) : 0;
		n += end != NULL;
		data = span_of(data.data + n, data.len - n);
	}
	return r;
}

/* Read what follows a position. Return: as audit_since. */
static int read_page(struct queue *q, int64_t after, int limit, struct page *p)
{
	struct span data = { 0 };
	int fd = -1, r = queue_audit_read(q, after, limit, &fd);

	p->last = 0;
	if (r != QUEUE_DONE)
		return r == 0 ? -EPROTO : r;
	r = memfd_map(fd, PAGE_OCTETS, &data);
	if (r == 0)
		r = read_lines(p, data);
	memfd_unmap(&data);
	close(fd);
	return r;
}

/* Is the record behind a position too early? Return: 1, 0 (also behind the end), or as
 * audit_since. */
static int too_early(struct queue *q, int64_t position, int64_t since, bool *ret_early)
{
	struct page p = { .since = since };
	int r = read_page(q, position, 1, &p);

	*ret_early = r == 0 && p.last != 0 && p.time < since;
	return r;
}

/* Records stand in the order of time: double, then halve. */
static int find_start(struct queue *q, int64_t since, int64_t *ret_after)
{
	int64_t low = 0, high = 1;
	bool early = true;
	int r = 0;

	while (r == 0 && high < INT64_MAX / 4) {
		r = too_early(q, high, since, &early);
		if (!early)
			break;
		low = high;
		high *= 2;
	}
	while (r == 0 && low < high) {
		int64_t middle = low + (high - low) / 2;

		r = too_early(q, middle, since, &early);
		if (early)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_after = low;
	return r;
}

int audit_since(struct queue *q, int64_t since, audit_record_fn each, void *data)
{
	struct page p = { .each = each, .data = data, .since = since };
	int64_t after;
	int r = find_start(q, since, &after);

	while (r == 0) {
		r = read_page(q, after, PAGE, &p);
		if (r != 0 || p.last == 0)
			break;
		after = p.last;
	}
	return r;
}
