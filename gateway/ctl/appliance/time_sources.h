/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sources of time of a configuration, as chronyd reads them (chrony.conf(5)): are there
 * several, and does each prove who it is; never asks one.
 */
#ifndef SEALGATE_CTL_TIME_SOURCES_H
#define SEALGATE_CTL_TIME_SOURCES_H

/* chronyd does not set the clock by fewer (minsources). */
#define TIME_SOURCES_LEAST 2

/* Judge FOLDER's files NAME.sources, each line a server or pool with nts, which together
 * are TIME_SOURCES_LEAST names at least, no name twice; and an authority vouches for
 * them, whose certificate is in one of its files NAME.pem. What chronyd would pass over
 * is refused: a NUL, a line of more than 1000 octets, one that does not end, an option
 * other than nts, iburst, prefer, minpoll, maxpoll, maxsources and ntsport. Return: 0, or
 * negative with *ret_error, one line that the caller frees. */
int time_sources_judge(const char *folder, char **ret_error);

#endif
