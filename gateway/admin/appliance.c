/* SPDX-License-Identifier: EUPL-1.2 */
#include "admin/admin.h"

#include "common/durable.h"
#include "common/json.h"

/* Made by `sealgate appliance report` when the machine has started, and daily. */
#define REPORT "/run/appliance-report.json"

void appliance_get(struct visit *v, const char *rest)
{
	_cleanup_(freep) uint8_t *text = NULL;
	json_t *report = NULL;
	size_t len = 0;

	(void)rest;
	if (file_read(REPORT, LIMIT_REPORT, &text, &len) == 0)
		report = json_read(span_of(text, len), LIMIT_REPORT);
	if (report)
		response_json(v->response, 200, TYPE_JSON, report);
	else
		visit_problem(v, "http.path", "", "this gate is not an appliance");
}
