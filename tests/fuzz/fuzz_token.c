/* SPDX-License-Identifier: EUPL-1.2 */
/* Time-stamp tokens and the answers of authorities. Nobody has the seeds' keys any more:
 * whatever passes over their data was stamped at their time. */
#include "common/clock.h"
#include "pki/material.h"
#include "pki/token.h"
#include "tests/fuzz/target.h"

#include <stdlib.h>

#define STAMPED_AT "2026-06-01T10:05:00Z"
#define DATA "hello"

EMBED(root_der, "tests/fuzz/pki-root.der");

static struct pki_material *anchors;
static int64_t at;

static void set_up(void)
{
	if (anchors)
		return;
	check(clock_parse(STAMPED_AT, &at) == 0);
	anchors = pki_material_new();
	check(anchors && pki_material_add_anchor(anchors, EMBEDDED(root_der)) == 0);
}

static void verify(struct span token, struct span data)
{
	const struct token_context context = {
		.material = anchors, .at = at, .skip_revocation = true
	};
	struct token_result r = { 0 };

	check(token_verify_in(token, data, &context, &r) == 0);
	check(r.outcome != TOKEN_UNDECIDED);
	check(r.outcome == TOKEN_PASSED || *token_outcome_text(&r));
	if (r.outcome == TOKEN_PASSED && data.data)
		check(r.gen_time == at && r.signer && r.path.outcome == PKI_PASSED);
	token_result_done(&r);
	check(token_inspect(token, data, NULL, &r) == 0 && r.outcome != TOKEN_UNDECIDED);
	token_result_done(&r);
}

static void respond(struct span response)
{
	const uint8_t digest[32] = { 1 };
	uint8_t *token = NULL;
	char *reason = NULL;
	size_t len;
	int r = token_response(response, digest, 1, &token, &len, &reason);

	check(r == 0 && !token); /* no seed is over that digest */
	free(reason);
	(void)token_refusal_of(response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = span_of(data, size);

	set_up();
	verify(input, span_str(DATA));
	verify(input, span_of(NULL, 0));
	respond(input);
	return 0;
}
