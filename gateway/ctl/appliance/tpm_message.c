/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/tpm_message.h"

#include <errno.h>
#include <unistd.h>

#define HEAD_SIZE 10u /* tag, size, command or response code */
#define PASSWORD 0x40000009u

void tpm_put(struct tpm_message *m, uint64_t value, size_t octets)
{
	while (octets-- > 0)
		m->data[m->len++] = (uint8_t)(value >> (8 * octets));
}

uint64_t tpm_get(struct tpm_message *m, size_t octets)
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

const uint8_t *tpm_take(struct tpm_message *m, size_t len)
{
	if (m->len > m->end || m->end - m->len < len) {
		m->len = MESSAGE_MAX + 1;
		return NULL;
	}
	m->len += len;
	return m->data + m->len - len;
}

void tpm_begin(struct tpm_message *m, uint32_t tag, uint32_t code)
{
	m->len = 0;
	tpm_put(m, tag, 2);
	tpm_put(m, 0, 4); /* its size, in exchange() */
	tpm_put(m, code, 4);
}

void tpm_authorise(struct tpm_message *m)
{
	tpm_put(m, 9, 4);
	tpm_put(m, PASSWORD, 4);
	tpm_put(m, 0, 2); /* no nonce */
	tpm_put(m, 0, 1); /* attributes */
	tpm_put(m, 0, 2); /* no password */
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

static int receive(int fd, struct tpm_message *m)
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
			want = (size_t)tpm_get(m, 4);
			if (want < HEAD_SIZE || want > sizeof(m->data))
				return -EPROTO;
		}
	}
	m->len = 6;
	m->end = want;
	return have == want ? 0 : -EPROTO;
}

int tpm_exchange(int fd, struct tpm_message *m, uint32_t *ret_handle)
{
	size_t len = m->len;
	uint32_t tag;
	ssize_t n;
	int r;

	m->len = 2;
	tpm_put(m, len, 4);
	do
		n = write(fd, m->data, len);
	while (n < 0 && errno == EINTR);
	if (n < 0 || (size_t)n != len)
		return n < 0 ? -errno : -EIO;
	r = receive(fd, m);
	if (r == 0)
		r = error_of((uint32_t)tpm_get(m, 4));
	if (r < 0)
		return r;
	if (ret_handle)
		*ret_handle = (uint32_t)tpm_get(m, 4);
	tag = (uint32_t)m->data[0] << 8 | m->data[1];
	if (tag == TAG_SESSIONS)
		(void)tpm_get(m, 4); /* the size of the parameters */
	return m->len <= m->end ? 0 : -EPROTO;
}
