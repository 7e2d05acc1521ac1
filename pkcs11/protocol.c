/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/protocol.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/durable.h"
#include "common/encode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static int chain_of(const char *before, struct span entry, char ret[SHA256_TEXT_SIZE])
{
	_cleanup_buf_ struct buf b;

	buf_init(&b, PROTOCOL_MAX);
	buf_add_str(&b, before);
	buf_add_span(&b, entry);
	return b.error ? b.error : digest_sha256_text(buf_span(&b), ret);
}

static bool starts(struct span text, const char *with)
{
	return text.len >= strlen(with) && memcmp(text.data, with, strlen(with)) == 0;
}

/* The line at the front, without its end. Return: false when there is no whole one. */
static bool take_line(struct span *text, struct span *ret_line)
{
	const uint8_t *end = memchr(text->data, '\n', text->len);

	if (!end)
		return false;
	*ret_line = span_of(text->data, (size_t)(end - text->data));
	text->len -= ret_line->len + 1;
	text->data = end + 1;
	return true;
}

static int read_signature(struct protocol *p, struct span line)
{
	char text[2 * SIGNER_VALUE_MAX], role[SIGNER_ROLE_SIZE], name[24];
	char value[2 * SIGNER_VALUE_MAX];
	_cleanup_(freep) uint8_t *octets = NULL;
	size_t len;

	if (line.len >= sizeof(text))
		return -EBADMSG;
	memcpy(text, line.data, line.len);
	text[line.len] = '\0';
	if (sscanf(text, "signature %23s %23s %2047s", role, name, value) != 3 ||
		!(p->mechanism = mechanism_find(name)) ||
		base64_decode(span_str(value), &octets, &len) < 0 ||
		len > sizeof(p->value))
		return -EBADMSG;
	memcpy(p->value, octets, len);
	p->value_len = len;
	memcpy(p->role, role, strlen(role) + 1);
	p->closed = true;
	return 0;
}

/* An entry from "#N" to its chain. */
static int read_entry(struct protocol *p, struct span *text)
{
	struct span line, entry = *text;
	char head[32], chain[SHA256_TEXT_SIZE];

	(void)snprintf(head, sizeof(head), "#%u ", p->entries + 1);
	if (!starts(*text, head) || !take_line(text, &line))
		return -EBADMSG;
	while (starts(*text, "  "))
		if (!take_line(text, &line))
			return -EBADMSG;
	entry.len -= text->len;
	if (!starts(*text, "chain ") || !take_line(text, &line) ||
		chain_of(p->chain, entry, chain) < 0 ||
		line.len != strlen("chain ") + strlen(chain) ||
		memcmp(line.data + strlen("chain "), chain, strlen(chain)) != 0)
		return -EBADMSG;
	memcpy(p->chain, chain, sizeof(chain));
	p->entries++;
	return 0;
}

static int read_all(struct protocol *p, struct span text)
{
	struct span line;
	int r = 0;

	while (r == 0 && text.len) {
		if (p->closed)
			return -EBADMSG;
		if (starts(text, "signature "))
			r = take_line(&text, &line) ? read_signature(p, line) : -EBADMSG;
		else
			r = read_entry(p, &text);
	}
	return r;
}

int protocol_open(const char *path, bool fresh, struct protocol *ret)
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len = 0;
	int r = 0;

	*ret = (struct protocol){ .chain = ZEROS };
	ret->fd = open(path,
		O_WRONLY | O_APPEND | O_CLOEXEC | (fresh ? O_CREAT | O_EXCL : 0), 0644);
	if (ret->fd < 0 && !fresh && (errno == EACCES || errno == EROFS))
		ret->fd = open(path, O_RDONLY | O_CLOEXEC); /* enough to verify it */
	if (ret->fd < 0)
		return -errno;
	if (!fresh)
		r = file_read(path, PROTOCOL_MAX, &text, &len);
	if (r == 0)
		r = read_all(ret, span_of(text, len));
	if (r < 0)
		protocol_done(ret);
	return r;
}

void protocol_done(struct protocol *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

static int append(struct protocol *p, struct span text)
{
	int r = fd_write_all(p->fd, text);

	return r == 0 && fsync(p->fd) < 0 ? -errno : r;
}

int protocol_add(struct protocol *p, const char *text)
{
	_cleanup_buf_ struct buf b;
	char time[CLOCK_TEXT_SIZE], chain[SHA256_TEXT_SIZE];
	int r;

	if (p->closed)
		return -EPERM;
	buf_init(&b, PROTOCOL_MAX);
	clock_format(clock_now(), time);
	buf_addf(&b, "#%u %s\n  ", p->entries + 1, time);
	for (; *text; text++)
		if (*text == '\n')
			buf_add_str(&b, "\n  ");
		else
			buf_add(&b, text, 1);
	buf_add_str(&b, "\n");
	r = b.error ? b.error : chain_of(p->chain, buf_span(&b), chain);
	if (r == 0)
		r = buf_addf(&b, "chain %s\n", chain);
	if (r == 0)
		r = append(p, buf_span(&b));
	if (r < 0)
		return r;
	memcpy(p->chain, chain, sizeof(chain));
	p->entries++;
	return 0;
}

int protocol_digest(const struct protocol *p, const struct mechanism *m,
	uint8_t ret_digest[SIGNER_DIGEST_MAX])
{
	char text[128];
	size_t len;
	int n = snprintf(text, sizeof(text), "sealgate ceremony %s\n", p->chain);

	if (EVP_Q_digest(NULL, m->digest, NULL, text, (size_t)n, ret_digest, &len) != 1)
		return -EIO;
	return (int)len;
}

int protocol_close(struct protocol *p, const struct role *role, struct span value)
{
	_cleanup_(freep) char *text = base64_encode(value), *line = NULL;
	int r;

	if (p->closed)
		return -EPERM;
	if (!text || asprintf(&line, "signature %s %s %s\n", role->name,
			     role->mechanism->name, text) < 0)
		return -ENOMEM;
	r = append(p, span_str(line));
	p->closed = r == 0;
	return r;
}
