/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/snapshot.h"

#include "common/buf.h"
#include "common/durable.h"
#include "common/encode.h"
#include "trust/map_write.h"
#include "trust/snapshot_find.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int trust_snapshot_write(const char *store, const struct list_results *r, int64_t at)
{
	_cleanup_buf_ struct buf octets;
	char path[PATH_MAX];
	int e = snapshot_path(store, at, path);

	buf_init(&octets, MAP_OCTETS_MAX);
	if (e == 0)
		e = map_write(r, at, &octets);
	if (e == 0 && mkdir(store, 0755) < 0 && errno != EEXIST)
		e = -errno;
	return e < 0 ? e : durable_write(path, buf_span(&octets), 0644);
}

/* Map a file, never through a link. Return: 0 or -errno. */
static int map_file(const char *path, struct span *ret)
{
	_cleanup_(closep) int fd =
		open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	void *data;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > MAP_OCTETS_MAX)
		return -EINVAL;
	data = mmap(
		NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	*ret = span_of(data, (size_t)st.st_size);
	return 0;
}

/* Return: 0, or negative with *ret_why, static. */
static int open_file(const char *path, struct trust_snapshot *s, const char **ret_why)
{
	struct trust_map *map = calloc(1, sizeof(*map));
	int r = map ? map_file(path, &s->octets) : -ENOMEM;

	*ret_why = r == -EINVAL ? "it is empty or too long" : r < 0 ? strerror(-r) : "";
	s->map = map;
	if (r == 0)
		r = map_check(s->octets, map, ret_why);
	if (r == 0 && map->header->at != s->at) {
		*ret_why = "it is of another time than its name says";
		r = -EINVAL;
	}
	if (r == 0)
		hex_encode(map->header->sha256, SHA256_SIZE, s->version);
	return r;
}

int trust_snapshot_open(const char *store, int64_t known_at,
	struct trust_snapshot **ret_snapshot, char **ret_error)
{
	_cleanup_(trust_snapshot_freep) struct trust_snapshot *s = calloc(1, sizeof(*s));
	const char *why = "no snapshot of lists from that time";
	char path[PATH_MAX] = "";
	int r = s ? snapshot_find(store, known_at, &s->at) : -ENOMEM;

	if (r == 0)
		r = snapshot_path(store, s->at, path);
	else if (r != -ENOENT)
		why = strerror(-r);
	if (r == 0)
		r = open_file(path, s, &why);
	if (r == 0)
		*ret_snapshot = TAKE(s);
	else if (asprintf(ret_error, "%s: %s", *path ? path : store, why) < 0)
		*ret_error = NULL;
	return r;
}

void trust_snapshot_free(struct trust_snapshot *s)
{
	if (!s)
		return;
	if (s->octets.data)
		munmap((void *)(uintptr_t)s->octets.data, s->octets.len);
	free((void *)(uintptr_t)s->map);
	free(s);
}

size_t trust_snapshot_services(const struct trust_snapshot *s)
{
	return s->map->service_count;
}

void trust_snapshot_service(
	const struct trust_snapshot *s, size_t index, struct snapshot_service *ret)
{
	const struct trust_map *m = s->map;
	const struct map_service *service = &m->services[index];
	const struct map_instance *newest = &m->instances[service->first_instance];

	*ret = (struct snapshot_service){ .territory = m->lists[service->list].territory,
		.url = m->texts + m->lists[service->list].url,
		.name = m->texts + service->name,
		.type = m->texts + newest->type,
		.status = m->texts + newest->status,
		.from = newest->from,
		.in_effect = map_in_effect(m, service, s->at, 0),
		.certificates = service->identity_count,
		.state = span_of(service->state, sizeof(service->state)) };
	if (service->identity_count > 0)
		ret->certificate = trust_snapshot_certificate(s, index, 0);
}

struct span trust_snapshot_certificate(
	const struct trust_snapshot *s, size_t index, size_t number)
{
	const struct trust_map *m = s->map;
	const struct map_service *service = &m->services[index];

	if (number >= service->identity_count)
		return (struct span){ 0 };
	return map_der(
		m, &m->certificates[m->identities[service->first_identity + number]]);
}

size_t trust_snapshot_count_anchors(const struct trust_snapshot *s, int64_t at)
{
	size_t count = 0;

	for (size_t i = 0; i < s->map->service_count; i++)
		if (map_in_effect(s->map, &s->map->services[i], at, 0))
			count += s->map->services[i].identity_count;
	return count;
}

static int add_anchors(
	const struct trust_map *map, const struct map_service *s, struct pki_material *m)
{
	for (uint32_t i = 0; i < s->identity_count; i++) {
		uint32_t which = map->identities[s->first_identity + i];

		if (pki_material_add_anchor(m, map_der(map, &map->certificates[which])) ==
			-ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

int trust_snapshot_anchors(const struct trust_snapshot *s, struct pki_material *m)
{
	const struct trust_map *map = s->map;
	int r = 0;

	for (size_t i = 0; i < map->service_count && r == 0; i++)
		if (map_in_effect(map, &map->services[i], s->at, 0))
			r = add_anchors(map, &map->services[i], m);
	pki_material_sort(m);
	return r;
}

int trust_snapshot_path(const char *store, int64_t known_at, char ret_path[PATH_MAX])
{
	int64_t at = 0;
	int r = snapshot_find(store, known_at, &at);

	return r == 0 ? snapshot_path(store, at, ret_path) : r;
}

bool trust_snapshot_there(const char *store, int64_t at)
{
	int64_t newest = 0;

	return snapshot_find(store, INT64_MAX, &newest) == 0 && newest <= at;
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
