/* SPDX-License-Identifier: EUPL-1.2 */
/* Two configurations change places: wherever the power is cut, also while that is being
 * completed, the old one or the new one is in force, and all of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/durable.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/swap.h"

#include <errno.h>
#include <fcntl.h>
#include <sanitizer/lsan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/ctl/power.h"

#define NOBODY 65534

static jmp_buf power;

static void power_goes(void)
{
	longjmp(power, 1);
}

int mkdir(const char *path, mode_t mode)
{
	step();
	return (int)syscall(SYS_mkdir, path, mode);
}

int fsync(int fd)
{
	(void)fd;
	step();
	return 0;
}

int syncfs(int fd)
{
	(void)fd;
	step();
	return 0;
}

/* Of the configuration before and of the new one; NULL: it has no such file. */
static const struct {
	const char *path, *texts[2];
} FILES[] = {
	{ "sealgate.conf", { "old", "new" } },
	{ "policies/operators.cfg", { "old", "new" } },
	{ "tls/server.pem", { "old", "new" } },
	{ "credentials/destinations/one", { "old", NULL } },
	{ "network/egress.csv", { NULL, "new" } },
	{ "time/sources", { "old", NULL } },
	{ "logs/server", { NULL, "new" } },
	{ "sealed/edge/key", { "old", "new" } },
	{ "sealed/signer/pin", { NULL, "new" } },
	{ "given/signer/state/signer/tokens/one", { "old", "new" } },
	{ "given/trustd/state/trust/revocation/crl", { NULL, "new" } },
};
/* What systemd-tmpfiles makes at a start, before anything is completed. */
static const char *const MADE[] = { "policies", "tls", "credentials",
	"credentials/destinations", "sealed", "sealed/edge", "sealed/signer", "state",
	"state/trust", "state/trust/revocation", "state/signer", "state/signer/tokens" };

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
enum side { OLD, NEW };

struct machine {
	char folder[64], instance[96], work[96];
	struct swap_place place;
};

static void path_of(char path[256], const char *folder, const char *name)
{
	assert_true(snprintf(path, 256, "%s/%s", folder, name) < 256);
}

