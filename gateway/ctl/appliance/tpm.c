/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/tpm.h"

#include "ctl/appliance/tpm_message.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define OWNER 0x40000001u

#define CC_NV_DEFINE 0x12au
#define CC_NV_INCREMENT 0x134u
#define CC_NV_WRITE 0x137u
#define CC_NV_READ 0x14eu
#define CC_NV_READ_PUBLIC 0x169u
#define CC_GET_CAPABILITY 0x17au
#define CAP_PROPERTIES 6u

/* TPMA_NV: by its own, empty, authorisation; not counted among the wrong tries. */
#define NV_AUTHWRITE (1u << 2)
#define NV_KIND_SHIFT 4
#define NV_AUTHREAD (1u << 18)
#define NV_NO_DA (1u << 25)
#define NV_WRITTEN (1u << 29)
#define NV_ATTRIBUTES(kind)                                                              \
	(NV_AUTHWRITE | NV_AUTHREAD | NV_NO_DA | (uint32_t)(kind) << NV_KIND_SHIFT)
#define NV_COUNTER_SIZE 8u

int tpm_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd;
}

int tpm_property(int fd, enum tpm_property property, uint32_t *ret_value)
{
	struct tpm_message m;
	uint32_t count, name, value;
	int r;

	tpm_begin(&m, TAG_PLAIN, CC_GET_CAPABILITY);
	tpm_put(&m, CAP_PROPERTIES, 4);
	tpm_put(&m, property, 4);
	tpm_put(&m, 1, 4);
	r = tpm_exchange(fd, &m, NULL);
	if (r < 0)
		return r;
	(void)tpm_get(&m, 1 + 4); /* whether there is more, and that it is properties */
	count = (uint32_t)tpm_get(&m, 4);
	name = (uint32_t)tpm_get(&m, 4);
	value = (uint32_t)tpm_get(&m, 4);
	if (m.len > m.end || count != 1)
		return -EPROTO;
	if (name != (uint32_t)property)
		return -ENOENT; /* the next one that it has */
	*ret_value = value;
	return 0;
}

int tpm_nv_define(int fd, uint32_t index, enum tpm_nv_kind kind, uint16_t size)
{
	struct tpm_message m;

	tpm_begin(&m, TAG_SESSIONS, CC_NV_DEFINE);
	tpm_put(&m, OWNER, 4);
	tpm_authorise(&m);
	tpm_put(&m, 0, 2); /* the index's own authorisation */
	tpm_put(&m, 14, 2);
	tpm_put(&m, index, 4);
	tpm_put(&m, ALG_SHA256, 2);
	tpm_put(&m, NV_ATTRIBUTES(kind), 4);
	tpm_put(&m, 0, 2); /* no policy */
	tpm_put(&m, kind == TPM_NV_COUNTER ? NV_COUNTER_SIZE : size, 2);
	return tpm_exchange(fd, &m, NULL);
}

static void begin_nv(struct tpm_message *m, uint32_t code, uint32_t index)
{
	tpm_begin(m, TAG_SESSIONS, code);
	tpm_put(m, index, 4); /* who authorises is the index itself */
	tpm_put(m, index, 4);
	tpm_authorise(m);
}

int tpm_nv_read(int fd, uint32_t index, uint8_t *ret_data, uint16_t size)
{
	struct tpm_message m;
	int r;

	if (size > TPM_NV_MAX)
		return -EINVAL;
	begin_nv(&m, CC_NV_READ, index);
	tpm_put(&m, size, 2);
	tpm_put(&m, 0, 2);
	r = tpm_exchange(fd, &m, NULL);
	if (r < 0)
		return r;
	if (tpm_get(&m, 2) != size || m.len > m.end || m.end - m.len < size)
		return -EPROTO;
	memcpy(ret_data, m.data + m.len, size);
	return 0;
}

int tpm_nv_write(int fd, uint32_t index, const uint8_t *data, uint16_t size)
{
	struct tpm_message m;

	if (size > TPM_NV_MAX)
		return -EINVAL;
	begin_nv(&m, CC_NV_WRITE, index);
	tpm_put(&m, size, 2);
	memcpy(m.data + m.len, data, size);
	m.len += size;
	tpm_put(&m, 0, 2);
	return tpm_exchange(fd, &m, NULL);
}

/* What the TPM itself says of an index: what was made as another kind, or with other
 * rights, is not ours, whatever can be read of it. */
static int check_counter(int fd, uint32_t index)
{
	struct tpm_message m;
	uint32_t name, attributes;
	uint16_t policy, size;
	int r;

	tpm_begin(&m, TAG_PLAIN, CC_NV_READ_PUBLIC);
	tpm_put(&m, index, 4);
	r = tpm_exchange(fd, &m, NULL);
	if (r < 0)
		return r;
	(void)tpm_get(&m, 2); /* size of what follows */
	name = (uint32_t)tpm_get(&m, 4);
	(void)tpm_get(&m, 2); /* name's algorithm */
	attributes = (uint32_t)tpm_get(&m, 4);
	policy = (uint16_t)tpm_get(&m, 2);
	size = (uint16_t)tpm_get(&m, 2);
	if (m.len > m.end)
		return -EPROTO;
	if (name != index || policy != 0 || size != NV_COUNTER_SIZE ||
		(attributes & ~NV_WRITTEN) != NV_ATTRIBUTES(TPM_NV_COUNTER))
		return -EMEDIUMTYPE;
	return attributes & NV_WRITTEN ? 0 : -ENODATA;
}

int tpm_nv_value(int fd, uint32_t index, uint64_t *ret_value)
{
	uint8_t data[NV_COUNTER_SIZE];
	int r = check_counter(fd, index);

	if (r == 0)
		r = tpm_nv_read(fd, index, data, sizeof(data));
	if (r < 0)
		return r;
	*ret_value = 0;
	for (size_t i = 0; i < sizeof(data); i++)
		*ret_value = *ret_value << 8 | data[i];
	return 0;
}

int tpm_nv_count(int fd, uint32_t index)
{
	struct tpm_message m;

	begin_nv(&m, CC_NV_INCREMENT, index);
	return tpm_exchange(fd, &m, NULL);
}
