/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What programs of the appliance have the service manager do, which takes orders from
 * root alone: a table of it, asked for over a socket by who is not root, and carried out
 * by a unit that does nothing else; never anything that is not in the table.
 *
 *   request   lines of words, a space between them: VERB UNIT ARGUMENT; one after the
 *             other, until one is not done
 *   answer    the exit status of the last, a line; then what it printed
 */
#ifndef SEALGATE_CTL_ORDER_H
#define SEALGATE_CTL_ORDER_H

#include <stdbool.h>
#include <stddef.h>

#define ORDER_SOCKET "/run/appliance-order.sock"

/* The verbs. A start is waited for, a call is not. */
#define ORDER_START "start"
#define ORDER_CALL "call"
#define ORDER_STOP "stop"
#define ORDER_RELOAD "reload"
#define ORDER_ALLOW "allow"	/* the filter of a unit: these addresses, besides */
#define ORDER_ACTIVE "active"	/* is it? */
#define ORDER_LET_OUT "let-out" /* a unit is let out by ways (hsm.h) */
#define ORDER_FAILED "failed"	/* what has failed, as `systemctl show` prints it */

/* Is it in the table? unit and argument may be NULL. */
struct order {
	const char *verb, *unit, *argument;
};
bool order_known(const struct order *o);

/* Have the manager do it: as root, whose orders it takes anyway, at once; else by the
 * socket. *ret_output (may be NULL):
 * what it said, which the caller frees. Return: 0 done; -EIO the manager did not, or the
 * unit failed; -EPERM it is not in the table; -errno. */
int order_give(const struct order *o, char **ret_output);

/* The same of several, of which each waits for the one before it and none follows one
 * that was not done; *ret_output is of the last. */
int order_give_all(const struct order orders[], size_t count, char **ret_output);

/* In the unit: take orders from the descriptor, carry them out and answer. Return: 0, or
 * -errno when there is nobody to answer to. */
int order_serve(int fd);

#endif
