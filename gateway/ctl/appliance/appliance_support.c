/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/json.h"
#include "common/program.h"
#include "web/remote.h"

#include <string.h>

/* What is in it, each as it is printed; programs of ours are named by their last part. */
static const struct {
	const char *name;
	const char *program;
	const char *const arguments[10];
} PARTS[] = {
	{ "status", "sealgate", { "status", "--format", "json" } },
	{ "queue", "sealgate", { "queue", "stats", "--format", "json" } },
	{ "signer", "sealgate", { "hsm", "status" } },
	{ "ledger", "sealgate", { "ledger" } },
	{ "trust", "sealgate", { "trust", "supply" } },
	{ "units", "/usr/bin/systemctl",
		{ "--no-pager", "--plain", "--no-legend", "list-units", "--all" } },
	{ "failed", "/usr/bin/systemctl",
		{ "--no-pager", "--plain", "--no-legend", "list-units", "--failed" } },
	{ "boot", "/usr/bin/systemd-analyze", { "--no-pager", "blame" } },
	{ "log", "/usr/bin/journalctl",
		{ "--no-pager", "--output=short-iso", "--utc", "--lines=5000" } },
};

/* {"status", "output", "errors"}, or null when it cannot be run here. */
static json_t *part(size_t i)
{
	json_t *list = json_array(), *answer = NULL;
	_cleanup_json_ json_t *request = json_pack("{s:o}", "arguments", list);
	char program[PATH_MAX];
	int r = 0;

	for (size_t n = 0; PARTS[i].arguments[n]; n++)
		json_array_append_new(list, json_string(PARTS[i].arguments[n]));
	if (PARTS[i].program[0] == '/')
		memcpy(program, PARTS[i].program, strlen(PARTS[i].program) + 1);
	else
		r = program_beside(PARTS[i].program, program);
	if (r == 0)
		r = remote_run(program, NULL, request, -1, &answer);
	return r == 0 ? answer : json_null();
}

json_t *appliance_support(void)
{
	json_t *all = json_object();

	if (!all)
		return NULL;
	json_object_set_new(all, "report", appliance_report());
	for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++)
		json_object_set_new(all, PARTS[i].name, part(i));
	return all;
}
