/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/enclosed.h"

#include "common/cleanup.h"
#include "common/json.h"
#include "document/render.h"
#include "document/view.h"

#include <errno.h>

/* NULL: it is too large. */
static json_t *text_of(const struct buf *b)
{
	return b->error || !b->len ? json_null() : json_text(b->data);
}

json_t *enclosed(xmlDoc *tree, struct span validation)
{
	_cleanup_json_ json_t *data = view_read(tree);
	_cleanup_buf_ struct buf page, etsi;

	if (!data)
		return NULL;
	buf_init(&page, ENCLOSED_MAX);
	buf_init(&etsi, ENCLOSED_MAX);
	(void)render_html(data, &page);
	buf_add_span(&etsi, validation);
	if (page.error == -ENOMEM || etsi.error == -ENOMEM)
		return NULL;
	return json_pack("{s:O, s:o, s:o}", "data", data, "rendering", text_of(&page),
		"validation", text_of(&etsi));
}
