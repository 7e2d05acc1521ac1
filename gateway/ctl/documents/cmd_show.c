/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/trial.h"
#include "ctl/command.h"
#include "ctl/documents/queue_session.h"

#include "common/durable.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/memfd.h"
#include "document/render.h"
#include "document/types.h"
#include "document/view.h"
#include "xml/reader.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum format { FORMAT_TEXT, FORMAT_HTML, FORMAT_JSON };

struct options {
	enum format format;
	const char *file;
};

static int read_format(const char *text, enum format *ret)
{
	static const char *const FORMATS[] = { "text", "html", "json" };

	for (int i = 0; i < 3; i++)
		if (strcmp(text, FORMATS[i]) == 0) {
			*ret = (enum format)i;
			return 0;
		}
	return command_fault("--format is text, html or json, not '%s'", text);
}

static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option OPTIONS[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "file", required_argument, NULL, 'F' },
		{ 0 },
	};
	int c, one;

	*o = (struct options){ .format = FORMAT_TEXT };
	while ((c = command_option(argc, argv, "", OPTIONS)) != -1) {
		if (c == 'F')
			o->file = optarg;
		else if (c != 'f' || read_format(optarg, &o->format) < 0)
			return -EINVAL;
	}
	one = o->file ? 0 : 1;
	return command_arguments(argc, argv, one, one, "the document's ID");
}

static int print(const json_t *view, enum format format)
{
	_cleanup_buf_ struct buf out;
	int r;

	buf_init(&out, RENDER_MAX);
	if (format == FORMAT_JSON) {
		if (json_dumpf(view, stdout,
			    JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII) < 0)
			return EXIT_INTERNAL;
		putchar('\n');
		return EXIT_CLEAN;
	}
	r = format == FORMAT_HTML ? render_html(view, &out) : render_text(view, &out);
	if (r < 0 || fwrite(out.data ? out.data : "", 1, out.len, stdout) != out.len)
		return EXIT_INTERNAL;
	return EXIT_CLEAN;
}

/* Whoever names a file knows where it comes from: it is read here, as check does. */
static int show_file(const char *path, enum format format)
{
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	_cleanup_json_ json_t *view = NULL;
	size_t len;
	int r = file_read(path, LIMIT_DOCUMENT, &data, &len);

	if (r < 0) {
		fprintf(stderr, "sealgate show: %s: %s\n", path, strerror(-r));
		return EXIT_USAGE;
	}
	xml_setup();
	r = xml_read(span_of(data, len), XML_READ_EIDAS, &findings, &doc);
	if (r == 0) {
		fprintf(stderr, "sealgate show: %s: %s\n", path,
			findings.count ? findings.list[0].message : "no document");
		return EXIT_NOT_PASSED;
	}
	if (r > 0) {
		document_strip_signatures(doc);
		view = view_read(doc);
	}
	return view ? print(view, format) : EXIT_INTERNAL;
}

/* What a partner sent is read by a verify process, behind closed doors. */
static int read_stored(struct queue_session *s, const struct queue_document *d, int fd,
	json_t **ret_report)
{
	_cleanup_trial_ struct trial t = { .pid = 0 };
	struct verdict v;
	int r = trial_in_force(&s->instance, &t);

	return r < 0 ? r : trial_ask(&t, VERIFY_VIEW, d, fd, d->received, &v, ret_report);
}

static int show_stored(const char *id, enum format format)
{
	_cleanup_session_ struct queue_session s = { 0 };
	_cleanup_(closep) int fd = -1;
	_cleanup_json_ json_t *report = NULL;
	const json_t *view;
	struct queue_document d;
	int r = queue_session_open(&s);

	if (r != EXIT_CLEAN)
		return r;
	r = queue_get(s.queue, id, NULL, QUEUE_DOCUMENT, &d, &fd);
	if (r != QUEUE_DONE)
		return queue_session_explain_id(r, id);
	if (read_stored(&s, &d, fd, &report) < 0)
		return EXIT_INTERNAL;
	view = json_object_get(report, "view");
	return view ? print(view, format) : EXIT_INTERNAL;
}

int cmd_show(int argc, char **argv)
{
	struct options o;

	if (read_options(argc, argv, &o) < 0)
		return command_usage("show");
	return o.file ? show_file(o.file, o.format) : show_stored(argv[optind], o.format);
}
