/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance.h"

#include "common/instance.h"
#include "common/ipc.h"
#include "common/json.h"
#include "common/limits.h"
#include "ctl/ports.h"
#include "pkcs11/client.h"
#include "queue/client.h"

#include <errno.h>
#include <string.h>

#define ASK_MS 5000

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

static const char *queue_fault(const struct instance *i)
{
	_cleanup_(queue_disconnectp) struct queue *queue = NULL;
	_cleanup_(closep) int figures = -1;
	char path[PATH_MAX];

	return instance_socket(i, "queued", path) < 0 ||
			       queue_connect(path, ASK_MS, &queue) < 0 ||
			       queue_stats(queue, &figures) < 0
		       ? "the queue does not answer"
		       : NULL;
}

static const char *socket_fault(
	const struct instance *i, const char *program, const char *what)
{
	_cleanup_(closep) int socket = -1;
	char path[PATH_MAX];

	if (instance_socket(i, program, path) == 0)
		socket = ipc_connect(path, ASK_MS);
	return socket < 0 ? what : NULL;
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
		fault = socket_fault(&i, "verify", "verification does not answer");
	if (!fault && !ports_answer(&i))
		fault = "a listener does not take connections";
	instance_done(&i);
	if (!fault)
		return 0;
	*ret_reason = strdup(fault);
	return 1;
}
