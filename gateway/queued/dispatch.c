/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/dispatch.h"

#include "common/log.h"
#include "queued/operations.h"

#include <errno.h>
#include <string.h>

enum peer {
	PEER_INTAKE = 1,
	PEER_SEAL = 2,
	PEER_FORWARD = 4,
	PEER_ADMIN = 8,
	PEER_CTL = 16,	   /* the command line: reads */
	PEER_KEEPER = 32,  /* the same while queued serves: it erases what policy lets go,
			    * notes papers of documents that have none noted, and
			    * records what operators have root run */
	PEER_HEALTH = 64,  /* the appliance's health check */
	PEER_BACKUP = 128, /* who makes the backups that are ordered */
	PEER_REPLAY = 256, /* who judges anew what is stored */
};

static const struct {
	const char *name;
	unsigned bits;
} PEERS[] = {
	{ "intake", PEER_INTAKE },
	{ "seal", PEER_SEAL },
	{ "forward", PEER_FORWARD },
	{ "admin", PEER_ADMIN },
	{ "health", PEER_HEALTH },
	{ "backup", PEER_BACKUP },
	{ "replay", PEER_REPLAY },
	{ "ctl", PEER_CTL | PEER_KEEPER },
	{ "session", PEER_CTL },
	{ "any", PEER_INTAKE | PEER_SEAL | PEER_FORWARD | PEER_ADMIN | PEER_CTL |
			 PEER_KEEPER },
};

/* A text array of a body: it must end in a NUL. */
struct text {
	size_t offset;
	size_t size;
};

enum trait { READS = 0, WRITES = 1, CLAIMS = 2, MAKES_WORK = 4 };

#define TEXTS_MAX 16

struct operation {
	const char *name;
	size_t body_size;
	uint32_t fds_min, fds_max;
	unsigned peers; /* who may ask */
	unsigned traits;
	int (*run)(const struct call *c);
	struct text texts[TEXTS_MAX];
};

#define TEXT(body, member)                                                               \
	{                                                                                \
		offsetof(struct body, member), sizeof(((struct body *)0)->member)        \
	}
#define SUBMISSION_TEXTS(body)                                                           \
	TEXT(body, submission.id), TEXT(body, submission.partner),                       \
		TEXT(body, submission.country), TEXT(body, submission.import_country),   \
		TEXT(body, submission.type), TEXT(body, submission.number),              \
		TEXT(body, submission.status), TEXT(body, submission.hold_reason),       \
		TEXT(body, submission.policy_digest),                                    \
		TEXT(body, submission.store_version),                                    \
		TEXT(body, submission.correlation), TEXT(body, submission.original),     \
		TEXT(body, submission.paper)
#define RETENTION_TEXTS                                                                  \
	TEXT(queue_retention_request, policy), TEXT(queue_retention_request, id),        \
		TEXT(queue_retention_request, manifest),                                 \
		TEXT(queue_retention_request, archive),                                  \
		TEXT(queue_retention_request, parts)

