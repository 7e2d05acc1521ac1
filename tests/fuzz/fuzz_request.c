/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * SCGI requests as intake reads them: header, identity, negotiation, body. What is
 * spooled is exactly what was announced, under its own digest.
 */
#include "common/limits.h"
#include "common/memfd.h"
#include "intake/http.h"
#include "intake/identity.h"
#include "pki/certificate.h"
#include "web/certificate.h"
#include "web/request.h"

#include <stdlib.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_body(struct request *r)
{
	uint8_t digest[SHA256_SIZE];
	struct span body;

	if (request_body(r) != 1)
		return;
	if (memfd_map(r->body, LIMIT_DOCUMENT, &body) < 0 ||
		body.len != request_size(r) || r->unread ||
		digest_sha256(body, digest) < 0 ||
		memcmp(digest, r->sha256, sizeof(digest)) != 0)
		abort();
	memfd_unmap(&body);
}

static void check_header(const struct request *r)
{
	int64_t t;

	if (!*r->correlation || strlen(r->path) >= PATH_SIZE)
		abort();
	http_prefers_xml(scgi_get(&r->scgi, "HTTP_ACCEPT"));
	http_is_xml(scgi_get(&r->scgi, "CONTENT_TYPE"));
	(void)http_date(scgi_get(&r->scgi, "HTTP_DATE"), &t);
	X509_free(web_certificate_parse(scgi_get(&r->scgi, "CLIENT_CERTIFICATE")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(closep) int fd = memfd_create("request", MFD_CLOEXEC);
	_cleanup_request_ struct request r;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size ||
		lseek(fd, 0, SEEK_SET) < 0)
		abort();
	if (request_read(fd, &r) != 1)
		return 0;
	check_header(&r);
	check_body(&r);
	request_discard(&r);
	return 0;
}
