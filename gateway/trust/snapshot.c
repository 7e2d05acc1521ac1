/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/snapshot.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/durable.h"
#include "common/encode.h"
#include "common/json.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SNAPSHOT_MAX (128u * 1024 * 1024)
#define PREFIX "snapshot-"
#define SUFFIX ".json"

static json_t *instance_json(const struct list_instance *i)
{
	json_t *uris = json_array();

	for (size_t n = 0; n < i->services.count; n++)
		json_array_append_new(uris, json_text(i->services.list[n]));
	return json_pack("{s:o,s:o,s:I,s:o,s:O?}", "type", json_text(i->type), "status",
		json_text(i->status), "from", (json_int_t)i->from, "services", uris,
		"qualifications", i->qualifications);
}

static json_t *certificate_json(X509 *x)
{
	uint8_t *der = NULL;
	int len = i2d_X509(x, &der);
	_cleanup_(freep) char *text =
		len > 0 ? base64_encode(span_of(der, (size_t)len)) : NULL;

	OPENSSL_free(der);
	return text ? json_string(text) : NULL;
}

static json_t *service_json(const char *territory, const struct list_service *s)
{
	json_t *certificates = json_array(), *instances = json_array();

	for (int i = 0; i < sk_X509_num(s->identities); i++)
		json_array_append_new(
			certificates, certificate_json(sk_X509_value(s->identities, i)));
	for (size_t i = 0; i < s->instance_count; i++)
		json_array_append_new(instances, instance_json(&s->instances[i]));
	return json_pack("{s:s,s:o,s:o,s:o}", "territory", territory, "name",
		json_text(s->name), "certificates", certificates, "instances", instances);
}

static json_t *snapshot_json(const struct list_results *r, int64_t at)
{
	json_t *services = json_array();

	for (size_t i = 0; i < r->count; i++) {
		const struct trusted_list *l = r->list[i].list;

		if (r->list[i].role != ROLE_LIST || !r->list[i].effect)
			continue;
		for (size_t n = 0; n < l->service_count; n++)
			json_array_append_new(
				services, service_json(l->territory, &l->services[n]));
	}
	return json_pack("{s:I,s:o}", "at", (json_int_t)at, "services", services);
}

