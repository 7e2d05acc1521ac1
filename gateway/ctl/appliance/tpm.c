/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/tpm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define MESSAGE_MAX 512u
#define HEAD_SIZE 10u /* tag, size, command or response code */

#define TAG_PLAIN 0x8001u
#define TAG_SESSIONS 0x8002u
#define OWNER 0x40000001u
#define PASSWORD 0x40000009u

#define CC_NV_DEFINE 0x12au
#define CC_NV_INCREMENT 0x134u
#define CC_NV_WRITE 0x137u
#define CC_NV_READ 0x14eu
#define CC_NV_READ_PUBLIC 0x169u
#define CC_GET_CAPABILITY 0x17au
#define CAP_PROPERTIES 6u
#define ALG_SHA256 0x000bu

/* TPMA_NV: by its own, empty, authorisation; not counted among the wrong tries. */
#define NV_AUTHWRITE (1u << 2)
#define NV_KIND_SHIFT 4
#define NV_AUTHREAD (1u << 18)
#define NV_NO_DA (1u << 25)
#define NV_WRITTEN (1u << 29)
#define NV_ATTRIBUTES(kind)                                                              \
	(NV_AUTHWRITE | NV_AUTHREAD | NV_NO_DA | (uint32_t)(kind) << NV_KIND_SHIFT)
#define NV_COUNTER_SIZE 8u

struct message {
	uint8_t data[MESSAGE_MAX];
	size_t len; /* of a request so far; of a response where the next value begins */
	size_t end; /* of a response */
};

static void put(struct message *m, uint64_t value, size_t octets)
{
	while (octets-- > 0)
		m->data[m->len++] = (uint8_t)(value >> (8 * octets));
}

/* A value that is not there reads as zero, and leaves the place beyond the end. */
static uint64_t get(struct message *m, size_t octets)
{
	uint64_t value = 0;

	if (m->len > m->end || m->end - m->len < octets) {
		m->len = MESSAGE_MAX + 1;
		return 0;
	}
	while (octets-- > 0)
		value = value << 8 | m->data[m->len++];
	return value;
}

static void begin(struct message *m, uint32_t tag, uint32_t code)
{
	m->len = 0;
	put(m, tag, 2);
	put(m, 0, 4); /* its size, in exchange() */
	put(m, code, 4);
}

/* The authorisation area: one session, the password that is empty. */
static void authorise(struct message *m)
{
	put(m, 9, 4);
	put(m, PASSWORD, 4);
	put(m, 0, 2); /* no nonce */
	put(m, 0, 1); /* attributes */
	put(m, 0, 2); /* no password */
}

/* Response codes (part 2, 6.6). Those of format one say besides which handle, session or
 * parameter they are about. */
static int error_of(uint32_t code)
{
	switch (code & 0x80 ? code & 0xbf : code) {
	case 0:
		return 0;
	case 0x8b: /* TPM_RC_HANDLE */
		return -ENOENT;
	case 0x14a: /* TPM_RC_NV_UNINITIALIZED */
		return -ENODATA;
	case 0x14b: /* TPM_RC_NV_SPACE */
		return -ENOSPC;
	case 0x14c: /* TPM_RC_NV_DEFINED */
		return -EEXIST;
	case 0x8e:  /* TPM_RC_AUTH_FAIL */
	case 0xa2:  /* TPM_RC_BAD_AUTH */
	case 0x148: /* TPM_RC_NV_LOCKED */
	case 0x149: /* TPM_RC_NV_AUTHORIZATION */
		return -EPERM;
	case 0x921: /* TPM_RC_LOCKOUT */
		return -EBUSY;
	default:
		return -EREMOTEIO;
	}
}

