/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What sealgate-handshake makes of a stranger's certificate: the first line is what nginx
 * says of it, the rest the certificate in DER. The answer is one line of JSON that
 * refuses.
 */
#include "common/encode.h"
#include "common/json.h"
#include "handshake/post_mortem.h"
#include "pki/certificate.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST 32768u
#define AT 1780000000

/* As nginx hands DER over. NULL without memory. */
static char *escaped(struct span der)
{
	_cleanup_(freep) char *base64 = base64_encode(der);
	_cleanup_buf_ struct buf b;
	char *text;

	buf_init(&b, 4 * MOST);
	buf_add_str(&b, "-----BEGIN%20CERTIFICATE-----%0A");
	for (size_t i = 0; base64 && base64[i]; i++) {
		if (i && i % 64 == 0)
			buf_add_str(&b, "%0A");
		if (base64[i] == '+')
			buf_add_str(&b, "%2B");
		else
			buf_add(&b, base64 + i, 1);
	}
	buf_add_str(&b, "%0A-----END%20CERTIFICATE-----%0A");
	text = b.error ? NULL : buf_take(&b, NULL);
	return text;
}

static void examine(enum listener listener, const char *verify, const char *certificate,
	struct known_here *known)
{
	struct request r = { .correlation = "c0ffee",
		.scgi = { .pairs = { { "CLIENT_VERIFY", verify },
				  { "CLIENT_CERTIFICATE", certificate },
				  { "REFUSED", "partner.certificate" },
				  { "LISTENER", listener_text(listener) } },
			.pair_count = 4 } };
	struct post_mortem p;
	_cleanup_json_ json_t *answer = NULL;
	int e = post_mortem_make(&r, strcmp(verify, "SUCCESS") == 0, known, AT, &p);

	if (e < 0)
		return;
	answer = json_loads(p.answer, JSON_REJECT_DUPLICATES, NULL);
	if (!answer || strpbrk(p.answer, "\r\n") || *p.partner ||
		json_integer_value(json_object_get(answer, "status")) != 403 ||
		json_array_size(json_object_get(answer, "findings")) == 0)
		abort();
	post_mortem_done(&p);
}

/* The certificate is its own authority, too, so that paths are looked at both ways. */
static void both_ways(enum listener listener, const char *verify, const char *certificate,
	struct span der)
{
	struct known_here known = { 0 };

	known.material[listener] = pki_material_new();
	if (known.material[listener]) {
		examine(listener, verify, certificate, &known);
		(void)pki_material_add_certificate(known.material[listener], der);
		examine(listener, verify, certificate, &known);
	}
	known_here_done(&known);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	_cleanup_(freep) char *verify = NULL, *certificate = NULL;
	struct span der;

	if (!end || size > MOST || memchr(data, '\0', (size_t)(end - data)))
		return 0;
	verify = strndup((const char *)data, (size_t)(end - data));
	der = span_of(end + 1, size - (size_t)(end + 1 - data));
	certificate = escaped(der);
	for (enum listener l = LISTENER_PARTNERS; verify && certificate && l < LISTENERS;
		l++)
		both_ways(l, verify, certificate, der);
	return 0;
}
