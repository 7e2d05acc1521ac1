/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What policy says is done while something that the gate needs is out of reach or out of
 * date (policies/degraded/NAME.cfg); never says that it is, and without a file it is a
 * refusal.
 */
#ifndef SEALGATE_POLICY_DEGRADED_H
#define SEALGATE_POLICY_DEGRADED_H

#include <stdint.h>

#define DEGRADED_CLOCK_SKEW_S 300 /* that a clock may be behind without being wrong */

enum degraded_dependency {
	DEGRADED_LISTS = 0, /* trusted lists, where a qualified level is demanded */
	DEGRADED_CRL,
	DEGRADED_OCSP,
	DEGRADED_TSA,	/* time-stamps of our own containers: the sealing side's */
	DEGRADED_CLOCK, /* the machine's clock disagrees */
	DEGRADED_DEPENDENCIES
};

enum degraded_mode { DEGRADED_REFUSE = 0, DEGRADED_HOLD, DEGRADED_GRACE };

struct degraded_rule {
	enum degraded_mode mode;
	/* How long: of a hold from the first verdict on, of a grace from the moment on at
	 * which the dependency was last in order; 0 with DEGRADED_REFUSE. */
	int64_t seconds;
};

/* The name of a dependency, which is that of its file and of marks in verdicts: "lists",
 * "crl", "ocsp", "tsa", "clock". */
const char *degraded_name(enum degraded_dependency dependency);

/* Read policies/degraded/NAME.cfg of one dependency; for programs that load no whole
 * policy. *ret_error: one line, the caller frees. Return: 0, also without the file
 * (refuse), -EINVAL, -errno. */
int degraded_read(const char *policies, enum degraded_dependency dependency,
	struct degraded_rule *ret_rule, char **ret_error);

#endif
