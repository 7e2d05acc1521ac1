/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/instance/edge.h"

#include "common/durable.h"
#include "ctl/instance/own_folder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CONFIGURATION_MAX 65536u

__asm__(".section .rodata\n"
	"edge_template:\n"
	".incbin \"systemd/nginx/sealgate.conf.in\"\n"
	".byte 0\n"
	".previous\n");
extern const char edge_template[];

/* Nothing but these reaches a daemon: request headers are not passed on as a whole. */
static const char SCGI_PARAMETERS[] =
	"\t\t\tscgi_pass_request_headers off;\n"
	"\t\t\tscgi_param SCGI 1;\n"
	"\t\t\tscgi_param REQUEST_METHOD $request_method;\n"
	"\t\t\tscgi_param REQUEST_URI $request_uri;\n"
	"\t\t\tscgi_param DOCUMENT_URI $document_uri;\n"
	"\t\t\tscgi_param QUERY_STRING $query_string;\n"
	"\t\t\tscgi_param CONTENT_TYPE $content_type;\n"
	"\t\t\tscgi_param HTTP_CONTENT_ENCODING $http_content_encoding;\n"
	"\t\t\tscgi_param HTTP_ACCEPT $http_accept;\n"
	"\t\t\tscgi_param HTTP_ACCEPT_LANGUAGE $http_accept_language;\n"
	"\t\t\tscgi_param HTTP_DATE $http_date;\n"
	"\t\t\tscgi_param REMOTE_ADDR $remote_addr;\n"
	"\t\t\tscgi_param CORRELATION_ID $request_id;\n"
	"\t\t\tscgi_param TLS_PROTOCOL $ssl_protocol;\n"
	"\t\t\tscgi_param CLIENT_VERIFY $ssl_client_verify;\n"
	"\t\t\tscgi_param CLIENT_CERTIFICATE $ssl_client_escaped_cert;\n"
	"\t\t\tscgi_connect_timeout 5s;\n"
	"\t\t\tscgi_send_timeout 30s;\n"
	"\t\t\tscgi_request_buffering on;\n"
	"\t\t\tscgi_buffer_size 16k;\n"
	"\t\t\tscgi_buffers 8 16k;\n"
	"\t\t\tscgi_next_upstream off;";

/* A path and no named location: a request whose first line cannot be read has no address
 * to redirect from by name. */
static const char ERROR_PAGES[] =
	"\t\tadd_header X-Correlation-Id $request_id always;\n"
	"\t\terror_page 400 403 404 405 408 413 414 497 501 503 505"
	" /.problem;\n"
	"\t\terror_page 494 =431 /.problem;\n"
	"\t\terror_page 500 502 504 =503 /.problem;\n"
	"\t\tlocation = /.problem {\n"
	"\t\t\tinternal;\n"
	"\t\t\tdefault_type application/problem+json;\n"
	"\t\t\tadd_header Retry-After $retry_after always;\n"
	"\t\t\tadd_header X-Correlation-Id $request_id always;\n"
	"\t\t\treturn 503 $problem;\n"
	"\t\t}";

/* A certificate that is not accepted is explained in a subrequest, which has no body and
 * whose every answer lets nobody in: behind it there is nothing but 403. Nothing that the
 * program answers leads to another address of ours: it faces strangers. */
#define EXPLANATION(listener)                                                            \
	"\t\trecursive_error_pages on; # the answer to one of these is made in steps\n"  \
	"\t\terror_page 495 496 =403 /.handshake;\n"                                     \
	"\t\tlocation = /.handshake {\n"                                                 \
	"\t\t\tinternal;\n"                                                              \
	"\t\t\tlimit_req zone=handshake_address burst=10 nodelay;\n"                     \
	"\t\t\tlimit_req zone=handshake_all burst=20 nodelay;\n"                         \
	"\t\t\tauth_request /.post-mortem;\n"                                            \
	"\t\t\tauth_request_set $explained $upstream_http_x_explained;\n"                \
	"\t\t\tauth_request_set $explained_language "                                    \
	"$upstream_http_x_explained_language;\n"                                         \
	"\t\t\terror_page 403 /.explained;\n"                                            \
	"\t\t\terror_page 401 500 502 503 504 =403 /.explained;\n"                       \
	"\t\t\ttry_files /.none =403;\n"                                                 \
	"\t\t}\n"                                                                        \
	"\t\tlocation = /.post-mortem {\n"                                               \
	"\t\t\tinternal;\n"                                                              \
	"\t\t\tscgi_param LISTENER " listener ";\n"                                      \
	"@SCGI@\n"                                                                       \
	"\t\t\tscgi_pass_request_body off;\n"                                            \
	"\t\t\tscgi_ignore_headers X-Accel-Redirect X-Accel-Expires "                    \
	"X-Accel-Limit-Rate\n"                                                           \
	"\t\t\t\tX-Accel-Buffering X-Accel-Charset Expires Cache-Control Set-Cookie "    \
	"Vary;\n"                                                                        \
	"\t\t\tscgi_read_timeout 5s;\n"                                                  \
	"\t\t\tscgi_pass unix:@RUN@/handshake.sock;\n"                                   \
	"\t\t}\n"                                                                        \
	"\t\tlocation = /.explained {\n"                                                 \
	"\t\t\tinternal;\n"                                                              \
	"\t\t\tdefault_type application/problem+json;\n"                                 \
	"\t\t\tadd_header X-Correlation-Id $request_id always;\n"                        \
	"\t\t\tadd_header Content-Language $explained_language always;\n"                \
	"\t\t\treturn 403 $explanation;\n"                                               \
	"\t\t}"

