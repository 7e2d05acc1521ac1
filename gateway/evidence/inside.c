/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/inside.h"

#include "common/encode.h"
#include "common/json.h"

#include <errno.h>
#include <string.h>

static const char *place_text(enum xades_place place)
{
	return place == XADES_COUNTER ? "counter" : "parallel";
}

static json_t *certificates_json(const struct inside_order *o)
{
	_cleanup_json_ json_t *list = json_array();

	for (size_t i = 0; i < o->certificate_count; i++) {
		uint8_t *der = NULL;
		int len = i2d_X509(o->certificates[i], &der);
		json_t *one = len > 0 ? json_base64(span_of(der, (size_t)len)) : NULL;

		OPENSSL_free(der);
		if (!one || json_array_append_new(list, one) < 0)
			return NULL;
	}
	return TAKE(list);
}

int inside_order_write(const struct inside_order *o, struct buf *ret)
{
	_cleanup_json_ json_t *header = NULL;
	_cleanup_(freep) char *text = NULL;

	if (o->certificate_count == 0 || o->certificate_count > INSIDE_CERTIFICATES_MAX ||
		(o->place != XADES_PARALLEL && o->place != XADES_COUNTER))
		return -EINVAL;
	header = json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o}", "place",
		place_text(o->place), "document", o->document_id, "role", o->role,
		"mechanism", o->mechanism, "signing_time", (json_int_t)o->signing_time,
		"certificates", certificates_json(o), "value", json_base64(o->value),
		"token", json_base64(o->token));
	text = header ? json_canonical(header) : NULL;
	if (!text)
		return -ENOMEM;
	buf_add_str(ret, text);
	buf_add_str(ret, "\n");
	return buf_add_span(ret, o->document);
}

void inside_answer_done(struct inside_answer *a)
{
	free(a->reason);
	free(a->digest);
	free(a->imprint);
	free(a->insert);
	*a = (struct inside_answer){ 0 };
}

static int decode(const json_t *answer, const char *key, uint8_t **ret, size_t *ret_len)
{
	const char *text = json_string_of(answer, key);

	return text && base64_decode(span_str(text), ret, ret_len) == 0 ? 0 : -EPROTO;
}

static int read_text(const json_t *answer, struct inside_answer *ret)
{
	const json_t *at = json_object_get(answer, "at");
	const char *insert = json_string_of(answer, "insert");

	if (!insert || !*insert || strlen(insert) > INSIDE_MAX || !json_is_integer(at) ||
		json_integer_value(at) < 0)
		return -EPROTO;
	ret->at = (size_t)json_integer_value(at);
	ret->insert = strdup(insert);
	return ret->insert ? decode(answer, "imprint", &ret->imprint, &ret->imprint_len)
			   : -ENOMEM;
}

int inside_answer_read(const json_t *answer, struct inside_answer *ret)
{
	const char *reason = json_string_of(answer, "reason");

	*ret = (struct inside_answer){ 0 };
	if (reason) {
		ret->reason = strdup(reason);
		return ret->reason ? 0 : -ENOMEM;
	}
	if (json_object_get(answer, "digest"))
		return decode(answer, "digest", &ret->digest, &ret->digest_len);
	return read_text(answer, ret);
}

int inside_insert(struct span document, const struct inside_answer *a, struct buf *ret)
{
	if (!a->insert || a->at > document.len)
		return -EPROTO;
	buf_add(ret, document.data, a->at);
	buf_add_str(ret, a->insert);
	return buf_add(ret, document.data + a->at, document.len - a->at);
}
