/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/audit/audit_links.h"

#include "ctl/audit/audit_ship.h"
#include "ctl/audit/reconcile.h"
#include "ctl/command.h"
#include "ctl/documents/queue_session.h"

#include "common/durable.h"
#include "common/encode.h"
#include "common/memfd.h"
#include "queue/audit.h"
#include "queue/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define READ_RECORDS 5000
#define ANSWER_MAX (16u * 1024 * 1024)

/* What is done with each line of the chain; false ends it. */
struct reading {
	bool (*line)(struct reading *r, struct span line);
	struct audit_check check;
	struct audit_heads heads;
	bool no_head;  /* asked for: the end of the chain is not compared */
	bool headless; /* the instance should have a head, and has none */
	int status;    /* enum exit_status so far */
	struct reconcile *reconcile;
	FILE *out;
};

static void report(const struct audit_check *c, int fault)
{
	char chain[SHA256_TEXT_SIZE];

	hex_encode(c->chain, SHA256_SIZE, chain);
	if (fault == AUDIT_INTACT)
		printf("intact: %lld records, head %lld:%s\n", (long long)c->position,
			(long long)c->position, chain);
	else if (fault == AUDIT_TRUNCATED)
		printf("truncated: the chain ends at position %lld, its head is at "
		       "%lld\n",
			(long long)c->position, (long long)c->head_position);
	else
		printf("%s: at position %lld, after the intact position %lld\n",
			audit_fault_text((enum audit_fault)fault),
			(long long)c->position + 1, (long long)c->position);
}

/* The chain is one, but not the one that was sealed. */
static bool rewritten(struct reading *r)
{
	printf("rewritten: what was sealed or linked at position %lld is of another "
	       "chain\n",
		(long long)r->check.position);
	r->status = EXIT_NOT_PASSED;
	return false;
}

static bool verify_line(struct reading *r, struct span line)
{
	int fault = audit_check_line(&r->check, line);

	if (fault == AUDIT_INTACT &&
		!audit_heads_agree(&r->heads, r->check.position, r->check.chain))
		return rewritten(r);
	if (fault == AUDIT_INTACT)
		return true;
	if (fault < 0) {
		fprintf(stderr, "sealgate: %s\n", strerror(-fault));
		r->status = EXIT_INTERNAL;
		return false;
	}
	report(&r->check, fault);
	r->status = EXIT_NOT_PASSED;
	return false;
}

static bool export_line(struct reading *r, struct span line)
{
	if (fwrite(line.data, 1, line.len, r->out) == line.len &&
		putc('\n', r->out) != EOF)
		return true;
	fprintf(stderr, "sealgate: %s\n", strerror(errno));
	r->status = EXIT_INTERNAL;
	return false;
}

/* Lines of one answer. Return: false when the reading ended. */
static bool each_line(struct reading *r, struct span data)
{
	while (data.len) {
		const uint8_t *end = memchr(data.data, '\n', data.len);
		size_t n = end ? (size_t)(end - data.data) : data.len;

		if (!r->line(r, span_of(data.data, n)))
			return false;
		n += end != NULL;
		data.data += n;
		data.len -= n;
	}
	return true;
}

static int64_t last_position(struct span data, int64_t before)
{
	struct audit_line line;
	const uint8_t *start;

	if (data.len < 2)
		return before;
	start = memrchr(data.data, '\n', data.len - 1);
	start = start ? start + 1 : data.data;
	return audit_line_read(span_of(start, (size_t)(data.data + data.len - 1 - start)),
		       &line) == 0
		       ? line.position
		       : before;
}

/* The whole chain of the instance, answer by answer. */
static void read_instance(struct reading *r, struct queue *q, int64_t after)
{
	bool more = true;

	while (more) {
		struct span data = { 0 };
		int64_t last;
		int fd, answer = queue_audit_read(q, after, READ_RECORDS, &fd);

		if (answer != QUEUE_DONE) {
			r->status = queue_session_explain(answer, NULL);
			return;
		}
		if (memfd_map(fd, ANSWER_MAX, &data) < 0)
			r->status = EXIT_INTERNAL;
		more = data.len > 0 && each_line(r, data);
		last = last_position(data, after);
		memfd_unmap(&data);
		close(fd);
		if (last <= after)
			return;
		after = last;
	}
}

