/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sealgate trust publish` and `supply`: revocation data put in force by hand, and what
 * became of what sealgate-trustd fetches; never fetches.
 */
#ifndef SEALGATE_CTL_TRUST_SUPPLY_H
#define SEALGATE_CTL_TRUST_SUPPLY_H

/* "publish": a CRL from a file, as sealgate-trustd publishes one. Return: an exit status
 * of the command line. */
int trust_publish(int argc, char **argv);

/* "supply": a JSON object a source; status 1 when one failed or is out of date. */
int trust_supply(int argc, char **argv);

#endif
