/* SPDX-License-Identifier: EUPL-1.2 */
#include "verify/worker.h"

#include "common/ipc.h"
#include "common/json.h"
#include "common/memfd.h"
#include "verify/sandbox.h"

#include <errno.h>
#include <malloc.h>

#define SOCKET SANDBOX_SOCKET
#define KEEP_FREE (1024 * 1024) /* octets that the heap may keep between documents */

/* The report as a sealed memfd, or -errno. */
static int report_memfd(const json_t *report)
{
	_cleanup_(freep) char *text = json_canonical(report);

	if (!text)
		return -ENOMEM;
	if (strlen(text) > LIMIT_REPORT)
		return -EFBIG;
	return memfd_from("report", span_str(text));
}

/* Return: the report's descriptor with the verdict filled, or negative undecided. */
static int check(const struct service *s, const struct mode *mode,
	const struct ipc_message *m, struct verdict *ret_verdict)
{
	const struct verify_request *request = ipc_body(m, sizeof(*request));
	_cleanup_json_ json_t *report = NULL;
	struct span input;
	int r;

	if (m->header.type != WORKER_WORK || !request || m->header.fd_count != 1)
		return -EPROTO;
	r = memfd_map(m->fds[0], mode->input_max, &input);
	if (r < 0)
		return r;
	r = mode->check(s->context, request, input, ret_verdict, &report);
	memfd_unmap(&input);
	if (r < 0)
		return r;
	return report ? report_memfd(report) : -EBADMSG;
}

static int serve(
	const struct service *s, const struct mode *mode, const struct ipc_message *m)
{
	struct worker_done done = { 0 };
	_cleanup_(closep) int report = check(s, mode, m, &done.verdict);

	done.result = report < 0 ? report : 0;
	return ipc_send(SOCKET, WORKER_DONE, m->header.id, &done, sizeof(done), &report,
		report >= 0);
}

static int close_doors(const struct service *s, int socket, pid_t parent)
{
	int r = sandbox_descriptors(socket);

	if (r == 0)
		r = sandbox_limits(parent, s->limits.memory_mb);
	return r == 0 ? sandbox_system_calls() : r;
}

void worker_run(
	const struct service *s, const struct mode *mode, int socket, pid_t parent)
{
	struct ipc_message m;

	if (close_doors(s, socket, parent) < 0)
		_exit(1);
	while (ipc_receive(SOCKET, &m) == 1) {
		int r = serve(s, mode, &m);

		ipc_message_done(&m);
		if (r < 0)
			break;
		malloc_trim(KEEP_FREE);
	}
	_exit(0);
}
