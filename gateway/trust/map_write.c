/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/map_write.h"

#include "pki/certificate.h"

#include <errno.h>
#include <stdlib.h>

/* One snapshot on its way. */
struct writer {
	struct map_parts p;
	json_t *texts;		/* text: its offset */
	json_t *certificates;	/* SHA-256: its index */
	struct buf keys, names; /* struct map_entry, not sorted yet */
	int64_t ends;		/* of the list of lists */
	int error;
};

static uint32_t count_of(const struct buf *b, size_t size)
{
	return (uint32_t)(b->len / size);
}

static void put(struct writer *w, enum map_part part, const void *data, size_t len)
{
	if (len > 0 && buf_add(&w->p.part[part], data, len) < 0 && w->error == 0)
		w->error = w->p.part[part].error;
}

static uint32_t put_text(struct writer *w, const char *text)
{
	const json_t *known = json_object_get(w->texts, text ? text : "");
	uint32_t at = (uint32_t)w->p.part[MAP_TEXTS].len;

	if (known)
		return (uint32_t)json_integer_value(known);
	put(w, MAP_TEXTS, text ? text : "", strlen(text ? text : "") + 1);
	/* What is no UTF-8 cannot be a key; it is then written again each time. */
	(void)json_object_set_new(w->texts, text ? text : "", json_integer(at));
	return at;
}

static int write_certificate(struct writer *w, X509 *x)
{
	const unsigned char *name;
	unsigned char *der = NULL;
	size_t name_len;
	int len = i2d_X509(x, &der);
	struct map_certificate c = { .der = (uint32_t)w->p.part[MAP_OCTETS].len };

	if (len <= 0 || map_key_of(x, c.key) < 0 ||
		X509_NAME_get0_der(X509_get_subject_name(x), &name, &name_len) != 1) {
		OPENSSL_free(der);
		return -EIO;
	}
	c.der_len = (uint32_t)len;
	c.subject = c.der + c.der_len;
	c.subject_len = (uint32_t)name_len;
	put(w, MAP_OCTETS, der, (size_t)len);
	put(w, MAP_OCTETS, name, name_len);
	put(w, MAP_CERTIFICATES, &c, sizeof(c));
	OPENSSL_free(der);
	return 0;
}

static int certificate_of(struct writer *w, X509 *x, uint32_t *ret)
{
	char sha256[SHA256_TEXT_SIZE];
	const json_t *known;
	int r = pki_certificate_sha256(x, sha256);

	if (r < 0)
		return r;
	known = json_object_get(w->certificates, sha256);
	if (known) {
		*ret = (uint32_t)json_integer_value(known);
		return 0;
	}
	*ret = count_of(&w->p.part[MAP_CERTIFICATES], sizeof(struct map_certificate));
	r = write_certificate(w, x);
	if (r == 0 &&
		json_object_set_new(w->certificates, sha256, json_integer(*ret)) < 0)
		r = -ENOMEM;
	return r;
}

static int write_identities(
	struct writer *w, const struct list_service *s, struct map_service *row)
{
	row->first_identity = count_of(&w->p.part[MAP_IDENTITIES], sizeof(uint32_t));
	row->identity_count = (uint32_t)sk_X509_num(s->identities);
	for (int i = 0; i < sk_X509_num(s->identities); i++) {
		X509 *x = sk_X509_value(s->identities, i);
		struct map_entry e = { .service = count_of(&w->p.part[MAP_SERVICES],
					       sizeof(struct map_service)) };
		uint8_t key[SHA256_SIZE];
		int r = certificate_of(w, x, &e.certificate);

		if (r == 0)
			r = map_key_of(x, key);
		if (r < 0)
			return r;
		put(w, MAP_IDENTITIES, &e.certificate, sizeof(e.certificate));
		e.hash = map_key_hash(key);
		buf_add(&w->keys, &e, sizeof(e));
		e.hash = map_name_hash(X509_get_subject_name(x));
		buf_add(&w->names, &e, sizeof(e));
	}
	return w->names.error ? w->names.error : w->keys.error;
}

static int write_instance(struct writer *w, const struct list_instance *i)
{
	struct rules_writer rules = { &w->p.part[MAP_RULES], &w->p.part[MAP_CRITERIA],
		&w->p.part[MAP_CONDITIONS], &w->p.part[MAP_OIDS],
		&w->p.part[MAP_OCTETS] };
	struct map_instance row = { .from = i->from,
		.type = put_text(w, i->type),
		.status = put_text(w, i->status),
		.first_uri = count_of(&w->p.part[MAP_URIS], sizeof(uint32_t)),
		.uri_count = (uint32_t)i->services.count };
	int r;

	for (size_t n = 0; n < i->services.count; n++) {
		uint32_t uri = put_text(w, i->services.list[n]);

		put(w, MAP_URIS, &uri, sizeof(uri));
	}
	r = rules_write(&rules, i->qualifications, &row.first_rule, &row.rule_count);
	put(w, MAP_INSTANCES, &row, sizeof(row));
	return r;
}

/* What the instances say, as one digest: two snapshots are compared by it. */
static int state_of(const struct list_service *s, uint8_t ret[16])
{
	_cleanup_buf_ struct buf b;
	uint8_t sha256[SHA256_SIZE];
	int r;

	buf_init(&b, MAP_OCTETS_MAX);
	for (size_t n = 0; n < s->instance_count; n++) {
		const struct list_instance *i = &s->instances[n];
		_cleanup_(freep) char *rules =
			i->qualifications ? json_canonical(i->qualifications) : NULL;

		if (i->qualifications && !rules)
			return -ENOMEM;
		buf_addf(&b, "%s\n%s\n%lld\n%s\n", i->type, i->status, (long long)i->from,
			rules ? rules : "");
		for (size_t u = 0; u < i->services.count; u++)
			buf_addf(&b, " %s\n", i->services.list[u]);
	}
	r = b.error ? b.error : digest_sha256(buf_span(&b), sha256);
	if (r == 0)
		memcpy(ret, sha256, 16);
	return r;
}

