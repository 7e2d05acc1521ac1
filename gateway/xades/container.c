/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/container.h"

#include "xades/signature.h"

#include <errno.h>
#include <stdio.h>

bool xades_is_container(struct span data)
{
	return packed_is(data);
}

static bool in_meta_inf(const char *name)
{
	return strncmp(name, "META-INF/", 9) == 0;
}

static bool is_folder(const char *name)
{
	return name[strlen(name) - 1] == '/';
}

bool container_is_object(const char *name)
{
	return strcmp(name, "mimetype") != 0 && !in_meta_inf(name) && !is_folder(name);
}

/* EN 319 162-1 4.3.3.2 and 4.4.3.2; OpenDocument's documentsignatures.xml fits, too. */
bool container_is_signature(const char *name)
{
	size_t len = strlen(name);

	return in_meta_inf(name) && !strchr(name + 9, '/') &&
	       strstr(name + 9, "signature") && len > 4 &&
	       strcmp(name + len - 4, ".xml") == 0;
}

void container_rule(struct container_check *k, enum sig_rule rule, const char *code,
	const char *file, const char *why)
{
	static const enum severity SEVERITY[] = { [RULE_FAIL] = SEVERITY_ERROR,
		[RULE_WARN] = SEVERITY_WARNING,
		[RULE_INFORM] = SEVERITY_INFO };
	enum rule_level level = rules_level(k->options->profile, rule);

	if (level == RULE_IGNORE)
		return;
	k->refused |= level == RULE_FAIL;
	findings_addf(&k->report->findings, SEVERITY[level], code, file, NULL, "%s", why);
}

static int make_detached(struct container_check *k)
{
	size_t n = k->files.count;

	k->detached = calloc(n, sizeof(*k->detached));
	k->covered = calloc(n, sizeof(*k->covered));
	if (!k->detached || !k->covered)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct packed_file *f = &k->files.files[i];

		k->detached[i] = (struct xades_detached){ .name = f->name,
			.data = span_of(f->data, f->len),
			.by_name_only = !container_is_object(f->name) };
	}
	return 0;
}

/* Findings of a signature file say in which one they are. */
static int move_findings(
	struct container_check *k, const char *file, struct findings *from)
{
	for (size_t i = 0; i < from->count; i++) {
		char *where = NULL, *old = from->list[i].where;

		if (asprintf(&where, "%s%s%s", file, *old ? ": " : "", old) < 0)
			return -ENOMEM;
		free(old);
		from->list[i].where = where;
	}
	findings_move(&k->report->findings, from);
	return 0;
}

static int move_tree(struct xades_report *to, struct xades_report *part)
{
	xmlDoc **list = realloc(to->trees, (to->tree_count + 1) * sizeof(*list));

	if (!list)
		return -ENOMEM;
	to->trees = list;
	to->trees[to->tree_count++] = TAKE(part->doc);
	return 0;
}

static int move_signatures(
	struct xades_report *to, const char *file, struct xades_report *part)
{
	size_t base = to->count;
	struct xades_signature *list =
		realloc(to->signatures, (base + part->count) * sizeof(*list));

	if (!list)
		return -ENOMEM;
	to->signatures = list;
	for (size_t i = 0; i < part->count; i++) {
		struct xades_signature *s = &list[base + i];

		*s = part->signatures[i];
		part->signatures[i] = (struct xades_signature){ 0 };
		s->parent += base;
		s->file = strdup(file);
		to->count++;
		if (!s->file)
			return -ENOMEM;
	}
	return 0;
}

static void conclude(
	struct xades_report *report, enum xades_indication indication, const char *sub)
{
	report->indication = indication;
	(void)snprintf(report->sub_indication, sizeof(report->sub_indication), "%s", sub);
}

/* What one signature file brings to the whole, whose indication is the worst of all. */
static int take_part(
	struct container_check *k, const char *file, struct xades_report *part)
{
	struct xades_report *to = k->report;
	int r = move_findings(k, file, &part->findings);

	if (r == 0 && part->doc)
		r = move_tree(to, part);
	if (r == 0 && part->count > 0)
		r = move_signatures(to, file, part);
	if (part->indication == XADES_UNDECIDED)
		return -EPROTO;
	if (to->indication == XADES_UNDECIDED || part->indication < to->indication)
		conclude(to, part->indication, part->sub_indication);
	return r;
}

static int validate_files(struct container_check *k)
{
	struct xades_options options = *k->options;
	uint64_t work = SIG_WORK_MAX;
	int r = 0;

	options.detached = k->detached;
	options.detached_count = k->files.count;
	options.covered = k->covered;
	for (size_t i = 0; r == 0 && i < k->files.count; i++) {
		const struct packed_file *f = &k->files.files[i];
		_cleanup_(xades_report_freep) struct xades_report *part = NULL;

		if (!container_is_signature(f->name))
			continue;
		r = sig_validate_within(span_of(f->data, f->len), &options, &work, &part);
		if (r == 0)
			r = take_part(k, f->name, part);
	}
	return r;
}

static size_t count_signature_files(const struct container_check *k)
{
	size_t n = 0;

	for (size_t i = 0; i < k->files.count; i++)
		n += container_is_signature(k->files.files[i].name);
	return n;
}

static int validate(struct container_check *k)
{
	size_t n = count_signature_files(k);
	int r = container_rules(k);

	if (r == 0)
		r = make_detached(k);
	if (r == 0 && (n == 0 || n > SIG_MAX)) {
		findings_add(&k->report->findings, n == 0 ? "sig.none" : "sig.too-many",
			"META-INF/", NULL, NULL);
		conclude(k->report, XADES_TOTAL_FAILED, "FORMAT_FAILURE");
		return 0;
	}
	if (r == 0)
		r = validate_files(k);
	if (r < 0)
		return r;
	container_coverage(k);
	if (k->refused)
		conclude(k->report, XADES_TOTAL_FAILED, "FORMAT_FAILURE");
	return 0;
}

static void container_check_done(struct container_check *k)
{
	packed_done(&k->files);
	free(k->detached);
	free(k->covered);
}

int xades_validate_container(struct span data, const struct xades_options *options,
	struct xades_report **ret_report)
{
	_cleanup_(xades_report_freep) struct xades_report *report =
		calloc(1, sizeof(*report));
	struct container_check k = { .options = options, .report = report };
	int r;

	if (!report)
		return -ENOMEM;
	r = packed_read(data, &report->findings, &k.files);
	if (r == 0)
		conclude(report, XADES_TOTAL_FAILED, "FORMAT_FAILURE");
	if (r > 0)
		r = validate(&k);
	container_check_done(&k);
	if (r < 0)
		return r;
	if (report->findings.out_of_memory)
		return -ENOMEM;
	*ret_report = TAKE(report);
	return 0;
}
