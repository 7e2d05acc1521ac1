/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/digest.h"
#include "common/instance.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/memfd.h"
#include "common/self_test.h"
#include "ctl/instance/ports.h"
#include "pkcs11/client.h"
#include "policy/verify_client.h"
#include "queue/client.h"
#include "xades/trial.h"
#include "xades/validate.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ASK_MS 5000
#define NO_DOCUMENT "00000000000000000000000000"

/* A key is usable once it has made a trial signature that verifies. */
static bool role_is(const json_t *status, const char *name, const char *what)
{
	const json_t *role;
	size_t i;

	json_array_foreach(json_object_get(status, "roles"), i, role)
	{
		const char *other = json_string_of(role, "role");

		if (other && strcmp(other, name) == 0)
			return json_is_true(json_object_get(role, what));
	}
	return false;
}

static bool is(const json_t *status, const char *what)
{
	return json_is_true(json_object_get(status, what));
}

/* The module finds the token, and the rest is for people to do: to activate it, or to
 * give it keys and certificates. The first says nothing against a version or a
 * configuration; the second may be that they look for a wrong label. */
struct waiting {
	const char *text; /* NULL: for nobody */
	int result;
};

static struct waiting waits_for(const json_t *status)
{
	const char *mode = json_string_of(json_object_get(status, "activation"), "mode");
	bool people =
		mode && (strcmp(mode, "custodians") == 0 || strcmp(mode, "boot") == 0);

	if (is(status, "inactive") && people)
		return (struct waiting){ "the token waits for its custodians",
			APPLIANCE_WAITS };
	if (is(status, "inactive") || is(status, "away") || !is(status, "active") ||
		(!role_is(status, "receipt", "missing") &&
			!role_is(status, "seal", "missing")))
		return (struct waiting){ 0 };
	return (struct waiting){ "the token waits for keys and certificates: hsm list",
		APPLIANCE_LACKS };
}

/* *ret_waits: for people, instead of a fault. */
static const char *signer_fault(const struct instance *i, struct waiting *ret_waits)
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
	*ret_waits = waits_for(status);
	if (ret_waits->text)
		return NULL;
	if (!is(status, "active") || !json_is_false(json_object_get(status, "away")))
		return "the token does not sign";
	if (!role_is(status, "receipt", "usable"))
		return "no receipt can be signed";
	return role_is(status, "seal", "usable") ? NULL : "no seal can be signed";
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

/* Have octets judged as a partner's document. Return: 0 with the report, else negative:
 * whatever it is, it is refused. */
static int judge(const struct instance *i, struct span octets, json_t **ret_report)
{
	struct verify_request request = { .mode = VERIFY_DOCUMENT,
		.at = clock_now(),
		.subject = "self-test",
		.document_id = NO_DOCUMENT };
	_cleanup_(closep) int input = memfd_from("trial", octets), report = -1;
	uint8_t digest[SHA256_SIZE];
	struct verdict verdict = { 0 };
	struct span text;
	char path[PATH_MAX];

	if (input < 0 || digest_sha256(octets, digest) < 0 ||
		instance_socket(i, "verify", path) < 0 ||
		verify_ask(path, &request, input, digest, ASK_MS, &verdict, &report) !=
			1 ||
		memfd_map(report, LIMIT_REPORT, &text) < 0)
		return -EAGAIN;
	*ret_report = json_read(text, LIMIT_REPORT);
	memfd_unmap(&text);
	return verdict.decision == DECISION_REFUSED ? 0 : -EPROTO;
}

/* Is the one signature of a report one over the octets as they are? */
static bool core_valid(const json_t *report)
{
	const json_t *signatures = json_object_get(report, "signatures");

	return json_array_size(signatures) == 1 &&
	       json_is_true(json_object_get(json_array_get(signatures, 0), "core_valid"));
}

static const char *fault_of_trial(const struct instance *i, struct buf *document)
{
	_cleanup_json_ json_t *whole = NULL, *spoilt = NULL;
	uint8_t *at = memmem(document->data, document->len, "self", 4);
	int r = judge(i, buf_span(document), &whole);

	if (at)
		*at = 'S';
	if (r == 0)
		r = at ? judge(i, buf_span(document), &spoilt) : -EIO;
	if (r < 0)
		return r == -EPROTO ? "verification does not refuse what it must"
				    : "verification does not answer";
	if (!core_valid(whole))
		return "verification does not find a signature that is right";
	return core_valid(spoilt) ? "verification does not see what was changed" : NULL;
}

