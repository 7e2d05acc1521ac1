/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/verify_client.h"

#include "common/cleanup.h"
#include "common/ipc.h"

#include <errno.h>
#include <string.h>

/* Take verdict and report out of an answer that is about expect. */
static int read_answer(struct ipc_message *m, const uint8_t expect[SHA256_SIZE],
	struct verdict *ret_verdict, int *ret_report_fd)
{
	const struct verdict *v = ipc_body(m, sizeof(*v));

	if (m->header.type != VERIFY_ANSWER || !v || m->header.fd_count != 1)
		return -EPROTO;
	if (!verdict_ok(v) || memcmp(v->sha256, expect, SHA256_SIZE) != 0)
		return -EBADMSG;
	*ret_verdict = *v;
	*ret_report_fd = ipc_message_take_fd(m, 0);
	return 1;
}

int verify_ask(const char *socket_path, const struct verify_request *request,
	int input_fd, const uint8_t expect[SHA256_SIZE], int timeout_ms,
	struct verdict *ret_verdict, int *ret_report_fd)
{
	struct verify_request asked = *request;
	struct ipc_message answer;
	int socket, r;

	memcpy(asked.sha256, expect, SHA256_SIZE);
	socket = ipc_connect(socket_path, timeout_ms);
	if (socket < 0)
		return socket;
	r = ipc_call(socket, VERIFY_ASK, &asked, sizeof(asked), &input_fd, 1, &answer);
	close(socket);
	if (r < 0)
		return r == -EAGAIN ? -ETIMEDOUT : r;
	if (answer.header.type == VERIFY_BUSY && answer.header.fd_count == 0)
		r = 0;
	else
		r = read_answer(&answer, expect, ret_verdict, ret_report_fd);
	ipc_message_done(&answer);
	return r;
}