static int receive(int fd, struct message *m)
{
	size_t have = 0, want = HEAD_SIZE;

	while (have < want) {
		/* The device gives a whole response at once, an emulator may not. */
		ssize_t n = read(fd, m->data + have, sizeof(m->data) - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EPROTO;
		have += (size_t)n;
		if (have >= HEAD_SIZE) {
			m->len = 2;
			m->end = have;
			want = (size_t)get(m, 4);
			if (want < HEAD_SIZE || want > sizeof(m->data))
				return -EPROTO;
		}
	}
	m->len = 6;
	m->end = want;
	return have == want ? 0 : -EPROTO;
}

/* Send the request, have the response in the same place, at its first parameter. */
static int exchange(int fd, struct message *m)
{
	size_t len = m->len;
	uint32_t tag;
	ssize_t n;
	int r;

	m->len = 2;
	put(m, len, 4);
	do
		n = write(fd, m->data, len);
	while (n < 0 && errno == EINTR);
	if (n < 0 || (size_t)n != len)
		return n < 0 ? -errno : -EIO;
	r = receive(fd, m);
	if (r == 0)
		r = error_of((uint32_t)get(m, 4));
	if (r < 0)
		return r;
	tag = (uint32_t)m->data[0] << 8 | m->data[1];
	if (tag == TAG_SESSIONS)
		(void)get(m, 4); /* the size of the parameters */
	return m->len <= m->end ? 0 : -EPROTO;
}

int tpm_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd;
}

int tpm_property(int fd, enum tpm_property property, uint32_t *ret_value)
{
	struct message m;
	uint32_t count, name, value;
	int r;

	begin(&m, TAG_PLAIN, CC_GET_CAPABILITY);
	put(&m, CAP_PROPERTIES, 4);
	put(&m, property, 4);
	put(&m, 1, 4);
	r = exchange(fd, &m);
	if (r < 0)
		return r;
	(void)get(&m, 1 + 4); /* whether there is more, and that it is properties */
	count = (uint32_t)get(&m, 4);
	name = (uint32_t)get(&m, 4);
	value = (uint32_t)get(&m, 4);
	if (m.len > m.end || count != 1)
		return -EPROTO;
	if (name != (uint32_t)property)
		return -ENOENT; /* the next one that it has */
	*ret_value = value;
	return 0;
}

int tpm_nv_define(int fd, uint32_t index, enum tpm_nv_kind kind, uint16_t size)
{
	struct message m;

	begin(&m, TAG_SESSIONS, CC_NV_DEFINE);
	put(&m, OWNER, 4);
	authorise(&m);
	put(&m, 0, 2); /* the index's own authorisation */
	put(&m, 14, 2);
	put(&m, index, 4);
	put(&m, ALG_SHA256, 2);
	put(&m, NV_ATTRIBUTES(kind), 4);
	put(&m, 0, 2); /* no policy */
	put(&m, kind == TPM_NV_COUNTER ? NV_COUNTER_SIZE : size, 2);
	return exchange(fd, &m);
}

static void begin_nv(struct message *m, uint32_t code, uint32_t index)
{
	begin(m, TAG_SESSIONS, code);
	put(m, index, 4); /* who authorises is the index itself */
	put(m, index, 4);
	authorise(m);
}

int tpm_nv_read(int fd, uint32_t index, uint8_t *ret_data, uint16_t size)
{
	struct message m;
	int r;

	if (size > TPM_NV_MAX)
		return -EINVAL;
	begin_nv(&m, CC_NV_READ, index);
	put(&m, size, 2);
	put(&m, 0, 2);
	r = exchange(fd, &m);
	if (r < 0)
		return r;
	if (get(&m, 2) != size || m.len > m.end || m.end - m.len < size)
		return -EPROTO;
	memcpy(ret_data, m.data + m.len, size);
	return 0;
}

int tpm_nv_write(int fd, uint32_t index, const uint8_t *data, uint16_t size)
{
	struct message m;

	if (size > TPM_NV_MAX)
		return -EINVAL;
	begin_nv(&m, CC_NV_WRITE, index);
	put(&m, size, 2);
	memcpy(m.data + m.len, data, size);
	m.len += size;
	put(&m, 0, 2);
	return exchange(fd, &m);
}

/* What the TPM itself says of an index: what was made as another kind, or with other
 * rights, is not ours, whatever can be read of it. */
static int check_counter(int fd, uint32_t index)
{
	struct message m;
	uint32_t name, attributes;
	uint16_t policy, size;
	int r;

	begin(&m, TAG_PLAIN, CC_NV_READ_PUBLIC);
	put(&m, index, 4);
	r = exchange(fd, &m);
	if (r < 0)
		return r;
	(void)get(&m, 2); /* size of what follows */
	name = (uint32_t)get(&m, 4);
	(void)get(&m, 2); /* name's algorithm */
	attributes = (uint32_t)get(&m, 4);
	policy = (uint16_t)get(&m, 2);
	size = (uint16_t)get(&m, 2);
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
	struct message m;

	begin_nv(&m, CC_NV_INCREMENT, index);
	return exchange(fd, &m);
}
