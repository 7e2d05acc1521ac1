/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/enclosed.h"

#include "common/cleanup.h"
#include "common/deflated.h"
#include "common/json.h"
#include "document/render.h"
#include "document/view.h"

#include <errno.h>

/* Of what is too large null. */
static json_t *packed(struct span octets)
{
	_cleanup_(freep) char *text = NULL;

	if (!octets.len || octets.len > ENCLOSED_MAX)
		return json_null();
	text = deflated_text(octets);
	return text ? json_string(text) : NULL;
}

json_t *enclosed(xmlDoc *tree, struct span validation)
{
	_cleanup_json_ json_t *data = view_read(tree);
	_cleanup_(freep) char *text = data ? json_canonical(data) : NULL;
	_cleanup_buf_ struct buf page;

	buf_init(&page, ENCLOSED_MAX);
	if (!text || render_html(data, &page) == -ENOMEM)
		return NULL;
	return json_pack("{s:o, s:o, s:o}", "data", packed(span_str(text)), "rendering",
		packed(page.error ? span_of(NULL, 0) : buf_span(&page)), "validation",
		packed(validation));
}
