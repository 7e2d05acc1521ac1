/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Sealed heads of earlier versions, which lie in one folder whatever their number, go
 * into folders of their own, a few at a time while queued serves; never over another
 * file.
 */
#ifndef SEALGATE_QUEUED_HEAD_MOVE_H
#define SEALGATE_QUEUED_HEAD_MOVE_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct head_move {
	DIR *d;		 /* NULL: before a look, or after it */
	bool made;	 /* the folders are there: files are moved */
	bool done;	 /* nothing lies flat any more that could be moved */
	int64_t next_ms; /* monotonic; not before */
	size_t found, left;
};

/* One step, when it is due. Folders are made some seconds before what goes into them:
 * whoever reads the names meanwhile finds each file in one place or the other. What
 * cannot be moved stays, is found where it is, and is said once (queued.head). folder:
 * state/queue. */
void head_move_run(struct head_move *m, const char *folder, int64_t now_ms);

void head_move_done(struct head_move *m);

#endif
