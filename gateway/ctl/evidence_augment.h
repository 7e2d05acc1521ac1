/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sealgate evidence augment`: a container gets what proves it later; never changes a
 * file, always writes a new one.
 */
#ifndef SEALGATE_CTL_EVIDENCE_AUGMENT_H
#define SEALGATE_CTL_EVIDENCE_AUGMENT_H

/* argv[0] is skipped. Return: exit status, EXIT_USAGE for wrong options. */
int evidence_augment(int argc, char **argv);

#endif
