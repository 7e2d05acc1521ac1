/* SPDX-License-Identifier: EUPL-1.2 */
#include "visit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

static size_t put(char *to, const char *name, const char *value)
{
	size_t n = strlen(name) + 1, v = strlen(value) + 1;

	memcpy(to, name, n);
	memcpy(to + n, value, v);
	return n + v;
}

static const char * or (const char *text, const char *otherwise)
{
	return text ? text : otherwise;
}

char *visit_request(const struct visit *v, size_t *ret_len)
{
	const char *body = or (v->body, "");
	size_t len = 0, size = strlen(body);
	char *header = malloc(65536), *out = malloc(65536 + 16 + size), number[24];

	snprintf(number, sizeof(number), "%zu", size);
	len += put(header + len, "CONTENT_LENGTH", number);
	len += put(header + len, "SCGI", "1");
	len += put(header + len, "REQUEST_METHOD", v->method);
	len += put(header + len, "REQUEST_URI", v->uri);
	len += put(header + len, "QUERY_STRING",
		strchr(v->uri, '?') ? strchr(v->uri, '?') + 1 : "");
	len += put(header + len, "CONTENT_TYPE", or (v->content_type, "application/xml"));
	len += put(header + len, "HTTP_CONTENT_ENCODING", or (v->encoding, ""));
	len += put(header + len, "HTTP_ACCEPT", or (v->accept, ""));
	len += put(header + len, "HTTP_DATE", or (v->date, ""));
	len += put(header + len, "CORRELATION_ID", "0123456789abcdef0123456789abcdef");
	len += put(header + len, "TLS_PROTOCOL", or (v->protocol, "TLSv1.3"));
	len += put(header + len, "CLIENT_VERIFY", or (v->verify, "SUCCESS"));
	len += put(header + len, "CLIENT_CERTIFICATE", v->who ? v->who->escaped : "");
	if (v->probe)
		len += put(header + len, "PROBE", v->probe);
	*ret_len = (size_t)snprintf(out, 16, "%zu:", len);
	memcpy(out + *ret_len, header, len);
	*ret_len += len;
	out[(*ret_len)++] = ',';
	memcpy(out + *ret_len, body, size);
	*ret_len += size;
	free(header);
	return out;
}

static void take_apart(struct answer *a)
{
	char *end = strstr(a->body, "\r\n\r\n");
	size_t n = end ? (size_t)(end - a->body) + 4 : 0;

	if (!end || n >= sizeof(a->header) ||
		sscanf(a->body, "Status: %d ", &a->status) != 1)
		return;
	memcpy(a->header, a->body, n);
	a->header[n] = '\0';
	a->len -= n;
	memmove(a->body, a->body + n, a->len + 1);
	a->json = json_loads(a->body, JSON_REJECT_DUPLICATES, NULL);
}

void visit_over(int socket, const struct visit *v, struct answer *ret)
{
	size_t len, size = 1u << 16;
	char *request = visit_request(v, &len);
	ssize_t n;

	*ret = (struct answer){ .body = malloc(size + 1) };
	for (size_t sent = 0; sent < len; sent += (size_t)n) {
		n = send(socket, request + sent, len - sent, MSG_NOSIGNAL);
		if (n <= 0)
			break;
	}
	free(request);
	while ((n = read(socket, ret->body + ret->len, size - ret->len)) > 0) {
		ret->len += (size_t)n;
		if (ret->len == size)
			ret->body = realloc(ret->body, (size *= 2) + 1);
	}
	ret->body[ret->len] = '\0';
	take_apart(ret);
}

struct serving {
	struct server *server;
	struct links *links;
	int socket;
};

static void *serve(void *arg)
{
	struct serving *s = arg;

	server_serve(s->server, s->links, s->socket);
	close(s->socket);
	return NULL;
}

void visit(struct server *s, struct links *l, const struct visit *v, struct answer *ret)
{
	struct serving serving = { .server = s, .links = l };
	pthread_t thread;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	serving.socket = pair[1];
	if (pthread_create(&thread, NULL, serve, &serving) != 0)
		abort();
	visit_over(pair[0], v, ret);
	pthread_join(thread, NULL);
	close(pair[0]);
}

const char *answer_header(const struct answer *a, const char *name)
{
	static char value[512];
	size_t n = strlen(name);

	for (const char *p = a->header; p && *p; p = strchr(p, '\n') + 1) {
		if (strncasecmp(p, name, n) != 0 || p[n] != ':')
			continue;
		snprintf(value, sizeof(value), "%.*s", (int)strcspn(p + n + 2, "\r"),
			p + n + 2);
		return value;
	}
	return NULL;
}

const char *answer_text(const struct answer *a, const char *key)
{
	const char *text = json_string_value(json_object_get(a->json, key));

	return text ? text : "";
}

void answer_done(struct answer *a)
{
	free(a->body);
	json_decref(a->json);
	*a = (struct answer){ 0 };
}
