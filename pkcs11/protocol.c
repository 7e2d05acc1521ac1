/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/protocol.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/durable.h"
#include "common/encode.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

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
		len > sizeof(p->value) || strcmp(role, p->role) != 0)
		return -EBADMSG;
	memcpy(p->value, octets, len);
	p->value_len = len;
	p->closed = true;
	return 0;
}

/* The role whose signature an entry announces: the last one's is the one that closes. */
static void read_end(struct protocol *p, struct span text)
{
	struct span line;

	p->role[0] = '\0';
	if (!starts(text, "  " PROTOCOL_END) || !take_line(&text, &line))
		return;
	line.data += strlen("  " PROTOCOL_END);
	line.len -= strlen("  " PROTOCOL_END);
	if (line.len < sizeof(p->role))
		(void)snprintf(p->role, sizeof(p->role), "%.*s", (int)line.len,
			(const char *)line.data);
}

/* An entry from "#N" to its chain. */
static int read_entry(struct protocol *p, struct span *text)
{
	struct span line, entry = *text;
	char head[32], chain[SHA256_TEXT_SIZE];

	(void)snprintf(head, sizeof(head), "#%u ", p->entries + 1);
	if (!starts(*text, head) || !take_line(text, &line))
		return -EBADMSG;
	read_end(p, *text);
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

/* *rest: from the first line that is of no whole entry on. */
static int read_all(struct protocol *p, struct span text, struct span *ret_rest)
{
	struct span line;
	int r = 0;

	while (r == 0 && text.len) {
		*ret_rest = text;
		if (p->closed)
			return -EBADMSG;
		if (p->entries && starts(text, "signature "))
			r = take_line(&text, &line) ? read_signature(p, line) : -EBADMSG;
		else
			r = read_entry(p, &text);
	}
	if (r == 0)
		*ret_rest = text;
	return r;
}

/* Does the text begin as with does, as far as either goes? */
static bool begins(struct span text, const char *with)
{
	size_t len = strlen(with);

	return memcmp(text.data, with, text.len < len ? text.len : len) == 0;
}

/* How many lines end an entry, or are a signature; *ret_last: nothing follows on one. */
static unsigned int count_ends(struct span text, bool *ret_last)
{
	unsigned int ends = 0;
	struct span line;

	*ret_last = false;
	while (take_line(&text, &line)) {
		*ret_last = starts(line, "chain ") || starts(line, "signature ");
		ends += *ret_last;
	}
	*ret_last &= text.len == 0;
	return ends;
}

/* What a writing that broke off leaves: the beginning of the entry that was to come, or
 * of the signature, and nothing that ends one. Where the power went, the file may be as
 * long as it was to become and have NULs where the disk had nothing yet; no entry has
 * one, and of this one alone there is an end then. What was whole and was altered has its
 * end, and no NUL. */
static bool is_torn(const struct protocol *p, struct span rest)
{
	struct span written = span_of(
		rest.data, rest.len ? strnlen((const char *)rest.data, rest.len) : 0);
	unsigned int ends;
	char head[32];
	bool last;

	(void)snprintf(head, sizeof(head), "#%u ", p->entries + 1);
	if (p->closed || rest.len == 0 ||
		(!begins(written, head) &&
			(p->entries == 0 || !begins(written, "signature "))))
		return false;
	ends = count_ends(rest, &last);
	return ends == 0 || (ends == 1 && last && written.len < rest.len);
}

/* Wait for who has it. Return: 0, -ESTALE it was removed meanwhile, -errno. */
static int lock_file(int fd, int operation)
{
	struct stat st;

	while (flock(fd, operation) < 0)
		if (errno != EINTR)
			return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_nlink ? 0 : -ESTALE;
}

static int open_file(const char *path, enum protocol_mode mode)
{
	static const int FLAGS[] = { [PROTOCOL_BEGIN] = O_RDWR | O_APPEND | O_CREAT,
		[PROTOCOL_GO_ON] = O_RDWR | O_APPEND,
		[PROTOCOL_READ] = O_RDONLY };
	int fd, r;

	do {
		fd = open(path, FLAGS[mode] | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (fd < 0)
			return -errno;
		r = lock_file(fd, mode == PROTOCOL_READ ? LOCK_SH : LOCK_EX);
		if (r < 0)
			close(fd);
	} while (r == -ESTALE);
	return r < 0 ? r : fd;
}

/* What never became whole stays as it is until the entry is written that says so. */
static int read_file(struct protocol *p, enum protocol_mode mode, const char *path)
{
	_cleanup_(freep) uint8_t *text = NULL;
	struct span rest = { 0 };
	size_t len = 0;
	int r = file_read(path, PROTOCOL_MAX, &text, &len);

	if (r < 0)
		return r;
	p->size = len;
	r = read_all(p, span_of(text, len), &rest);
	if (r == -EBADMSG && mode != PROTOCOL_READ && is_torn(p, rest)) {
		p->cut = rest.len;
		p->size -= rest.len;
		r = 0;
	}
	if (mode == PROTOCOL_BEGIN)
		return r == -EBADMSG || p->size ? -EEXIST : r;
	return r == 0 && mode == PROTOCOL_GO_ON && p->entries == 0 ? -ENOENT : r;
}

/* Its name is durable before the first entry, and goes again without one: the folder
 * stays open for that, whatever becomes of the working folder. */
static int keep_folder_of(const char *path, struct protocol *p)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int n = slash ? (int)(slash - path) : 1;

	if (snprintf(folder, sizeof(folder), "%.*s", n ? n : 1, slash ? path : ".") >=
			PATH_MAX ||
		snprintf(p->name, sizeof(p->name), "%s", slash ? slash + 1 : path) >=
			(int)sizeof(p->name))
		return -ENAMETOOLONG;
	p->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return p->folder < 0 || fsync(p->folder) < 0 ? -errno : 0;
}

int protocol_open(const char *path, enum protocol_mode mode, struct protocol *ret)
{
	int r;

	*ret = (struct protocol){ .folder = -1, .chain = ZEROS };
	ret->fd = open_file(path, mode);
	if (ret->fd < 0)
		return ret->fd;
	r = read_file(ret, mode, path);
	if (r == 0 && mode == PROTOCOL_BEGIN)
		r = keep_folder_of(path, ret);
	if (r < 0)
		protocol_done(ret);
	return r;
}

void protocol_done(struct protocol *p)
{
	/* Under the lock: who waits for it sees that it went, and makes another. */
	if (p->folder >= 0) {
		if (p->entries == 0 && p->cut == 0)
			(void)unlinkat(p->folder, p->name, 0);
		close(p->folder);
	}
	if (p->fd >= 0)
		close(p->fd);
	p->fd = p->folder = -1;
}

/* Room of the file's up to most. */
static int append(struct protocol *p, struct span text, size_t most)
{
	int r = p->size > most || text.len > most - p->size ? -EFBIG : 0;

	if (r == 0 && p->cut && ftruncate(p->fd, (off_t)p->size) < 0)
		r = -errno;
	if (r == 0)
		r = fd_write_all(p->fd, text);
	if (r == 0 && fsync(p->fd) < 0)
		r = -errno;
	if (r < 0)
		return r;
	p->size += text.len;
	p->cut = 0;
	return 0;
}

static int add(struct protocol *p, const char *text, size_t most)
{
	_cleanup_buf_ struct buf b = { 0 };
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
		r = append(p, buf_span(&b), most);
	if (r < 0)
		return r;
	memcpy(p->chain, chain, sizeof(chain));
	p->entries++;
	return 0;
}

int protocol_add(struct protocol *p, const char *text)
{
	return add(p, text, PROTOCOL_MAX - PROTOCOL_END_ROOM);
}

int protocol_add_end(struct protocol *p, const char *text)
{
	return add(p, text, PROTOCOL_MAX - PROTOCOL_SIGNATURE_ROOM);
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
	r = append(p, span_str(line), PROTOCOL_MAX);
	p->closed = r == 0;
	return r;
}