/* Who may do what. One row an operation. */
static const struct operation OPERATIONS[QUEUE_OPERATIONS] = {
	[QUEUE_OP_FIND] = { "find", sizeof(struct queue_find_request), 0, 0, PEER_INTAKE,
		READS, run_find, { SUBMISSION_TEXTS(queue_find_request) } },
	[QUEUE_OP_COMMIT] = { "commit", sizeof(struct queue_commit_request), 2, 3,
		PEER_INTAKE, WRITES | MAKES_WORK, run_commit,
		{ SUBMISSION_TEXTS(queue_commit_request) } },
	[QUEUE_OP_GET] = { "get", sizeof(struct queue_get_request), 0, 0,
		PEER_INTAKE | PEER_SEAL | PEER_ADMIN | PEER_CTL | PEER_HEALTH |
			PEER_REPLAY,
		READS, run_get,
		{ TEXT(queue_get_request, id), TEXT(queue_get_request, partner) } },
	[QUEUE_OP_CLAIM_SEAL] = { "claim_seal", sizeof(struct queue_claim_request), 0, 0,
		PEER_SEAL, WRITES | CLAIMS, run_claim_seal,
		{ TEXT(queue_claim_request, destination) } },
	[QUEUE_OP_SEALED] = { "sealed", sizeof(struct queue_sealed_request), 1, 1,
		PEER_SEAL, WRITES | MAKES_WORK, run_sealed,
		{ TEXT(queue_sealed_request, id), TEXT(queue_sealed_request, level) } },
	[QUEUE_OP_CLAIM_RENEWAL] = { "claim_renewal", sizeof(struct queue_claim_request),
		0, 0, PEER_SEAL, WRITES | CLAIMS, run_claim_renewal,
		{ TEXT(queue_claim_request, destination) } },
	[QUEUE_OP_RENEWED] = { "renewed", sizeof(struct queue_renewed_request), 0, 1,
		PEER_SEAL, WRITES | MAKES_WORK, run_renewed,
		{ TEXT(queue_renewed_request, id), TEXT(queue_renewed_request, level) } },
	[QUEUE_OP_CLAIM_STAMP] = { "claim_stamp", sizeof(struct queue_claim_request), 0,
		0, PEER_SEAL, WRITES | CLAIMS, run_claim_stamp,
		{ TEXT(queue_claim_request, destination) } },
	[QUEUE_OP_STAMPED] = { "stamped", sizeof(struct queue_stamped_request), 0, 1,
		PEER_SEAL, WRITES | MAKES_WORK, run_stamped,
		{ TEXT(queue_stamped_request, id) } },
	[QUEUE_OP_HEAD] = { "head", sizeof(struct queue_head_request), 0, 0, PEER_SEAL,
		READS, run_head, { { 0 } } },
	[QUEUE_OP_HEAD_STAMPED] = { "head_stamped",
		sizeof(struct queue_head_stamped_request), 1, 1, PEER_SEAL, WRITES,
		run_head_stamped, { { 0 } } },
	[QUEUE_OP_SEAL_FAILED] = { "seal_failed",
		sizeof(struct queue_seal_failed_request), 0, 0, PEER_SEAL,
		WRITES | MAKES_WORK, run_seal_failed,
		{ TEXT(queue_seal_failed_request, id),
			TEXT(queue_seal_failed_request, reason) } },
	[QUEUE_OP_CLAIM_DELIVERY] = { "claim_delivery",
		sizeof(struct queue_claim_request), 0, 0, PEER_FORWARD, WRITES | CLAIMS,
		run_claim_delivery, { TEXT(queue_claim_request, destination) } },
	[QUEUE_OP_DELIVERY_RESULT] = { "delivery_result",
		sizeof(struct queue_delivery_result_request), 0, 0, PEER_FORWARD,
		WRITES | MAKES_WORK, run_delivery_result,
		{ TEXT(queue_delivery_result_request, id),
			TEXT(queue_delivery_result_request, destination),
			TEXT(queue_delivery_result_request, reply_id),
			TEXT(queue_delivery_result_request, detail) } },
	[QUEUE_OP_BREAKER] = { "breaker", sizeof(struct queue_breaker_request), 0, 0,
		PEER_FORWARD, READS, run_breaker,
		{ TEXT(queue_breaker_request, told.destination) } },
	[QUEUE_OP_TRIAL] = { "trial", sizeof(struct queue_trial_request), 0, 0,
		PEER_INTAKE, WRITES, run_trial, { { 0 } } },
	[QUEUE_OP_CONTROL] = { "control", sizeof(struct queue_control_request), 0, 0,
		PEER_ADMIN, WRITES | MAKES_WORK, run_control,
		{ TEXT(queue_control_request, id),
			TEXT(queue_control_request, destination),
			TEXT(queue_control_request, operator_name),
			TEXT(queue_control_request, reason) } },
	[QUEUE_OP_ACT] = { "act", sizeof(struct queue_act_request), 0, 0, PEER_ADMIN,
		WRITES | MAKES_WORK, run_act,
		{ TEXT(queue_act_request, selection.id),
			TEXT(queue_act_request, selection.partner),
			TEXT(queue_act_request, selection.destination),
			TEXT(queue_act_request, to),
			TEXT(queue_act_request, operator_name),
			TEXT(queue_act_request, reason) } },
	[QUEUE_OP_PROPOSE] = { "propose", sizeof(struct queue_propose_request), 0, 0,
		PEER_ADMIN, WRITES, run_propose,
		{ TEXT(queue_propose_request, selection.id),
			TEXT(queue_propose_request, selection.partner),
			TEXT(queue_propose_request, selection.destination),
			TEXT(queue_propose_request, operator_name),
			TEXT(queue_propose_request, reason) } },
	[QUEUE_OP_REVIEW] = { "review", sizeof(struct queue_review_request), 0, 0,
		PEER_ADMIN, WRITES | MAKES_WORK, run_review,
		{ TEXT(queue_review_request, operator_name),
			TEXT(queue_review_request, reason) } },
	[QUEUE_OP_REVIEWS] = { "reviews", sizeof(struct queue_reviews_request), 0, 0,
		PEER_ADMIN | PEER_CTL, READS, run_reviews, { { 0 } } },
	[QUEUE_OP_MAINTENANCE] = { "maintenance",
		sizeof(struct queue_maintenance_request), 0, 0, PEER_ADMIN,
		WRITES | MAKES_WORK, run_maintenance,
		{ TEXT(queue_maintenance_request, destination),
			TEXT(queue_maintenance_request, operator_name),
			TEXT(queue_maintenance_request, reason) } },
	[QUEUE_OP_READING] = { "reading", sizeof(struct queue_reading_request), 0, 0,
		PEER_INTAKE | PEER_ADMIN, WRITES, run_reading,
		{ TEXT(queue_reading_request, id), TEXT(queue_reading_request, name),
			TEXT(queue_reading_request, what) } },
	[QUEUE_OP_PAPER] = { "paper", sizeof(struct queue_paper_request), 0, 0,
		PEER_KEEPER, WRITES, run_paper,
		{ TEXT(queue_paper_request, id), TEXT(queue_paper_request, number) } },
	[QUEUE_OP_COMMAND] = { "command", sizeof(struct queue_command_request), 0, 0,
		PEER_KEEPER, WRITES, run_command,
		{ TEXT(queue_command_request, operator_name),
			TEXT(queue_command_request, second),
			TEXT(queue_command_request, command),
			TEXT(queue_command_request, accept) } },
	[QUEUE_OP_RETENTION] = { "retention", sizeof(struct queue_retention_request), 0,
		0, PEER_ADMIN | PEER_CTL, READS, run_retention, { RETENTION_TEXTS } },
	[QUEUE_OP_ERASE] = { "erase", sizeof(struct queue_retention_request), 0, 0,
		PEER_KEEPER, WRITES, run_erase, { RETENTION_TEXTS } },
	[QUEUE_OP_LEGAL_HOLD] = { "legal_hold", sizeof(struct queue_legal_hold_request),
		0, 0, PEER_ADMIN, WRITES, run_legal_hold,
		{ TEXT(queue_legal_hold_request, hold.id),
			TEXT(queue_legal_hold_request, hold.partner),
			TEXT(queue_legal_hold_request, hold.type),
			TEXT(queue_legal_hold_request, hold.ground),
			TEXT(queue_legal_hold_request, operator_name),
			TEXT(queue_legal_hold_request, reason) } },
	[QUEUE_OP_BACKUP] = { "backup", sizeof(struct queue_backup_request), 0, 0,
		PEER_CTL | PEER_BACKUP, READS, run_backup, { { 0 } } },
	[QUEUE_OP_CLAIM_HELD] = { "claim_held", sizeof(struct queue_claim_request), 0, 0,
		PEER_INTAKE, WRITES | CLAIMS, run_claim_held,
		{ TEXT(queue_claim_request, destination) } },
	[QUEUE_OP_HELD_DUE] = { "held_due", sizeof(struct queue_held_due_request), 0, 0,
		PEER_INTAKE, WRITES | MAKES_WORK, run_held_due, { { 0 } } },
	[QUEUE_OP_JUDGED] = { "judged", sizeof(struct queue_judged_request), 0, 1,
		PEER_INTAKE, WRITES | MAKES_WORK, run_judged,
		{ TEXT(queue_judged_request, id),
			TEXT(queue_judged_request, judgement.hold_reason),
			TEXT(queue_judged_request, judgement.policy_digest),
			TEXT(queue_judged_request, judgement.store_version) } },
	[QUEUE_OP_STATS] = { "stats", sizeof(struct queue_stats_request), 0, 0,
		PEER_ADMIN | PEER_CTL | PEER_BACKUP, READS, run_stats, { { 0 } } },
	[QUEUE_OP_OUTCOMES] = { "outcomes", sizeof(struct queue_outcomes_request), 0, 0,
		PEER_INTAKE | PEER_FORWARD | PEER_ADMIN | PEER_CTL, READS, run_outcomes,
		{ TEXT(queue_outcomes_request, partner) } },
	[QUEUE_OP_OUTCOMES_ACKNOWLEDGE] = { "outcomes_acknowledge",
		sizeof(struct queue_outcomes_request), 0, 0, PEER_INTAKE, WRITES,
		run_outcomes_acknowledge, { TEXT(queue_outcomes_request, partner) } },
	[QUEUE_OP_CLAIM_CALLBACK] = { "claim_callback",
		sizeof(struct queue_callback_request), 0, 0, PEER_FORWARD, WRITES,
		run_claim_callback, { TEXT(queue_callback_request, partner) } },
	[QUEUE_OP_CALLED_BACK] = { "called_back",
		sizeof(struct queue_called_back_request), 0, 0, PEER_FORWARD, WRITES,
		run_called_back, { TEXT(queue_called_back_request, partner) } },
	[QUEUE_OP_STATUS_OF] = { "status_of", sizeof(struct queue_status_request), 0, 0,
		PEER_INTAKE, READS, run_status_of,
		{ TEXT(queue_status_request, number),
			TEXT(queue_status_request, scope.partner) } },
	[QUEUE_OP_LEDGER] = { "ledger", sizeof(struct queue_ledger_request), 0, 0,
		PEER_ADMIN | PEER_CTL, READS, run_ledger, { { 0 } } },
	[QUEUE_OP_LIST] = { "list", sizeof(struct queue_list_request), 0, 0,
		PEER_ADMIN | PEER_CTL, READS, run_list,
		{ TEXT(queue_list_request, state), TEXT(queue_list_request, partner) } },
	[QUEUE_OP_SENT] = { "sent", sizeof(struct queue_sent_request), 0, 0, PEER_INTAKE,
		READS, run_sent, { TEXT(queue_sent_request, partner) } },
	[QUEUE_OP_EXPLAIN] = { "explain", sizeof(struct queue_explain_request), 0, 0,
		PEER_ADMIN | PEER_CTL, READS, run_explain,
		{ TEXT(queue_explain_request, key) } },
	[QUEUE_OP_AUDIT_READ] = { "audit_read", sizeof(struct queue_audit_read_request),
		0, 0, PEER_ADMIN | PEER_CTL | PEER_REPLAY, READS, run_audit_read,
		{ { 0 } } },
};

