/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/secret_files.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "common/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END "-----END CERTIFICATE-----"
#define PRIVATE "PRIVATE KEY-----"   /* of each form of one in PEM, encrypted ones too */
#define BEFORE (sizeof(PRIVATE) - 2) /* octets of it that may end what was read */
#define CHUNK 16384

/* The next line without its end, and spaces behind it; *text goes on behind it. */
static struct span next_line(struct span *text)
{
	const uint8_t *end = memchr(text->data, '\n', text->len);
	size_t n = end ? (size_t)(end - text->data) : text->len;
	struct span line = span_of(text->data, n);

	n += end != NULL;
	*text = span_of(text->data + n, text->len - n);
	while (line.len && strchr(" \t\r", line.data[line.len - 1]) &&
		line.data[line.len - 1])
		line.len--;
	return line;
}

static bool base64(struct span line)
{
	static const char DIGITS[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789+/=";

	for (size_t i = 0; i < line.len; i++)
		if (!memchr(DIGITS, line.data[i], sizeof(DIGITS) - 1))
			return false;
	return true;
}

bool secret_is_public(struct span text)
{
	bool inside = false;
	size_t count = 0;

	while (text.len) {
		struct span line = next_line(&text);

		if (inside && span_equal(line, span_str(END))) {
			inside = false;
			count++;
		} else if (inside ? !base64(line) : line.len && line.data[0] != '#') {
			if (inside || !span_equal(line, span_str(BEGIN)))
				return false;
			inside = true;
		}
	}
	return count > 0 && !inside;
}

int secret_lies_in(const char *path)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t octets[BEFORE + CHUNK];
	size_t kept = 0, n = 0;
	int r = fd < 0 ? -errno : 0;

	while (r == 0) {
		r = fd_read_up_to(fd, octets + kept, CHUNK, &n);
		if (r < 0 || n == 0)
			break;
		n += kept;
		if (memmem(octets, n, PRIVATE, sizeof(PRIVATE) - 1))
			return 1;
		kept = n < BEFORE ? n : BEFORE;
		memmove(octets, octets + n - kept, kept);
	}
	return r;
}

bool secret_clash(const char *path, const char *other)
{
	char a[INSTANCE_CREDENTIAL_SIZE], b[INSTANCE_CREDENTIAL_SIZE];

	return instance_credential(path, a) == 0 && instance_credential(other, b) == 0 &&
	       strcmp(a, b) == 0;
}

int secret_keep(struct span sealed, const char *to)
{
	return sealed.len ? durable_write(to, sealed, 0400) : -ENODATA;
}