/* Hand on the whole lines of the buffer and move the rest to its front. A line that does
 * not fit goes as it is, and is no line of an export. */
static bool take_lines(
	struct reading *r, uint8_t *data, size_t size, size_t *len, bool end)
{
	const uint8_t *last = *len && !end ? memrchr(data, '\n', *len) : NULL;
	size_t n = last ? (size_t)(last - data) + 1 : end || *len == size ? *len : 0;

	if (!each_line(r, span_of(data, n)))
		return false;
	*len -= n;
	memmove(data, data + n, *len);
	return true;
}

static void read_lines(struct reading *r, const char *path)
{
	static uint8_t data[2 * QUEUE_RECORD_READ_MAX]; /* untouched, it costs nothing */
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	size_t len = 0, n = 1;

	if (!f) {
		fprintf(stderr, "sealgate: %s: %s\n", path, strerror(errno));
		r->status = EXIT_INTERNAL;
		return;
	}
	while (n > 0) {
		n = fread(data + len, 1, sizeof(data) - len, f);
		len += n;
		if (!take_lines(r, data, sizeof(data), &len, n == 0))
			break;
	}
	if (ferror(f)) {
		fprintf(stderr, "sealgate: %s: %s\n", path, strerror(errno));
		r->status = EXIT_INTERNAL;
	}
	if (f != stdin)
		fclose(f);
}

/* The head that the instance keeps beside its database. */
static int read_head(const struct instance *i, struct reading *reading)
{
	struct audit_check *c = &reading->check;
	_cleanup_(freep) uint8_t *data = NULL;
	char path[PATH_MAX];
	size_t len;
	int r = instance_path(i, "state/queue/head", path);

	if (r == 0)
		r = file_read(path, 256, &data, &len);
	reading->headless = r == -ENOENT;
	if (r == -ENOENT ||
		(r == 0 && span_equal(span_of(data, len), span_str(AUDIT_HEAD_NONE))))
		return 0;
	if (r == 0)
		r = audit_head_read(span_of(data, len), &c->head_position, c->head_chain);
	if (r < 0)
		fprintf(stderr, "sealgate: %s: %s\n", path, strerror(-r));
	return r;
}

static void verify_instance(struct reading *r)
{
	_cleanup_session_ struct queue_session s = { 0 };

	r->status = queue_session_open(&s);
	if (r->status != EXIT_CLEAN)
		return;
	if (!r->check.head_position && !r->no_head && read_head(&s.instance, r) < 0)
		r->status = EXIT_INTERNAL;
	else
		read_instance(r, s.queue, 0);
}

static int verify(struct reading *r, const char *file)
{
	int fault;

	r->line = verify_line;
	if (file)
		read_lines(r, file);
	else
		verify_instance(r);
	if (r->status != EXIT_CLEAN)
		return r->status;
	fault = audit_check_end(&r->check);
	if (fault == AUDIT_INTACT && r->headless && r->check.position) {
		printf("no head: state/queue/head is missing; whether records are "
		       "missing "
		       "after position %lld cannot be known\n",
			(long long)r->check.position);
		return EXIT_NOT_PASSED;
	}
	report(&r->check, fault);
	return fault == AUDIT_INTACT ? audit_heads_end(&r->heads, r->check.position)
				     : EXIT_NOT_PASSED;
}

static int export(struct reading *r, int64_t after)
{
	_cleanup_session_ struct queue_session s = { 0 };

	r->line = export_line;
	r->status = queue_session_open(&s);
	if (r->status != EXIT_CLEAN)
		return r->status;
	read_instance(r, s.queue, after);
	if (fflush(r->out) != 0)
		return EXIT_INTERNAL;
	return r->status;
}