void answer_init(struct answer *a)
{
	memset(a, 0, sizeof(*a));
	for (size_t i = 0; i < IPC_FDS_MAX; i++)
		a->fds[i] = -1;
}

void answer_done(struct answer *a)
{
	for (size_t i = 0; i < IPC_FDS_MAX; i++)
		closep(&a->fds[i]);
	answer_init(a);
}

static bool texts_ok(const struct operation *op, const struct ipc_message *m)
{
	for (size_t i = 0; i < TEXTS_MAX && op->texts[i].size; i++)
		if (!ipc_text_ok((const char *)m->body + op->texts[i].offset,
			    op->texts[i].size))
			return false;
	return true;
}

/* The list of destinations is an array of arrays, which no row above can say. */
static bool destinations_ok(const struct ipc_message *m)
{
	struct queue_submission s;

	if (m->header.type != QUEUE_OP_COMMIT && m->header.type != QUEUE_OP_FIND)
		return true;
	memcpy(&s, m->body, sizeof(s));
	for (size_t i = 0; i < QUEUE_DESTINATIONS_MAX; i++)
		if (!ipc_text_ok(s.destinations[i], sizeof(s.destinations[i])))
			return false;
	return s.destination_count <= QUEUE_DESTINATIONS_MAX;
}

const struct operation *dispatch_find(const struct ipc_message *m)
{
	const struct operation *op;

	if (m->header.type == QUEUE_OP_NONE || m->header.type >= QUEUE_OPERATIONS)
		return NULL;
	op = &OPERATIONS[m->header.type];
	if (!ipc_body(m, op->body_size) || m->header.fd_count < op->fds_min ||
		m->header.fd_count > op->fds_max || !texts_ok(op, m) ||
		!destinations_ok(m))
		return NULL;
	return op;
}