/* What people set right, or what comes right by itself, says nothing of a version; nor is
 * there more room, or a better clock, once the machine has started again. */
static const char *fault_of_queue(const char *why, struct waiting *ret_waits,
	char ret_reason[SELF_TEST_REASON_SIZE])
{
	static const struct {
		enum queue_why why;
		struct waiting waits;
	} WAITED[] = {
		{ QUEUE_WHY_CLOCK, { "the queue waits for the clock, which is behind its "
				     "last record",
					   APPLIANCE_WAITS } },
		{ QUEUE_WHY_ROOM,
			{ "the queue waits for room on its disk", APPLIANCE_LACKS } },
	};

	for (size_t i = 0; i < sizeof(WAITED) / sizeof(WAITED[0]); i++)
		if (strcmp(why, queue_why_text(WAITED[i].why)) == 0) {
			*ret_waits = WAITED[i].waits;
			return NULL;
		}
	(void)snprintf(
		ret_reason, SELF_TEST_REASON_SIZE, "the queue does not commit: %s", why);
	return ret_reason;
}

/* What an answer to a document is, by its status and digest; else by its problem's code.
 */
static const char *fault_of_answer(struct span answer, const char *sha256,
	struct waiting *ret_waits, char ret_reason[SELF_TEST_REASON_SIZE])
{
	const char *text = (const char *)answer.data, *body = strstr(text, "\r\n\r\n");
	_cleanup_json_ json_t *json =
		body ? json_read(span_str(body + 4), LIMIT_REPORT) : NULL;
	const char *digest = json_string_of(json, "sha256");
	const char *code = json_string_of(json, "code");
	const char *received = json_string_of(json, "received");

	if (strncmp(text, "Status: 200 ", 12) == 0 && digest &&
		strcmp(digest, sha256) == 0)
		return NULL;
	if (code && strcmp(code, "http.queue-away") == 0 && received && *received)
		return fault_of_queue(received, ret_waits, ret_reason);
	if (code && strcmp(code, "http.signer-away") == 0) {
		(void)snprintf(ret_reason, SELF_TEST_REASON_SIZE,
			"intake has no receipt signed: %s",
			received && *received ? received : "it does not say why");
		/* what the token waits for is known, and all before it was well */
		return ret_waits->text ? NULL : ret_reason;
	}
	(void)snprintf(ret_reason, SELF_TEST_REASON_SIZE,
		"intake does not take a document: %s", code ? code : "no answer to it");
	return ret_reason;
}

/* The document goes the way of a partner's, through intake to verification and a commit
 * of the queue: SCGI, as by nginx. */
static const char *intake_fault(const struct instance *i, struct span document,
	struct waiting *ret_waits, char ret_reason[SELF_TEST_REASON_SIZE])
{
	static const char HEADER[] =
		"SCGI\0001\0REQUEST_METHOD\0POST\0REQUEST_URI\0/\0PROBE\0001";
	_cleanup_buf_ struct buf request, answer = { 0 };
	char path[PATH_MAX], sha256[SHA256_TEXT_SIZE], length[48];
	int n = snprintf(length, sizeof(length), "CONTENT_LENGTH%c%zu", 0, document.len);

	buf_init(&request, 2 * LIMIT_DOCUMENT);
	buf_addf(&request, "%zu:", (size_t)n + 1 + sizeof(HEADER));
	buf_add(&request, length, (size_t)n + 1);
	buf_add(&request, HEADER, sizeof(HEADER));
	buf_add_str(&request, ",");
	buf_add_span(&request, document);
	if (request.error || digest_sha256_text(document, sha256) < 0 ||
		instance_socket(i, "intake", path) < 0 ||
		appliance_ask(path, ASK_MS, buf_span(&request), LIMIT_REPORT, &answer) <
			0)
		return "intake does not answer";
	return fault_of_answer(buf_span(&answer), sha256, ret_waits, ret_reason);
}