/* Digits alone, so that names sort by time. */
static int path_of(const char *store, int64_t at, char path[PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s/" PREFIX "%020lld" SUFFIX, store,
		       (long long)at) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

int trust_snapshot_write(const char *store, const struct list_results *r, int64_t at)
{
	json_t *json = snapshot_json(r, at);
	_cleanup_(freep) char *text = json ? json_canonical(json) : NULL;
	char path[PATH_MAX];
	int e = text ? path_of(store, at, path) : -ENOMEM;

	json_decref(json);
	if (e == 0 && mkdir(store, 0755) < 0 && errno != EEXIST)
		e = -errno;
	return e < 0 ? e : durable_write(path, span_str(text), 0644);
}

static int time_of_name(const char *name, int64_t *ret_at)
{
	size_t n = strlen(name), digits = n - strlen(PREFIX) - strlen(SUFFIX);
	char *end;

	if (n <= strlen(PREFIX) + strlen(SUFFIX) || digits != 20 ||
		strncmp(name, PREFIX, strlen(PREFIX)) != 0 ||
		strcmp(name + n - strlen(SUFFIX), SUFFIX) != 0)
		return -EINVAL;
	errno = 0;
	*ret_at = strtoll(name + strlen(PREFIX), &end, 10);
	return errno || end != name + n - strlen(SUFFIX) ? -EINVAL : 0;
}

/* The newest import at or before known_at. */
static int find(const char *store, int64_t known_at, int64_t *ret_at)
{
	DIR *folder = opendir(store);
	const struct dirent *e;
	bool found = false;

	if (!folder)
		return -errno;
	while ((e = readdir(folder))) {
		int64_t at;

		if (time_of_name(e->d_name, &at) < 0 || at > known_at ||
			(found && at <= *ret_at))
			continue;
		*ret_at = at;
		found = true;
	}
	closedir(folder);
	return found ? 0 : -ENOENT;
}

static int add_identity(const json_t *text, STACK_OF(X509) * to)
{
	_cleanup_(freep) uint8_t *der = NULL;
	size_t len;
	X509 *x;

	if (!json_is_string(text) ||
		base64_decode(span_str(json_string_value(text)), &der, &len) < 0)
		return -EINVAL;
	x = pki_certificate_parse(span_of(der, len));
	if (x && sk_X509_push(to, x) > 0)
		return 0;
	X509_free(x);
	return x ? -ENOMEM : -EINVAL;
}

static int read_service(const json_t *json, struct snapshot_service *s)
{
	const char *territory = json_string_of(json, "territory");
	const json_t *c;
	size_t i;
	int r = 0;

	s->identities = sk_X509_new_null();
	s->name = json_string_of(json, "name");
	s->instances = json_object_get(json, "instances");
	if (!s->identities)
		return -ENOMEM;
	if (!territory || strlen(territory) >= sizeof(s->territory) ||
		!json_is_array(s->instances))
		return -EINVAL;
	memcpy(s->territory, territory, strlen(territory) + 1);
	json_array_foreach(json_object_get(json, "certificates"), i, c) if (r == 0) r =
		add_identity(c, s->identities);
	return r;
}

static int read_snapshot(struct span octets, struct trust_snapshot *s)
{
	const json_t *services, *one;
	size_t i;
	int r = digest_sha256_text(octets, s->version);

	s->json = json_read(octets, SNAPSHOT_MAX);
	services = json_object_get(s->json, "services");
	if (r < 0 || !json_is_array(services))
		return -EINVAL;
	s->services = calloc(json_array_size(services) + 1, sizeof(*s->services));
	if (!s->services)
		return -ENOMEM;
	json_array_foreach(services, i, one) if (r == 0) r =
		read_service(one, &s->services[s->service_count++]);
	return r;
}

int trust_snapshot_open(const char *store, int64_t known_at,
	struct trust_snapshot **ret_snapshot, char **ret_error)
{
	_cleanup_(trust_snapshot_freep) struct trust_snapshot *s = calloc(1, sizeof(*s));
	_cleanup_(freep) uint8_t *octets = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int r = s ? find(store, known_at, &s->at) : -ENOMEM;

	if (r == 0)
		r = path_of(store, s->at, path);
	if (r == 0)
		r = file_read(path, SNAPSHOT_MAX, &octets, &len);
	if (r == 0)
		r = read_snapshot(span_of(octets, len), s);
	if (r == 0)
		*ret_snapshot = TAKE(s);
	else if (asprintf(ret_error, "%s: %s", store,
			 r == -ENOENT	? "no snapshot of lists from that time"
			 : r == -EINVAL ? "a snapshot that cannot be read"
					: strerror(-r)) < 0)
		*ret_error = NULL;
	return r;
}

void trust_snapshot_free(struct trust_snapshot *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->service_count; i++)
		sk_X509_pop_free(s->services[i].identities, X509_free);
	free(s->services);
	json_decref(s->json);
	free(s);
}

int trust_snapshot_anchors(const struct trust_snapshot *s, struct pki_material *m)
{
	for (size_t i = 0; i < s->service_count; i++)
		for (int j = 0; j < sk_X509_num(s->services[i].identities); j++) {
			uint8_t *der = NULL;
			int len = i2d_X509(
				sk_X509_value(s->services[i].identities, j), &der);
			int r = len < 0 ? -ENOMEM
					: pki_material_add_anchor(
						  m, span_of(der, (size_t)len));

			OPENSSL_free(der);
			if (r == -ENOMEM)
				return r;
		}
	pki_material_sort(m);
	return 0;
}

uint64_t trust_snapshot_stamp(const char *store)
{
	struct stat st;

	if (stat(store, &st) < 0)
		return 0;
	return ((uint64_t)st.st_mtim.tv_sec * 1000000000u +
		       (uint64_t)st.st_mtim.tv_nsec) ^
	       (uint64_t)st.st_ino << 24;
}
