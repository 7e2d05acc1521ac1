/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/audit/audit_links.h"

#include "common/durable.h"
#include "common/encode.h"
#include "common/json.h"
#include "ctl/command.h"
#include "queue/audit.h"
#include "queue/head_list.h"
#include "queue/protocol.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(const char *path, const struct audit_check *c, const char *what)
{
	fprintf(stderr, "sealgate: %s: %s after position %lld\n", path, what,
		(long long)c->position);
	return EXIT_NOT_PASSED;
}

/* The sealed head that a link names, in the folder of the appliance's heads. Return: enum
 * exit_status. */
static int check_head(const char *path, const json_t *detail, const char *folder)
{
	const json_t *head = json_object_get(detail, "head");
	const char *named = json_string_of(head, "sha256");
	json_int_t position = json_integer_value(json_object_get(head, "position"));
	_cleanup_(freep) uint8_t *data = NULL;
	struct head_file f = { .position = position, .kind = HEAD_JSON };
	char file[PATH_MAX], sha256[SHA256_TEXT_SIZE];
	size_t len;
	int r;

	if (!named || position <= 0)
		return EXIT_CLEAN;
	r = head_file_find(folder, &f, file);
	if (r == -ENAMETOOLONG)
		return EXIT_INTERNAL;
	if (r == 0)
		r = file_read(file, SEALED_HEAD_MAX, &data, &len);
	if (r == 0)
		r = digest_sha256_text(span_of(data, len), sha256);
	if (r == 0 && strcmp(sha256, named) == 0)
		return EXIT_CLEAN;
	fprintf(stderr, "sealgate: %s: the sealed head that %s names is %s\n", file, path,
		r < 0 ? strerror(-r) : "another");
	return r < 0 && r != -ENOENT ? EXIT_INTERNAL : EXIT_NOT_PASSED;
}

/* Is the record a link to the appliance? */
static bool read_link(const json_t *json, const char *appliance, struct sealed_head *ret)
{
	const char *event = json_string_of(json, "event");
	const json_t *detail = json_object_get(json, "detail");
	const char *of = json_string_of(detail, "appliance");
	const char *chain = json_string_of(detail, "chain");
	const json_t *position = json_object_get(detail, "position");

	if (!event || strcmp(event, "audit.link") != 0 || !of ||
		strcmp(of, appliance) != 0 || !chain || !json_is_integer(position) ||
		strlen(chain) != SHA256_TEXT_SIZE - 1 ||
		hex_decode(chain, ret->chain, SHA256_SIZE) < 0)
		return false;
	ret->position = json_integer_value(position);
	return ret->position > 0;
}

static int take_line(struct audit_heads *h, struct audit_check *c,
	const struct audit_links *l, struct span text)
{
	_cleanup_json_ json_t *json = NULL;
	struct sealed_head link = { .position = 0 };
	struct audit_line line;
	int fault = audit_check_line(c, text);

	if (fault != AUDIT_INTACT)
		return fault < 0 ? EXIT_INTERNAL
				 : refuse(l->path, c,
					   audit_fault_text((enum audit_fault)fault));
	if (audit_line_read(text, &line) < 0)
		return EXIT_INTERNAL;
	json = json_read(line.record, QUEUE_RECORD_READ_MAX);
	if (!read_link(json, l->appliance, &link))
		return EXIT_CLEAN;
	h->links++;
	if (audit_heads_add(h, &link) < 0)
		return EXIT_INTERNAL;
	return l->heads ? check_head(l->path, json_object_get(json, "detail"), l->heads)
			: EXIT_CLEAN;
}

int audit_links_load(struct audit_heads *h, const struct audit_links *l)
{
	FILE *f = fopen(l->path, "re");
	struct audit_check check = { .position = 0 };
	size_t before = h->links;
	int status = EXIT_CLEAN;
	char *text = NULL;
	size_t size = 0;
	ssize_t n;

	if (!f) {
		fprintf(stderr, "sealgate: %s: %s\n", l->path, strerror(errno));
		return EXIT_USAGE;
	}
	while (status == EXIT_CLEAN && (n = getline(&text, &size, f)) > 0) {
		n -= text[n - 1] == '\n';
		status = take_line(h, &check, l, span_of(text, (size_t)n));
	}
	free(text);
	fclose(f);
	audit_heads_sort(h);
	if (status == EXIT_CLEAN && h->links == before) {
		fprintf(stderr, "sealgate: %s: it says nothing of %s\n", l->path,
			l->appliance);
		status = EXIT_NOT_PASSED;
	}
	return status;
}