static bool reconcile_line(struct reading *r, struct span line)
{
	int e;

	/* A ledger that was altered explains nothing. */
	if (!verify_line(r, line))
		return false;
	e = reconcile_audit(r->reconcile, line);
	if (e == 0)
		return true;
	fprintf(stderr, "sealgate: the audit chain: %s\n", strerror(-e));
	r->status = e == -EINVAL ? EXIT_NOT_PASSED : EXIT_INTERNAL;
	return false;
}

static int read_count(struct reading *r, const char *path,
	int (*take)(struct reconcile *r, FILE *count))
{
	const char *dir = getenv("SEALGATE_INSTANCE");
	char own[PATH_MAX];
	FILE *f;
	int e;

	if (!path && dir &&
		snprintf(own, sizeof(own), "%s/state/signer/count.log", dir) <
			(int)sizeof(own))
		path = own;
	f = path ? fopen(path, "re") : NULL;
	if (!f) {
		fprintf(stderr, "sealgate: %s: %s\n", path ? path : "--count",
			strerror(path ? errno : EINVAL));
		return EXIT_USAGE;
	}
	e = take(r->reconcile, f);
	fclose(f);
	return e < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
}

/* The count is read before the ledger: what is signed meanwhile is then known there. */
static int reconcile(struct reading *r, const char *count, const char *file)
{
	_cleanup_(reconcile_freep) struct reconcile *both = reconcile_new();
	_cleanup_session_ struct queue_session s = { 0 };
	int ok;

	if (!both)
		return EXIT_INTERNAL;
	r->reconcile = both;
	r->line = reconcile_line;
	r->status = read_count(r, count, reconcile_count);
	if (r->status == EXIT_CLEAN && file)
		read_lines(r, file);
	else if (r->status == EXIT_CLEAN)
		r->status = queue_session_open(&s);
	if (r->status == EXIT_CLEAN && !file)
		read_instance(r, s.queue, 0);
	if (r->status == EXIT_CLEAN)
		r->status = read_count(r, count, reconcile_lost);
	if (r->status != EXIT_CLEAN)
		return r->status;
	ok = reconcile_print(both, r->out);
	return ok < 0 ? EXIT_INTERNAL : ok ? EXIT_CLEAN : EXIT_NOT_PASSED;
}

static int read_after(const char *text, int64_t *ret_after)
{
	char *end;

	errno = 0;
	*ret_after = strtoll(text, &end, 10);
	return errno || *end || end == text || *ret_after < 0 ? -EINVAL : 0;
}

struct audit_options {
	struct pki_material *material;
	const char *heads, *count, *appliance;
	const char *links[AUDIT_LINKS_MAX];
	size_t link_count;
	int64_t after;
	bool anchored;
};

static int load(struct audit_options *o, enum pki_kind kind, const char *path)
{
	_cleanup_(freep) char *error = NULL;

	if (pki_material_load(o->material, kind, path, &error) < 0)
		return command_fault("%s", error ? error : path);
	o->anchored |= kind == PKI_ANCHORS;
	return 0;
}

static int take_place(bool ok, const char *value)
{
	return ok ? 0 : command_fault("not a place in the chain: %s", value);
}

static int take_option(
	struct reading *r, struct audit_options *o, int letter, const char *value)
{
	switch (letter) {
	case 'h':
		return take_place(
			audit_head_read(span_str(value), &r->check.head_position,
				r->check.head_chain) == 0,
			value);
	case 'a':
		return take_place(read_after(value, &o->after) == 0, value);
	case 'n':
		r->no_head = true;
		return 0;
	case 'c':
		o->count = value;
		return 0;
	case 'H':
		o->heads = value;
		return 0;
	case 'l':
		if (o->link_count == AUDIT_LINKS_MAX)
			return command_fault("too many --links");
		o->links[o->link_count++] = value;
		return 0;
	case 'N':
		o->appliance = value;
		return 0;
	case 'i':
		if (r->heads.name_count == AUDIT_NAMES_MAX)
			return command_fault("too many --name");
		r->heads.names[r->heads.name_count++] = value;
		return 0;
	case 't':
		r->heads.test_too = true;
		return 0;
	case 'A':
		return load(o, PKI_ANCHORS, value);
	case 'R':
		return load(o, PKI_REVOCATION, value);
	default:
		return -EINVAL;
	}
}