const char *operation_name(const struct operation *op)
{
	return op->name;
}

bool operation_writes(const struct operation *op)
{
	return op->traits & WRITES;
}

bool operation_claims(const struct operation *op)
{
	return op->traits & CLAIMS;
}

bool operation_makes_work(const struct operation *op)
{
	return op->traits & MAKES_WORK;
}

bool operation_allowed(const struct operation *op, const char *peer)
{
	for (size_t i = 0; peer && i < sizeof(PEERS) / sizeof(PEERS[0]); i++)
		if (strcmp(PEERS[i].name, peer) == 0)
			return op->peers & PEERS[i].bits;
	return false;
}

const struct queue_command_request *dispatch_accepts(const struct ipc_message *m)
{
	const struct queue_command_request *q = ipc_body(m, sizeof(*q));

	return m->header.type == QUEUE_OP_COMMAND && q && q->accept[0] ? q : NULL;
}

int64_t operation_wait_ms(const struct ipc_message *m)
{
	const struct queue_claim_request *q = ipc_body(m, sizeof(*q));

	return q && q->wait_ms < QUEUE_WAIT_MAX_MS ? q->wait_ms : QUEUE_WAIT_MAX_MS;
}

/* What a failure of one request means to whoever asked; the database is fine. */
static int answer_of_error(const struct operation *op, int error)
{
	switch (error) {
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
	case -EAGAIN:
		log_event(LOG_ERR, "queued.resources", NULL, "%s: %s", op->name,
			strerror(-error));
		return QUEUE_UNAVAILABLE;
	default:
		return QUEUE_ILLEGAL;
	}
}

