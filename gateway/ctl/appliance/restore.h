/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A backup that comes on a medium with the configuration of a machine that has no ledger:
 * proven and copied aside, then put in place as a whole; never over what a machine has,
 * and never a part of it.
 *
 *   MEDIUM/restore/manifest, .p7s  of the kind restore, with the serial of the
 *                                  configuration beside it: of the list, and nothing else
 *   MEDIUM/restore/                what backup_medium.h says
 *   MEDIUM/machine/manifest, .p7s  of the configuration that comes with it
 *   FOLDER/new/state/              what is made of it, until it changes places with the
 *                                  instance's, which is empty
 *   FOLDER/new/backup              the list, and beside it the manifest that signs it
 *   FOLDER/ready                   the mark: all of it is there, and on the disk
 *   WORK/restored                  "AT MARK SHA256 SIZE": when, up to which record, and
 *                                  the list by which
 *   WORK/restored-serial           that of the backup: the first configuration has none
 *                                  below it
 */
#ifndef SEALGATE_CTL_RESTORE_H
#define SEALGATE_CTL_RESTORE_H

#include "ctl/backup/backup_list.h"

#include <jansson.h>

#define RESTORE_REFUSED "refused" /* below the folder: why it was */
#define RESTORE_REFUSED_MAX 512u
#define RESTORE_SERIAL "restored-serial" /* below work */

/* On one file system, but for the medium. */
struct restore_places {
	const char *medium;
	const char *anchor; /* who may sign a configuration (PEM) */
	const char *folder;
	const char *instance;
	const char *work; /* serial: of the configuration taken last (swap.h) */
};

/* Is the backup on the medium one that this machine may be given? It may when nothing of
 * sealgate ever ran on it: it never took a configuration, nor a backup. That there is
 * neither a queue nor a signer's count is seen by who may look there (restore_place).
 * Return: 0; 1 it was taken before; -EEXIST the machine has its own; -errno; both with
 * *ret_error, one line that the caller frees. */
int restore_judge(const struct restore_places *p, char **ret_error);

/* Prove what the medium brings and copy it below new/; no right over files of others is
 * needed. What an earlier one left is removed. Return: 0, or negative with *ret_error:
 * where, what came, why that is refused or what to do. */
int restore_take(const struct restore_places *p, char **ret_error);

/* Is there anything of a restore that was broken off, for restore_place to see to?
 * *ret_ready: restore_take had completed it. Return: 1, 0, -errno. */
int restore_begun(const struct restore_places *p, bool *ret_ready);

/* What others left in the place of the notes of restore_place goes before that is called,
 * by who may (swap_make_way). Return: 0, or negative with *ret_error. */
int restore_make_way(const struct restore_places *p, char **ret_error);

/* Prove what restore_take made once more, by what is signed, give it to whom the list
 * says it belongs and put it in place, or remove what it did not complete; by who may.
 * What is not what was signed, or more than that, goes. Broken off anywhere it is
 * completed by being called again. Return: 0, 1 there is nothing to be put, or negative
 * with *ret_error. */
int restore_place(const struct restore_places *p, char **ret_error);

/* Up to which record this machine was restored. Return: 0, -ENOENT it was not, -errno. */
int restore_mark(const char *work, char ret_mark[BACKUP_MARK_SIZE]);

/* {at, record} for the report, null where it was not restored. The caller owns it. */
json_t *restore_report(const char *work);

#endif
