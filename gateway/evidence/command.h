/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The command line of the verifier, the same in `sealgate evidence verify` and in
 * `sealgate-verify-evidence`; never speaks to an instance, never uses the network.
 */
#ifndef SEALGATE_EVIDENCE_COMMAND_H
#define SEALGATE_EVIDENCE_COMMAND_H

#include <stdio.h>

#define EVIDENCE_VERIFY_ARGUMENTS                                                        \
	"[--anchors FILE]... [--store DIR] [--revocation FILE|DIR]... [--at TIME]"       \
	" [--format json|text] [--certs FILE]... [--body FILE] [--partner NAME]"         \
	" [--after CURSOR] FILE..."

/* Verify the containers, receipts, statements and signatures of call-backs that argv
 * names (argv[0] is skipped);
 * anchors come from the options only. One JSON object a line, or text, to out;
 * complaints, led by name, to err. Return: 0 all valid, 1 some not, 2 usage, 3 not
 * decided. */
int evidence_verify_command(
	const char *name, int argc, char **argv, FILE *out, FILE *err);

/* Write the parts of a container to a folder, which is made when it is missing. Only a
 * container of the exact form is taken out, and no file is overwritten; nothing is
 * verified. Return: 0, 1 not of the form, 2 usage (argv is [NAME, FILE, DIR]) or an
 * unwritable folder. */
int evidence_extract_command(
	const char *name, int argc, char **argv, FILE *out, FILE *err);

#endif