static int write_service(struct writer *w, const struct list_service *s)
{
	struct map_service row = {
		.list = count_of(&w->p.part[MAP_LISTS], sizeof(struct map_list)) - 1,
		.name = put_text(w, s->name),
		.instance_count = (uint32_t)s->instance_count
	};
	int r = write_identities(w, s, &row);

	row.first_instance =
		count_of(&w->p.part[MAP_INSTANCES], sizeof(struct map_instance));
	for (size_t i = 0; i < s->instance_count && r == 0; i++)
		r = write_instance(w, &s->instances[i]);
	if (r == 0)
		r = state_of(s, row.state);
	put(w, MAP_SERVICES, &row, sizeof(row));
	return r < 0 ? r : w->error;
}

static int write_list(struct writer *w, const struct list_result *l)
{
	struct map_list row = { .sequence = l->list->sequence,
		.issued = l->list->issued,
		.ends = l->list->next_update < w->ends ? l->list->next_update : w->ends,
		.url = put_text(w, l->url) };
	int r = 0;

	if (l->list->is_outline)
		return -EINVAL;
	memcpy(row.territory, l->list->territory, sizeof(row.territory));
	put(w, MAP_LISTS, &row, sizeof(row));
	for (size_t i = 0; i < l->list->service_count && r == 0; i++)
		r = write_service(w, &l->list->services[i]);
	return r < 0 ? r : w->error;
}

/* Entries by slot: how many each has, where each begins, then each to its place. */
static int write_index(struct writer *w, const struct buf *entries,
	enum map_part slot_part, enum map_part entry_part)
{
	const struct map_entry *e = (const void *)entries->data;
	uint32_t count = count_of(entries, sizeof(*e)), slots = 1;
	_cleanup_(freep) uint32_t *begin = NULL;
	_cleanup_(freep) struct map_entry *sorted = calloc(count + 1, sizeof(*sorted));

	while (slots < count && slots < MAP_INDEX_SLOTS_MAX)
		slots *= 2;
	begin = calloc(slots + 2, sizeof(*begin));
	if (!begin || !sorted)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		begin[(e[i].hash & (slots - 1)) + 2]++;
	for (uint32_t i = 2; i <= slots + 1; i++)
		begin[i] += begin[i - 1];
	for (uint32_t i = 0; i < count; i++)
		sorted[begin[(e[i].hash & (slots - 1)) + 1]++] = e[i];
	put(w, slot_part, begin, (slots + 1) * sizeof(*begin));
	put(w, entry_part, sorted, count * sizeof(*sorted));
	return w->error;
}

int map_assemble(const struct map_parts *parts, int64_t at, struct buf *ret)
{
	static const uint8_t ZEROS[8] = { 0 };
	struct map_header h = {
		.magic = MAP_MAGIC, .version = MAP_VERSION, .order = MAP_ORDER, .at = at
	};
	struct map_header *head;

	buf_add(ret, &h, sizeof(h));
	for (int i = 0; i < MAP_PARTS; i++) {
		buf_add(ret, ZEROS, (8 - ret->len % 8) % 8);
		h.parts[i].offset = ret->len;
		h.parts[i].count = parts->part[i].len / MAP_PART_SIZES[i];
		if (parts->part[i].len > 0)
			buf_add_span(ret, buf_span(&parts->part[i]));
	}
	if (ret->error)
		return ret->error;
	h.size = ret->len;
	head = (void *)ret->data;
	*head = h;
	return digest_sha256(
		span_of(ret->data + MAP_BEHIND_DIGEST, ret->len - MAP_BEHIND_DIGEST),
		head->sha256);
}

static int write_all(
	struct writer *w, const struct list_results *r, int64_t at, struct buf *ret)
{
	int e = w->texts && w->certificates ? 0 : -ENOMEM;

	w->ends = MAP_TIME_MAX;
	for (size_t i = 0; i < r->count; i++)
		if (r->list[i].role == ROLE_LIST_OF_LISTS && r->list[i].effect)
			w->ends = r->list[i].list->next_update;
	(void)put_text(w, "");
	for (size_t i = 0; i < r->count && e == 0; i++)
		if (r->list[i].role == ROLE_LIST &&
			(r->list[i].effect || r->list[i].ended))
			e = write_list(w, &r->list[i]);
	if (e == 0)
		e = write_index(w, &w->keys, MAP_KEY_SLOTS, MAP_KEYS);
	if (e == 0)
		e = write_index(w, &w->names, MAP_NAME_SLOTS, MAP_NAMES);
	return e == 0 ? map_assemble(&w->p, at, ret) : e;
}

int map_write(const struct list_results *r, int64_t at, struct buf *ret)
{
	struct writer w = { .texts = json_object(), .certificates = json_object() };
	int e;

	for (int i = 0; i < MAP_PARTS; i++)
		buf_init(&w.p.part[i], MAP_OCTETS_MAX);
	buf_init(&w.keys, MAP_OCTETS_MAX);
	buf_init(&w.names, MAP_OCTETS_MAX);
	e = write_all(&w, r, at, ret);
	for (int i = 0; i < MAP_PARTS; i++)
		buf_done(&w.p.part[i]);
	buf_done(&w.keys);
	buf_done(&w.names);
	json_decref(w.texts);
	json_decref(w.certificates);
	return e;
}