struct variable {
	const char *name;
	const char *key;  /* of the configuration */
	const char *text; /* or a fixed text, in which there may be others */
};

static const struct variable VARIABLES[] = {
	{ "CERT", "tls.certificate", NULL },
	{ "KEY", "tls.key", NULL },
	{ "PARTNER_CA", "tls.partner_ca", NULL },
	{ "CUSTOMS_CA", "tls.customs_ca", NULL },
	{ "OPERATOR_CA", "tls.operator_ca", NULL },
	{ "PARTNERS", "listen.partners", NULL },
	{ "CUSTOMS", "listen.customs", NULL },
	{ "OPERATORS", "listen.operators", NULL },
	{ "RUN", NULL, "run" },
	{ "SCGI", NULL, SCGI_PARAMETERS },
	{ "ERRORS", NULL, ERROR_PAGES },
	{ "EXPLAIN_PARTNERS", NULL, EXPLANATION("partners") },
	{ "EXPLAIN_CUSTOMS", NULL, EXPLANATION("customs") },
	{ "EXPLAIN_OPERATORS", NULL, EXPLANATION("operators") },
};

static int expand(const struct instance *instance, const char *p, struct buf *ret);

/* A word that is no more than one to nginx: what it would end, nest, quote, expand or
 * leave out would be a line of its own, and with it another way to the daemons. */
static bool is_word(const char *text)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= ' ' || strchr(";{}\"'\\$#", *p))
			return false;
	return *text;
}

static int add_path(const struct instance *instance, const char *name, struct buf *ret)
{
	char path[PATH_MAX];
	int r = instance_secret(instance, name, path);

	if (r == 0 && !is_word(path))
		r = -EINVAL;
	return r < 0 ? r : buf_add_str(ret, path);
}

/* No address is every address. IPv4 has a listener of its own, so that nobody's address
 * is told as one of IPv6. */
static int add_listener(struct buf *ret, const char *address)
{
	if (!is_word(address))
		return -EINVAL;
	if (strncmp(address, "[::]:", 5) == 0)
		return buf_addf(
			ret, "0.0.0.0:%s ssl;\n\t\tlisten %s", address + 5, address);
	return buf_add_str(ret, address);
}

static int add_variable(
	const struct instance *instance, const char *name, size_t len, struct buf *ret)
{
	for (size_t i = 0; i < sizeof(VARIABLES) / sizeof(VARIABLES[0]); i++) {
		const struct variable *v = &VARIABLES[i];

		if (strlen(v->name) != len || memcmp(v->name, name, len) != 0)
			continue;
		if (v->key && strncmp(v->key, "tls.", 4) == 0)
			return add_path(
				instance, config_string(instance->config, v->key), ret);
		if (v->key)
			return add_listener(ret, config_string(instance->config, v->key));
		return strcmp(v->name, "RUN") == 0 ? add_path(instance, v->text, ret)
						   : expand(instance, v->text, ret);
	}
	if (len == 4 && memcmp(name, "RATE", 4) == 0)
		return buf_addf(ret, "%lld", config_int(instance->config, "listen.rate"));
	if (len == 11 && memcmp(name, "SIGNED_RATE", 11) == 0)
		return buf_addf(
			ret, "%lld", config_int(instance->config, "listen.signed_rate"));
	/* half of what intake serves at once, of which it lets one partner have a quarter
	 */
	if (len == 11 && memcmp(name, "CONNECTIONS", 11) == 0)
		return buf_addf(ret, "%lld",
			(config_int(instance->config, "intake.threads") + 1) / 2);
	return -EINVAL;
}

/* A text with its variables in their place. */
static int expand(const struct instance *instance, const char *p, struct buf *ret)
{
	const char *at, *end;

	while ((at = strchr(p, '@')) != NULL) {
		size_t len = strspn(at + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
		int r;

		end = at + 1 + len;
		if (len == 0 || *end != '@') {
			buf_add(ret, p, (size_t)(end - p));
			p = end;
			continue;
		}
		buf_add(ret, p, (size_t)(at - p));
		r = add_variable(instance, at + 1, len, ret);
		if (r < 0)
			return r;
		p = end + 1;
	}
	return buf_add_str(ret, p);
}

int edge_configuration(const struct instance *instance, struct buf *ret)
{
	return expand(instance, edge_template, ret);
}

int edge_prepare(const struct instance *instance, char ret_path[PATH_MAX])
{
	_cleanup_buf_ struct buf text;
	int r;

	buf_init(&text, CONFIGURATION_MAX);
	r = edge_configuration(instance, &text);
	if (r == 0)
		r = own_folder(instance, "run/nginx", "nginx", 0700);
	if (r == 0)
		r = instance_path(instance, "run/nginx/nginx.conf", ret_path);
	return r < 0 ? r : durable_write(ret_path, buf_span(&text), 0644);
}
