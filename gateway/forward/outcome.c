/* SPDX-License-Identifier: EUPL-1.2 */
#include "forward/forward.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/json.h"
#include "common/memfd.h"
#include "policy/verify_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define READ_TIMEOUT_MS 15000

void attempt_set(
	struct delivery_attempt *a, enum delivery_state state, const char *format, ...)
{
	va_list ap;

	a->state = state;
	va_start(ap, format);
	(void)vsnprintf(a->detail, sizeof(a->detail), format, ap);
	va_end(ap);
}

void attempt_impossible(struct delivery_attempt *a)
{
	attempt_set(a, DELIVERY_REFUSED,
		"it wants the seal in the document, and the evidence has none: the "
		"document's signatures would not survive it, or nobody wanted it when it "
		"was sealed");
}

int64_t retry_delay(const struct profile *p, uint32_t attempt, uint32_t random)
{
	int64_t delay = p->retry_first_s;

	for (uint32_t i = 1; i < attempt && delay < p->retry_max_s; i++)
		delay *= 2;
	if (delay > p->retry_max_s)
		delay = p->retry_max_s;
	return delay + (int64_t)(random % (uint32_t)(delay / 4 + 1));
}

bool retry_is_over(const struct profile *p, const struct queue_claim *claim, int64_t now)
{
	int64_t longest = (int64_t)p->retry_max_s + p->retry_max_s / 4 + p->timeout_s + 1;

	return claim->first_try && now - claim->first_try > p->expire_s &&
	       claim->attempt >= p->expire_s / (2 * longest);
}

static int ask(const struct courier *c, struct span body, int input, int *ret_report)
{
	struct verify_request request = { .mode = VERIFY_REPLY, .at = clock_now() };
	uint8_t sha256[SHA256_SIZE];
	struct verdict verdict;
	char socket[PATH_MAX];
	int r = digest_sha256(body, sha256);

	snprintf(request.subject, sizeof(request.subject), "%s", c->profile->name);
	if (r == 0)
		r = instance_socket(&c->daemon->instance, "verify", socket);
	return r < 0 ? r
		     : verify_ask(socket, &request, input, sha256, READ_TIMEOUT_MS,
			       &verdict, ret_report);
}

int read_reply(const struct courier *c, struct span body, json_t **ret_reply)
{
	_cleanup_(closep) int input = memfd_from("reply", body);
	_cleanup_(closep) int report_fd = -1;
	_cleanup_json_ json_t *report = NULL;
	struct span text = { 0 };
	int r = input < 0 ? input : ask(c, body, input, &report_fd);

	if (r <= 0)
		return r;
	r = memfd_map(report_fd, LIMIT_REPORT, &text);
	if (r < 0)
		return r;
	report = json_read(text, LIMIT_REPORT);
	memfd_unmap(&text);
	*ret_reply = json_incref(json_object_get(report, "reply"));
	return *ret_reply ? 1 : -EBADMSG;
}
