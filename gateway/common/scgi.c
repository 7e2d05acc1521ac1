/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/scgi.h"

#include <errno.h>
#include <stdlib.h>

/* Read decimal digits without a leading zero up to end; -1 otherwise. */
static long long decimal(const char *text, size_t len)
{
	long long value = 0;

	if (len == 0 || len > 12 || (text[0] == '0' && len > 1))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value;
}

/* Where the netstring's content starts, and its length. */
static int netstring(size_t max, struct span data, size_t *ret_start, size_t *ret_len)
{
	const uint8_t *colon;
	long long len;

	colon = memchr(data.data, ':', data.len < 7 ? data.len : 7);
	if (!colon)
		return data.len < 7 ? 0 : -EPROTO;
	len = decimal((const char *)data.data, (size_t)(colon - data.data));
	if (len <= 0)
		return -EPROTO;
	if ((size_t)len > max)
		return -E2BIG;
	*ret_start = (size_t)(colon - data.data) + 1;
	*ret_len = (size_t)len;
	return 1;
}

const char *scgi_get(const struct scgi_request *r, const char *name)
{
	for (size_t i = 0; i < r->pair_count; i++)
		if (strcmp(r->pairs[i].name, name) == 0)
			return r->pairs[i].value;
	return "";
}

static bool known(const struct scgi_request *r, const char *name)
{
	for (size_t i = 0; i < r->pair_count; i++)
		if (strcmp(r->pairs[i].name, name) == 0)
			return true;
	return false;
}

/* Split the header, which ends in a NUL, into pairs; cut: its end may be missing, and
 * what is left of the last value counts as one. */
static int split_pairs(struct scgi_request *r, size_t len, bool cut)
{
	char *p = r->header, *end = r->header + len;

	while (p < end) {
		char *name = p, *value = name + strlen(name) + 1;

		if (value >= end && cut)
			return 0;
		if (value >= end || *name == '\0' || known(r, name))
			return -EPROTO;
		if (r->pair_count == SCGI_PAIRS_MAX)
			return -E2BIG;
		r->pairs[r->pair_count].name = name;
		r->pairs[r->pair_count++].value = value;
		p = value + strlen(value) + 1;
	}
	return 0;
}

static int check_protocol(struct scgi_request *r)
{
	long long length;

	if (r->pair_count == 0 || strcmp(r->pairs[0].name, "CONTENT_LENGTH") != 0 ||
		strcmp(scgi_get(r, "SCGI"), "1") != 0)
		return -EPROTO;
	length = decimal(r->pairs[0].value, strlen(r->pairs[0].value));
	if (length < 0)
		return -EPROTO;
	r->content_length = (size_t)length;
	return 0;
}

int scgi_parse_up_to(size_t header_max, struct span data,
	struct scgi_request *ret_request, size_t *ret_used)
{
	struct scgi_request r = { 0 };
	size_t start, len;
	int e = netstring(header_max, data, &start, &len);

	if (e <= 0)
		return e;
	if (data.len < start + len + 1)
		return 0;
	if (data.data[start + len] != ',' || data.data[start + len - 1] != '\0')
		return -EPROTO;
	r.header = malloc(len);
	if (!r.header)
		return -ENOMEM;
	memcpy(r.header, data.data + start, len);
	e = split_pairs(&r, len, false);
	if (e == 0)
		e = check_protocol(&r);
	if (e < 0) {
		scgi_done(&r);
		return e;
	}
	*ret_request = r;
	*ret_used = start + len + 1;
	return 1;
}

int scgi_parse(struct span data, struct scgi_request *ret_request, size_t *ret_used)
{
	return scgi_parse_up_to(SCGI_HEADER_MAX, data, ret_request, ret_used);
}

int scgi_parse_front(struct span data, struct scgi_request *ret_request, size_t *ret_len)
{
	struct scgi_request r = { 0 };
	size_t start, len, have;
	int e = netstring(SIZE_MAX, data, &start, &len);

	if (e <= 0)
		return -EPROTO;
	have = data.len - start < len ? data.len - start : len;
	r.header = malloc(have + 1);
	if (!r.header)
		return -ENOMEM;
	memcpy(r.header, data.data + start, have);
	r.header[have] = '\0';
	e = split_pairs(&r, have + 1, true);
	if (e == 0)
		e = check_protocol(&r);
	if (e < 0) {
		scgi_done(&r);
		return e;
	}
	*ret_request = r;
	*ret_len = start + len + 1;
	return 0;
}

void scgi_done(struct scgi_request *r)
{
	free(r->header);
	*r = (struct scgi_request){ 0 };
}
