/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The subcommands of `sealgate policy`, each in a file policy_*.c; never puts anything in
 * force that was not checked.
 */
#ifndef SEALGATE_CTL_POLICY_H
#define SEALGATE_CTL_POLICY_H

/* argv[0] is the subcommand's name. Return: enum exit_status. */
int policy_lint(int argc, char **argv);
int policy_test(int argc, char **argv);
int policy_build(int argc, char **argv);
int policy_diff(int argc, char **argv);
int policy_sign(int argc, char **argv);
int policy_approve(int argc, char **argv);
int policy_activate(int argc, char **argv);
int policy_piece(int argc, char **argv);
int policy_rollback(int argc, char **argv);
int policy_codes(int argc, char **argv);
int policy_try(int argc, char **argv);
int policy_replay(int argc, char **argv);
int policy_public_part(int argc, char **argv);
int policy_fetch(int argc, char **argv);
int policy_stop(int argc, char **argv);

/* Read --policies DIR, the only option of several of them; *ret_policies is NULL without
 * it. Return: 0, -EINVAL after a fault. */
int policy_option(int argc, char **argv, const char **ret_policies);

#endif