/* A document by somebody whom nobody knows is judged by a worker with the policy and the
 * trust store in force, whole and changed: it is refused, and its signature told apart.
 * So it is where intake asks. */
static const char *document_fault(const struct instance *i, struct waiting *ret_waits,
	char ret_reason[SELF_TEST_REASON_SIZE])
{
	static const char TRIAL[] = "<trial>self-test</trial>";
	_cleanup_(trial_signer_done) struct trial_signer partner = { 0 };
	_cleanup_buf_ struct buf document;
	const char *fault;

	buf_init(&document, LIMIT_DOCUMENT);
	if (xades_setup() < 0 ||
		trial_signer_make(TRIAL_P256, clock_now(), &partner) < 0 ||
		trial_sign(&partner, span_str(TRIAL), clock_now(), &document) < 0)
		return "a document for the self-test cannot be signed";
	fault = fault_of_trial(i, &document);
	return fault ? fault
		     : intake_fault(i, buf_span(&document), ret_waits, ret_reason);
}

/* Also of a listener whose workers hang: the kernel takes connections for them. */
static const char *listener_fault(
	const struct instance *i, char ret_reason[SELF_TEST_REASON_SIZE])
{
	const char *key = "", *fault = ports_fault(i, &key);

	if (!fault)
		return NULL;
	(void)snprintf(ret_reason, SELF_TEST_REASON_SIZE, "%s %s", key, fault);
	return ret_reason;
}

/* Queue, signer, verification and intake by asking them, sealing by what it found out
 * itself at its start: the same for as long as it runs. */
static int look(const struct instance *i, char **ret_reason)
{
	char reason[SELF_TEST_REASON_SIZE];
	struct waiting waits = { 0 };
	const char *fault = queue_fault(i);
	int r = 1;

	if (!fault)
		fault = signer_fault(i, &waits);
	if (!fault)
		fault = document_fault(i, &waits, reason);
	if (!fault) {
		int found = self_test_read(i, reason);

		fault = found != 0 ? reason : NULL;
		r = found > 0 ? APPLIANCE_ILL : 1;
	}
	if (!fault)
		fault = listener_fault(i, reason);
	if (!fault) {
		fault = waits.text;
		r = waits.result;
	}
	*ret_reason = fault ? strdup(fault) : NULL;
	return r;
}

int appliance_health(const char *dir, char **ret_reason)
{
	_cleanup_(freep) char *error = NULL;
	struct instance i;
	int r = instance_open(dir, &i, &error);

	if (r < 0) {
		*ret_reason = TAKE(error);
		return 1;
	}
	/* a listener that goes away in the middle is an error of writing */
	(void)signal(SIGPIPE, SIG_IGN);
	r = look(&i, ret_reason);
	instance_done(&i);
	return r;
}

bool appliance_health_waits(int r, int64_t now_ms, int64_t *lacks_ms)
{
	if (r != APPLIANCE_LACKS)
		return r == APPLIANCE_WAITS;
	if (!*lacks_ms)
		*lacks_ms = now_ms;
	return now_ms - *lacks_ms < APPLIANCE_LACKS_MS;
}

static pid_t may_stop;

/* Whoever has the right to end it must not decide by that what it found. */
static void stop(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	_exit(info->si_code == SI_USER && info->si_pid == may_stop ? APPLIANCE_STOPPED
								   : EXIT_FAILURE);
}

void appliance_health_stops(pid_t manager)
{
	struct sigaction action = { .sa_sigaction = stop, .sa_flags = SA_SIGINFO };

	may_stop = manager;
	(void)sigaction(SIGTERM, &action, NULL);
}

bool appliance_health_failed(const char *result, const char *status)
{
	if (!result || strcmp(result, "success") == 0)
		return !result;
	/* Stopped before appliance_health_stops: afterwards nothing ends it like this. */
	if (strcmp(result, "signal") == 0)
		return !status || strcmp(status, "TERM") != 0;
	return strcmp(result, "exit-code") != 0 || !status ||
	       strcmp(status, APPLIANCE_STOPPED_TEXT) != 0;
}