static int read_options(
	int argc, char **argv, struct reading *r, struct audit_options *ret)
{
	static const struct option options[] = { { "head", required_argument, NULL, 'h' },
		{ "no-head", no_argument, NULL, 'n' },
		{ "after", required_argument, NULL, 'a' },
		{ "count", required_argument, NULL, 'c' },
		{ "heads", required_argument, NULL, 'H' },
		{ "links", required_argument, NULL, 'l' },
		{ "appliance", required_argument, NULL, 'N' },
		{ "name", required_argument, NULL, 'i' },
		{ "test", no_argument, NULL, 't' },
		{ "anchors", required_argument, NULL, 'A' },
		{ "revocation", required_argument, NULL, 'R' }, { 0 } };
	int c;

	while ((c = command_option(argc, argv, "", options)) != -1)
		if (take_option(r, ret, c, optarg) < 0)
			return -EINVAL;
	if (ret->heads && !ret->anchored)
		return command_fault("--heads needs --anchors: whose seals count");
	if (!ret->heads && (r->heads.name_count || r->heads.test_too))
		return command_fault("--name and --test say which of --heads count");
	if (!ret->link_count != !ret->appliance)
		return command_fault("--links and --appliance go together: the export of "
				     "another chain, and this one's name in it");
	return 0;
}

static int verify_with_heads(
	struct reading *r, const struct audit_options *o, const char *file)
{
	int status = o->heads ? audit_heads_load(&r->heads, o->heads, o->material)
			      : EXIT_CLEAN;

	for (size_t i = 0; status == EXIT_CLEAN && i < o->link_count; i++) {
		const struct audit_links links = { o->links[i], o->appliance, o->heads };

		status = audit_links_load(&r->heads, &links);
	}
	if (status == EXIT_CLEAN)
		status = verify(r, file);
	audit_heads_done(&r->heads);
	return status;
}

/* The verb with what it takes, or EXIT_USAGE. */
static int run_verb(
	struct reading *r, const struct audit_options *o, const char *verb, char **files)
{
	const char *file = files[0];
	bool one = !file || !files[1], head = r->check.head_position != 0;

	if (r->no_head && (file || head || strcmp(verb, "verify") != 0))
		command_fault("--no-head is for verify of an instance, without --head");
	else if (strcmp(verb, "reconcile") == 0 && one && o->after == 0 && !head &&
		 !o->heads && !o->link_count)
		return reconcile(r, o->count, file);
	else if (strcmp(verb, "verify") == 0 && one && o->after == 0 && !o->count)
		return verify_with_heads(r, o, file);
	else if (strcmp(verb, "export") == 0 && !file && !head && !o->count &&
		 !o->heads && !o->link_count)
		return export(r, o->after);
	else
		command_fault("an option or an argument that this verb does not take");
	return command_usage("audit");
}

int cmd_audit(int argc, char **argv)
{
	_cleanup_(pki_material_freep) struct pki_material *material = pki_material_new();
	struct audit_options o = { .material = material };
	struct reading r = { .out = stdout };
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "ship") == 0)
		return audit_ship(argc - 1, argv + 1);
	if (argc < 2 || (strcmp(verb, "verify") != 0 && strcmp(verb, "export") != 0 &&
				strcmp(verb, "reconcile") != 0))
		return command_no_verb(argv[1]);
	if (!material)
		return EXIT_INTERNAL;
	argc--;
	argv++;
	if (read_options(argc, argv, &r, &o) < 0)
		return command_usage("audit");
	return run_verb(&r, &o, verb, argv + optind);
}