static void tell_set_aside(struct engine *e)
{
	const char *id = engine_set_aside(e);

	if (id)
		log_event(LOG_ALERT, "queued.spoiled", id,
			"parts of it are missing or too large: it was moved aside, and "
			"what "
			"is behind it goes on");
}

int dispatch_run(struct engine *e, struct head_seal *heads, const struct operation *op,
	const struct ipc_message *m, const struct asker *asker, int64_t now,
	struct answer *ret_answer)
{
	struct call c = { .engine = e,
		.heads = heads,
		.message = m,
		.body = m->body,
		.asker = asker,
		.now = now,
		.answer = ret_answer };
	bool writes = op->traits & WRITES, keep;
	int answer, r = writes ? engine_mark(e) : 0;

	if (r < 0)
		return r;
	answer_done(ret_answer);
	answer = op->run(&c);
	tell_set_aside(e);
	if (engine_failure(e) != ENGINE_FINE)
		return -EIO;
	keep = answer == QUEUE_DONE || answer == QUEUE_EMPTY;
	/* before it is logged: with all of its batch it may be run anew */
	if (writes && !keep && (r = engine_unmark(e, false)) < 0)
		return r;
	if (answer < 0) {
		log_event(LOG_WARNING, "queued.failed", NULL, "%s of %s: %s %s", op->name,
			asker->peer, strerror(-answer), engine_failure_text(e));
		answer = answer_of_error(op, answer);
	}
	if (answer == QUEUE_ILLEGAL)
		log_event(LOG_WARNING, "queued.illegal", NULL, "%s of %s cannot be done",
			op->name, asker->peer);
	if (answer != QUEUE_DONE)
		for (size_t i = 0; i < IPC_FDS_MAX; i++)
			if (ret_answer->fds[i] >= 0)
				close(take_fd(&ret_answer->fds[i]));
	ret_answer->reply.answer = (uint32_t)answer;
	if (!writes || !keep)
		return 0;
	r = engine_unmark(e, true);
	if (r != -EINVAL || engine_failure(e) != ENGINE_FINE)
		return r;
	/* a database that is told much at once says only now what it does not take */
	log_event(LOG_WARNING, "queued.failed", NULL, "%s of %s: %s", op->name,
		asker->peer, engine_failure_text(e));
	answer_done(ret_answer);
	ret_answer->reply.answer = QUEUE_ILLEGAL;
	return 0;
}
