/* SPDX-License-Identifier: EUPL-1.2 */
#include "verify/context.h"

#include "document/types.h"
#include "document/view.h"
#include "xml/reader.h"

#include <errno.h>

/* What a document says, for people. The verdict says that it could be read; nothing is
 * accepted by that. */
int view_check(const void *context, const struct verify_request *request,
	struct span input, struct verdict *ret_verdict, json_t **ret_report)
{
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	json_t *view = NULL;
	struct verdict v;
	int r = context_verdict(context, request, input, &v);

	if (r == 0)
		r = xml_read(input, XML_READ_EIDAS, &findings, &doc);
	if (r < 0)
		return r;
	if (r > 0) {
		document_strip_signatures(doc);
		view = view_read(doc);
	}
	v.decision = view ? DECISION_ACCEPTED : DECISION_REFUSED;
	v.error_count = view ? 0 : 1;
	*ret_report = json_pack(
		"{s:o, s:o*}", "findings", findings_to_json(&findings), "view", view);
	if (!*ret_report)
		return -ENOMEM;
	*ret_verdict = v;
	return 0;
}
