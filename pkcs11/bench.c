/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/bench.h"

#include "pkcs11/public_key.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define SAID_MAX (256u * 1024)
#define LINE_MAX_SIZE 1024

void bench_init(
	struct bench *b, const struct instance *instance, const struct roles *roles)
{
	*b = (struct bench){ .instance = instance, .roles = roles };
	buf_init(&b->said, SAID_MAX);
}

void bench_done(struct bench *b)
{
	buf_done(&b->said);
}

__attribute__((format(printf, 2, 0))) static void add_line(
	struct bench *b, const char *format, va_list ap)
{
	char line[LINE_MAX_SIZE];

	(void)vsnprintf(line, sizeof(line), format, ap);
	buf_addf(&b->said, "%s\n", line);
}

void bench_say(struct bench *b, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_line(b, format, ap);
	va_end(ap);
}

int bench_fail(struct bench *b, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_line(b, format, ap);
	va_end(ap);
	return -EINVAL;
}

int bench_fail_rv(struct bench *b, const char *call, CK_RV rv)
{
	bench_fail(b, "%s: %s", call, ckr_text(rv));
	return -EIO;
}

EVP_PKEY *bench_public_key(
	struct bench *b, const struct role *role, char ret_sha256[SHA256_TEXT_SIZE])
{
	EVP_PKEY *key = public_key_read(
		b->place.module->f, b->place.session, role->label, ret_sha256);

	if (!key)
		bench_fail(b,
			"role %s: the token has no public key with the label %s: make "
			"one (hsm keys)",
			role->name, role->label);
	return key;
}
