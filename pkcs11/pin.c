/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/pin.h"

#include "common/durable.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MARKER_SIZE 160

int pin_read(const char *path, char ret_pin[PIN_SIZE])
{
	uint8_t *data;
	size_t len, octets;
	int r = file_read(path, PIN_SIZE, &data, &len);

	if (r < 0)
		return r;
	octets = len;
	if (len && data[len - 1] == '\n')
		len--;
	if (len < PIN_MIN || len >= PIN_SIZE || memchr(data, '\n', len) ||
		memchr(data, 0, len)) {
		r = -EINVAL;
	} else {
		memcpy(ret_pin, data, len);
		ret_pin[len] = '\0';
	}
	OPENSSL_cleanse(data, octets);
	free(data);
	return r;
}

/* What identifies the credential file's present content without saying anything of it. */
static int marker_text(const char *pin, char ret_text[MARKER_SIZE])
{
	struct stat st;

	if (stat(pin, &st) < 0)
		return -errno;
	snprintf(ret_text, MARKER_SIZE,
		"the token refused the PIN of inode %llu of %lld.%09ld\n",
		(unsigned long long)st.st_ino, (long long)st.st_mtim.tv_sec,
		st.st_mtim.tv_nsec);
	return 0;
}

static int was_refused(const struct pin_files *files, const char *text)
{
	uint8_t *data;
	size_t len;
	int r = file_read(files->marker, MARKER_SIZE, &data, &len);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r == -EFBIG ? 1 : r;
	r = strcmp((const char *)data, text) == 0;
	free(data);
	return r;
}

/* The PIN file, as marker_text names it, that the token refused to this process. */
static char refused_text[MARKER_SIZE];

static int refused(CK_RV rv)
{
	return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID ||
	       rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_EXPIRED || rv == CKR_PIN_LOCKED;
}

int pin_login_with(
	CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, const char *pin, CK_RV *ret_rv)
{
	CK_UTF8CHAR copy[PIN_SIZE]; /* the interface has no const */
	size_t len = strnlen(pin, PIN_SIZE - 1);

	memcpy(copy, pin, len);
	*ret_rv = f->C_Login(session, CKU_USER, copy, len);
	OPENSSL_cleanse(copy, sizeof(copy));
	if (*ret_rv == CKR_OK || *ret_rv == CKR_USER_ALREADY_LOGGED_IN)
		return 0;
	return refused(*ret_rv) ? -EACCES : -EAGAIN;
}

int pin_login(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session,
	const struct pin_files *files, CK_RV *ret_rv)
{
	char pin[PIN_SIZE], text[MARKER_SIZE];
	int r = marker_text(files->known_by, text);

	*ret_rv = CKR_OK;
	if (r == 0 && strcmp(text, refused_text) == 0)
		return -EACCES;
	if (r == 0)
		r = was_refused(files, text);
	if (r != 0)
		return r < 0 ? r : -EACCES;
	r = pin_read(files->pin, pin);
	if (r < 0)
		return r;
	r = pin_login_with(f, session, pin, ret_rv);
	OPENSSL_cleanse(pin, sizeof(pin));
	if (r != -EACCES)
		return r;
	/* Kept in memory too: a disk that takes no marker must not mean another try. */
	memcpy(refused_text, text, sizeof(refused_text));
	(void)durable_write(files->marker, span_str(text), 0600);
	return -EACCES;
}