static void put(const char *folder, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	path_of(path, folder, name);
	for (char *slash = path + strlen(folder); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void assert_text(const char *folder, const char *name, const char *text)
{
	_cleanup_(freep) uint8_t *found = NULL;
	char path[256];
	size_t len;
	int r;

	path_of(path, folder, name);
	r = file_read(path, 64, &found, &len);
	if (!text) {
		assert_int_equal(r, -ENOENT);
		return;
	}
	assert_int_equal(r, 0);
	assert_string_equal((char *)found, text);
}

static void fill(const char *folder, enum side side)
{
	for (size_t i = 0; i < COUNT(FILES); i++)
		if (FILES[i].texts[side])
			put(folder, FILES[i].path, FILES[i].texts[side]);
}

static void start(const struct machine *m)
{
	char path[256];

	for (size_t i = 0; i < COUNT(MADE); i++) {
		path_of(path, m->instance, MADE[i]);
		assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
	}
}

static void bring(const struct machine *m)
{
	char path[256];

	path_of(path, m->work, "incoming");
	fill(path, NEW);
}

static void machine_init(struct machine *m)
{
	/* in memory, as there are many of them */
	snprintf(m->folder, sizeof(m->folder), "%s/sealgate-swap-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(m->folder));
	snprintf(m->instance, sizeof(m->instance), "%s/instance", m->folder);
	snprintf(m->work, sizeof(m->work), "%s/work", m->folder);
	m->place = (struct swap_place){ .instance = m->instance, .work = m->work };
	assert_int_equal(mkdir(m->instance, 0755), 0);
	assert_int_equal(mkdir(m->work, 0700), 0);
}

static void machine_old(struct machine *m)
{
	machine_init(m);
	fill(m->instance, OLD);
	start(m);
	put(m->work, "serial", "6");
	bring(m);
	put(m->work, "incoming/" SWAP_AFAR, "7");
}

static void machine_done(struct machine *m)
{
	assert_int_equal(appliance_remove(m->folder), 0);
}

/* All of it, and nothing of the other one. */
static void assert_side(const struct machine *m, enum side side)
{
	for (size_t i = 0; i < COUNT(FILES); i++)
		assert_text(m->instance, FILES[i].path, FILES[i].texts[side]);
}

static int apply(const struct swap_place *p)
{
	return swap_apply(p, "7");
}

static int give_back(const struct swap_place *p)
{
	return swap_return(p, "7");
}

/* Return: was it cut off at that step? What it had open then is as lost as its memory. */
static bool cut_off(
	const struct machine *m, int (*run)(const struct swap_place *p), int at)
{
	int r, first = dup(STDIN_FILENO);

	(void)close(first);
	steps = 0;
	cut_at = at;
	__lsan_disable();
	if (setjmp(power) == 0) {
		r = run(&m->place);
		assert_true(r >= 0);
	}
	__lsan_enable();
	assert_int_equal(close_range((unsigned)first, ~0U, 0), 0);
	r = cut_at && steps >= cut_at;
	cut_at = 0;
	return r;
}

/* What the notes say is in force. */
static enum side in_force(const struct machine *m)
{
	char path[256];

	path_of(path, m->work, "unproven");
	return access(path, F_OK) == 0 ? NEW : OLD;
}

/* All of that, and the serial of what was taken last. */
static void assert_whole(const struct machine *m, enum side side, enum side serial)
{
	assert_int_equal(in_force(m), side);
	assert_side(m, side);
	assert_text(m->work, "serial", serial == NEW ? "7" : "6");
	assert_text(m->work, SWAP_TAKEN_BACK, side != serial ? "7" : NULL);
	if (side == NEW) {
		assert_text(m->work, "unproven", "7");
		assert_text(m->work, SWAP_AFAR, "7");
	}
}

/* The next start, which is cut off, too, and the one after it. */
static void start_twice(const struct machine *m, int at)
{
	start(m);
	(void)cut_off(m, swap_resume, at);
	start(m);
	assert_true(swap_resume(&m->place) >= 0);
	assert_int_equal(swap_resume(&m->place), 1);
}

static bool applied(int first, int second)
{
	struct machine m;
	enum side side;
	bool cut;

	machine_old(&m);
	cut = cut_off(&m, apply, first);
	start_twice(&m, second);
	side = in_force(&m);
	assert_whole(&m, side, side);
	if (side == NEW) { /* and there is a way back */
		assert_int_equal(swap_return(&m.place, "7"), 0);
		assert_whole(&m, OLD, NEW);
	}
	machine_done(&m);
	return cut;
}

static bool returned(int first, int second)
{
	struct machine m;
	enum side side;
	bool cut;

	machine_old(&m);
	assert_int_equal(apply(&m.place), 0);
	cut = cut_off(&m, give_back, first);
	start_twice(&m, second);
	side = in_force(&m);
	assert_whole(&m, side, NEW);
	if (side == NEW) {
		assert_int_equal(swap_return(&m.place, "7"), 0);
		assert_whole(&m, OLD, NEW);
	}
	assert_int_equal(swap_return(&m.place, "7"), 1);
	machine_done(&m);
	return cut;
}

/* Every step of the first, and of what completes it. */
static void cut_everywhere(bool (*run)(int first, int second), int least)
{
	int n = 1;

	while (run(n, 0)) {
		for (int m = 1 + n % 9; m <= 48; m += 9)
			(void)run(n, m);
		n++;
	}
	assert_true(n > least); /* the ten are among them */
}

static void whole_after_a_cut(void **state)
{
	(void)state;
	cut_everywhere(applied, 25);
}

static void whole_after_a_cut_on_the_way_back(void **state)
{
	(void)state;
	cut_everywhere(returned, 20);
}

static void the_first_one_is_proven(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m);
	bring(&m);
	start(&m);
	assert_int_equal(apply(&m.place), 0);
	assert_side(&m, NEW);
	assert_text(m.work, "unproven", NULL);
	assert_text(m.work, "serial", "7");
	assert_int_equal(swap_return(&m.place, NULL), 1);
	assert_int_equal(swap_keep(&m.place, ""), 1);
	machine_done(&m);
}

/* What was not proven is nothing to return to. */
static void what_is_proven_is_kept(void **state)
{
	struct machine m;

	(void)state;
	machine_old(&m);
	assert_int_equal(apply(&m.place), 0);
	bring(&m);
	put(m.work, "incoming/sealgate.conf", "newer");
	assert_int_equal(swap_apply(&m.place, "8"), 0);
	assert_text(m.instance, "sealgate.conf", "newer");
	assert_text(m.work, "unproven", "8");
	assert_int_equal(swap_return(&m.place, "8"), 0);
	assert_side(&m, OLD);
	machine_done(&m);
}

/* The checks of a start speak of what it went on with, whatever is in force by then. */
static void what_came_since_the_start_is_not_judged(void **state)
{
	char started[SWAP_SERIAL_MAX + 1];
	struct machine m;

	(void)state;
	machine_old(&m);
	assert_int_equal(swap_unproven(&m.place, started), 0);
	assert_string_equal(started, "");
	assert_int_equal(apply(&m.place), 0);
	assert_int_equal(swap_keep(&m.place, started), 1);
	assert_text(m.work, "unproven", "7");
	assert_int_equal(swap_unproven(&m.place, started), 0);
	assert_string_equal(started, "7");
	bring(&m);
	put(m.work, "incoming/sealgate.conf", "newer");
	assert_int_equal(swap_apply(&m.place, "8"), 0);
	assert_int_equal(swap_keep(&m.place, started), 1);
	assert_int_equal(swap_return(&m.place, started), 1);
	assert_text(m.instance, "sealgate.conf", "newer");
	assert_int_equal(swap_return(&m.place, "8"), 0);
	assert_side(&m, OLD);
	machine_done(&m);
}

static void one_at_a_time(void **state)
{
	struct machine m;
	int held, other;

	(void)state;
	machine_init(&m);
	held = swap_lock(&m.place);
	assert_true(held >= 0);
	other = open(m.work, O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(close(held), 0);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(close(other), 0);
	machine_done(&m);
	assert_int_equal(swap_lock(&m.place), -ENOENT);
}

static void kept_is_kept(void **state)
{
	struct machine m;

	(void)state;
	machine_old(&m);
	put(m.work, "incoming/begun", "previous\n");
	assert_int_equal(swap_keep(&m.place, "7"), -EBUSY);
	assert_int_equal(swap_resume(&m.place), 0);
	machine_done(&m);
	machine_old(&m);
	assert_int_equal(apply(&m.place), 0);
	assert_int_equal(swap_keep(&m.place, "7"), 0);
	assert_int_equal(swap_keep(&m.place, "7"), 1);
	assert_int_equal(swap_return(&m.place, "7"), 1);
	assert_side(&m, NEW);
	machine_done(&m);
}

/* A longer one could not be read again. */
static void a_serial_has_a_bound(void **state)
{
	char serial[SWAP_SERIAL_MAX + 2];
	struct machine m;

	(void)state;
	machine_old(&m);
	memset(serial, '9', sizeof(serial) - 1);
	serial[sizeof(serial) - 1] = '\0';
	assert_int_equal(swap_apply(&m.place, serial), -E2BIG);
	assert_side(&m, OLD);
	machine_done(&m);
}

static void a_first_one_is_as_new_as_the_backup(void **state)
{
	struct machine m;

	(void)state;
	machine_init(&m);
	assert_int_equal(swap_serial_is_new(&m.place, "1"), 1);
	put(m.work, "restored-serial", "10");
	assert_int_equal(swap_serial_is_new(&m.place, "9"), -EPERM);
	assert_int_equal(swap_serial_is_new(&m.place, "10"), 1);
	assert_int_equal(swap_serial_is_new(&m.place, "11"), 1);
	put(m.work, "serial", "10");
	assert_int_equal(swap_serial_is_new(&m.place, "9"), 0);
	assert_int_equal(swap_serial_is_new(&m.place, "10"), 0);
	assert_int_equal(swap_serial_is_new(&m.place, "11"), 1);
	machine_done(&m);
}

/* Who keeps the floor of versions may write beside it, and may be somebody else's. */
static void what_others_left_is_not_begun(void **state)
{
	char serial[SWAP_SERIAL_MAX + 1], path[256];
	struct machine m;

	(void)state;
	if (getuid() != 0)
		skip();
	machine_old(&m);
	path_of(path, m.work, "incoming");
	put(path, "begun", "previous\nsealgate.conf\n");
	assert_int_equal(chown(path, NOBODY, NOBODY), 0);
	assert_int_equal(swap_resume(&m.place), 1);
	assert_side(&m, OLD);
	put(m.work, "unproven", "7");
	path_of(path, m.work, "unproven");
	assert_int_equal(chown(path, NOBODY, NOBODY), 0);
	assert_int_equal(swap_unproven(&m.place, serial), 0);
	assert_string_equal(serial, "");
	path_of(path, m.work, "previous");
	fill(path, NEW);
	assert_int_equal(swap_return(&m.place, "7"), 1);
	assert_int_equal(chown(path, NOBODY, NOBODY), 0);
	path_of(path, m.work, "unproven");
	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(swap_return(&m.place, "7"), -ENOENT);
	assert_side(&m, OLD);
	/* and is in nobody's way */
	bring(&m);
	assert_int_equal(swap_apply(&m.place, "8"), 0);
	assert_side(&m, NEW);
	machine_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_after_a_cut),
		cmocka_unit_test(whole_after_a_cut_on_the_way_back),
		cmocka_unit_test(the_first_one_is_proven),
		cmocka_unit_test(what_is_proven_is_kept),
		cmocka_unit_test(what_came_since_the_start_is_not_judged),
		cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(kept_is_kept),
		cmocka_unit_test(a_serial_has_a_bound),
		cmocka_unit_test(a_first_one_is_as_new_as_the_backup),
		cmocka_unit_test(what_others_left_is_not_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
