/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/audit_links.h"

#include "common/encode.h"
#include "common/json.h"
#include "ctl/command.h"
#include "queue/audit.h"
#include "queue/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(const char *path, const struct audit_check *c, const char *what)
{
	fprintf(stderr, "sealgate: %s: %s after position %lld\n", path, what,
		(long long)c->position);
	return EXIT_NOT_PASSED;
}

/* Is the record a link to the appliance? */
static bool read_link(struct span record, const char *appliance, struct sealed_head *ret)
{
	_cleanup_json_ json_t *json = json_read(record, QUEUE_RECORD_MAX);
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

static int take_line(struct audit_heads *h, struct audit_check *c, const char *path,
	struct span text, const char *appliance)
{
	struct sealed_head link = { .position = 0 };
	struct audit_line line;
	int fault = audit_check_line(c, text);

	if (fault != AUDIT_INTACT)
		return fault < 0 ? EXIT_INTERNAL
				 : refuse(path, c,
					   audit_fault_text((enum audit_fault)fault));
	if (audit_line_read(text, &line) < 0)
		return EXIT_INTERNAL;
	if (!read_link(line.record, appliance, &link))
		return EXIT_CLEAN;
	h->links++;
	return audit_heads_add(h, &link) < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
}

int audit_links_load(struct audit_heads *h, const char *path, const char *appliance)
{
	FILE *f = fopen(path, "re");
	struct audit_check check = { .position = 0 };
	size_t before = h->links;
	int status = EXIT_CLEAN;
	char *text = NULL;
	size_t size = 0;
	ssize_t n;

	if (!f) {
		fprintf(stderr, "sealgate: %s: %s\n", path, strerror(errno));
		return EXIT_USAGE;
	}
	while (status == EXIT_CLEAN && (n = getline(&text, &size, f)) > 0) {
		n -= text[n - 1] == '\n';
		status = take_line(h, &check, path, span_of(text, (size_t)n), appliance);
	}
	free(text);
	fclose(f);
	audit_heads_sort(h);
	if (status == EXIT_CLEAN && h->links == before) {
		fprintf(stderr, "sealgate: %s: it says nothing of %s\n", path, appliance);
		status = EXIT_NOT_PASSED;
	}
	return status;
}
