/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/instance.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/memfd.h"
#include "ctl/ports.h"
#include "pkcs11/client.h"
#include "policy/verify_client.h"
#include "queue/client.h"

#include <errno.h>
#include <string.h>

#define ASK_MS 5000
#define NO_DOCUMENT "00000000000000000000000000"

static const char *signer_fault(const struct instance *i)
{
	_cleanup_(signer_disconnectp) struct signer *signer = NULL;
	_cleanup_(freep) char *text = NULL;
	_cleanup_json_ json_t *status = NULL;
	char path[PATH_MAX];

	if (instance_socket(i, "signer", path) < 0 ||
		signer_connect(path, ASK_MS, &signer) < 0 ||
		signer_status(signer, &text) < 0)
		return "the signer does not answer";
	status = json_read(span_str(text), LIMIT_REPORT);
	return json_is_true(json_object_get(status, "active")) &&
			       json_is_false(json_object_get(status, "away"))
		       ? NULL
		       : "the token does not sign";
}

/* A document that cannot be there: being told so is the answer. */
static const char *queue_fault(const struct instance *i)
{
	_cleanup_(queue_disconnectp) struct queue *queue = NULL;
	struct queue_document document;
	char path[PATH_MAX];
	int fd = -1;

	if (instance_socket(i, "queued", path) < 0 ||
		queue_connect(path, ASK_MS, &queue) < 0 ||
		queue_get(queue, NO_DOCUMENT, NULL, QUEUE_META, &document, &fd) !=
			QUEUE_NOT_FOUND)
		return "the queue does not answer";
	return NULL;
}

/* A document that nobody may send is judged by a worker with the policy and the trust
 * store in force: refused, and about these octets, is what works. */
static const char *verify_fault(const struct instance *i)
{
	static const char TRIAL[] = "<trial/>";
	struct verify_request request = { .mode = VERIFY_DOCUMENT,
		.at = clock_now(),
		.subject = "self-test",
		.document_id = NO_DOCUMENT };
	_cleanup_(closep) int input = memfd_from("trial", span_str(TRIAL)), report = -1;
	uint8_t digest[SHA256_SIZE];
	struct verdict verdict = { 0 };
	char path[PATH_MAX];

	if (input < 0 || digest_sha256(span_str(TRIAL), digest) < 0 ||
		instance_socket(i, "verify", path) < 0 ||
		verify_ask(path, &request, input, digest, ASK_MS, &verdict, &report) != 1)
		return "verification does not answer";
	return verdict.decision == DECISION_REFUSED
		       ? NULL
		       : "verification does not refuse what it must";
}

int appliance_health(char **ret_reason)
{
	_cleanup_(freep) char *error = NULL;
	const char *fault;
	struct instance i;
	int r = instance_open(APPLIANCE_INSTANCE, &i, &error);

	*ret_reason = NULL;
	if (r < 0) {
		*ret_reason = TAKE(error);
		return 1;
	}
	fault = queue_fault(&i);
	if (!fault)
		fault = signer_fault(&i);
	if (!fault)
		fault = verify_fault(&i);
	if (!fault && !ports_answer(&i))
		fault = "a listener does not take connections";
	instance_done(&i);
	if (!fault)
		return 0;
	*ret_reason = strdup(fault);
	return 1;
}
