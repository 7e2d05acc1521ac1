/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Replays that are ordered from afar: carried out by a process of its own, one at a time,
 * that nobody waits for; never by who runs commands for operators, and never beyond a
 * bound.
 *
 *   state/replay/order     what somebody wants (JSON), until it is begun
 *   state/replay/bundle    the policy of it, as it came; nobody has read it
 *   state/replay/stop      somebody wants it ended
 *   state/replay/progress  {"documents", "at"} while it runs
 *   state/replay/said      what went wrong in it, in its own words
 *   state/replay/result    {"order", "began", "ended", "status", "account" or "failed"}
 * of the last one; "failed" while one runs, for a power cut state/replay/trial-*   what
 * its processes work in (trial.h), in run/ where it is root
 *
 * An order is {"id", "kind": "policy" | "lists", "by", "at", "since", "limit"} and
 * "partner", "bundle" and "sha256" (of the bundle's octets), or "before" and "after".
 *
 * The account has no octets of a document, and goes with the next retention run that
 * erases something, after REPLAY_KEPT_S, or when somebody says so.
 */
#ifndef SEALGATE_CTL_REPLAY_ORDERS_H
#define SEALGATE_CTL_REPLAY_ORDERS_H

#include "common/limits.h"
#include "ctl/bundle/replaying.h"

#include <stdbool.h>

#define REPLAY_ORDERS "state/replay"
#define REPLAY_MS ((int64_t)6 * 3600 * 1000)   /* that one may take */
#define REPLAY_KEPT_S ((int64_t)7 * 24 * 3600) /* how long an account is kept */
#define REPLAY_POLICY "policy"
#define REPLAY_LISTS "lists"

/* Order one of SEALGATE_INSTANCE: by a bundle that came in pieces under this name
 * (policy_piece.h), or by the lists of two times. Prints {"ordered": its id}. Return:
 * enum exit_status, after a complaint; one that runs is not replaced. */
int replay_order_policy(const struct replay_options *o, const char *name);
int replay_order_lists(const struct replay_options *o, int64_t before, int64_t after);

/* In its unit, or beside who ordered it: do what was ordered. Return: 0 whatever came of
 * it, 1 nothing was ordered, -errno. */
int replay_carry_out(void);

/* A file below REPLAY_ORDERS; "" the folder itself. Return: 0 or -errno. */
int replay_place(const char *name, char ret_path[PATH_MAX]);

/* Octets of the lock: whoever has the first carries one out, the second orders. Return: a
 * descriptor that has it, -EWOULDBLOCK, -errno. */
enum replay_lock { REPLAY_CARRIES, REPLAY_ORDERS_ONE };
int replay_take(enum replay_lock which, bool wait);

/* Does somebody carry one out? */
bool replay_runs(void);

/* Does an order wait to be begun? */
bool replay_ordered(void);

/* Take out of an account what its findings quote of documents; code, rule, severity and
 * where stay. Return: 0 or -ENOMEM. */
int replay_bare(json_t *account);

/* Is the account of the last one older than REPLAY_KEPT_S? */
bool replay_outlived(void);

/* The account of the last one goes. Return: 0 it went, 1 there is none, -EBUSY one runs,
 * -errno. */
int replay_forget(void);

/* It goes where it is too old, or where a document was erased since it began. */
void replay_tidy(void);

/* With what replay_runs said: {"state": "none" | "ordered" | "running" | "ended"} and
 * what there is of order, documents, at, began, ended, status, failed, and the account if
 * that is asked for: a new reference, or NULL. */
json_t *replay_state(bool runs, bool account);

/* That for people. */
void replay_print(const json_t *state);

#endif
