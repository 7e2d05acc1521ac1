/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A disk below SQLite that counts and fails on command, by memory shared with the parent;
 * for tests only, after fixture.h; never looks at what is written.
 */
#ifndef SEALGATE_TESTS_QUEUED_DISK_H
#define SEALGATE_TESTS_QUEUED_DISK_H

#include <poll.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

struct disk {
	atomic_int syncs;
	atomic_int slow_ms;	/* that every sync takes */
	atomic_int fail_syncs;	/* every sync fails */
	atomic_int fail_writes; /* every write fails */
	atomic_int no_room;	/* every write finds the disk full */
	atomic_int no_memory;	/* and no memory */
};

static struct disk *disk;
/* of the database and of its log, which is never locked, they are others */
#define DISK_KINDS 4
static struct {
	const sqlite3_io_methods *real;
	sqlite3_io_methods ours;
} disk_methods[DISK_KINDS];
static const sqlite3_io_methods *disk_real;
static sqlite3_vfs disk_vfs;
static sqlite3_vfs *disk_real_vfs;

static int disk_sync(sqlite3_file *f, int flags)
{
	atomic_fetch_add(&disk->syncs, 1);
	(void)poll(NULL, 0, atomic_load(&disk->slow_ms));
	return atomic_load(&disk->fail_syncs) ? SQLITE_IOERR_FSYNC
					      : disk_real->xSync(f, flags);
}

static int disk_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
	if (atomic_load(&disk->no_room))
		return SQLITE_FULL;
	if (atomic_load(&disk->no_memory))
		return SQLITE_IOERR_NOMEM;
	return atomic_load(&disk->fail_writes) ? SQLITE_IOERR_WRITE
					       : disk_real->xWrite(f, data, n, at);
}

static int disk_open(
	sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	int rc = disk_real_vfs->xOpen(disk_real_vfs, name, f, flags, ret_flags);
	size_t i = 0;

	(void)vfs;
	if (rc != SQLITE_OK || !f->pMethods)
		return rc;
	while (disk_methods[i].real && disk_methods[i].real != f->pMethods)
		i++; /* SQLite has fewer kinds */
	disk_real = disk_methods[i].real = f->pMethods;
	disk_methods[i].ours = *f->pMethods;
	disk_methods[i].ours.xSync = disk_sync;
	disk_methods[i].ours.xWrite = disk_write;
	f->pMethods = &disk_methods[i].ours;
	return rc;
}

/* In the parent: the shared memory. */
static inline void disk_init(void)
{
	disk = mmap(NULL, sizeof(*disk), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (disk == MAP_FAILED)
		abort();
}

static inline void disk_done(void)
{
	munmap(disk, sizeof(*disk));
}

/* In the child: this disk below all that SQLite opens. */
static inline void disk_install(void)
{
	disk_real_vfs = sqlite3_vfs_find(NULL);
	disk_vfs = *disk_real_vfs;
	disk_vfs.zName = "disk";
	disk_vfs.xOpen = disk_open;
	sqlite3_vfs_register(&disk_vfs, 1);
}

/* A house whose queued has that disk. */
static inline struct house *disk_house(void)
{
	struct house *h = calloc(1, sizeof(*h));

	disk_init();
	house_init(h, "");
	h->prepare = disk_install;
	house_start(h);
	return h;
}

static inline int disk_teardown(void **state)
{
	house_done(*state);
	free(*state);
	disk_done();
	return 0;
}

#endif
