/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/copy_end.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static const char LAST[] = "SELECT position,chain FROM audit ORDER BY position DESC"
			   " LIMIT 1";

static int read_last(sqlite3 *db, int64_t *ret_position, uint8_t ret_chain[SHA256_SIZE])
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db, LAST, -1, &s, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW && sqlite3_column_bytes(s, 1) == SHA256_SIZE) {
		*ret_position = sqlite3_column_int64(s, 0);
		memcpy(ret_chain, sqlite3_column_blob(s, 1), SHA256_SIZE);
	} else if (rc == SQLITE_DONE) {
		*ret_position = 0;
		memset(ret_chain, 0, SHA256_SIZE);
	} else {
		rc = SQLITE_CORRUPT;
	}
	sqlite3_finalize(s);
	return rc == SQLITE_CORRUPT ? -EBADMSG : 0;
}

int copy_end(const char *path, int64_t *ret_position, uint8_t ret_chain[SHA256_SIZE])
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	sqlite3 *db = NULL;
	char name[64];
	int r;

	if (fd < 0)
		return -errno;
	/* by number: in a name of this form some characters would mean something else */
	(void)snprintf(name, sizeof(name), "file:/proc/self/fd/%d?immutable=1", fd);
	r = sqlite3_open_v2(name, &db,
		    SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
		    NULL) == SQLITE_OK
		    ? read_last(db, ret_position, ret_chain)
		    : -EBADMSG;
	sqlite3_close(db);
	return r;
}
