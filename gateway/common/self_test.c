/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/self_test.h"

#include "common/cleanup.h"
#include "common/durable.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "state/seal"
#define NAME "self-test"

static const char PASSED[] = "passed";

static int path_of(const struct instance *i, char ret_path[PATH_MAX])
{
	const char *folder = getenv("SEALGATE_SELF_TEST");
	char path[PATH_MAX];
	int r = instance_path(i, folder && *folder ? folder : FOLDER, path), n;

	if (r < 0)
		return r;
	n = snprintf(ret_path, PATH_MAX, "%s/" NAME, path);
	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int self_test_tell(const struct instance *i, const char *fault)
{
	char path[PATH_MAX];
	int r = path_of(i, path);

	return r < 0 ? r : durable_write(path, span_str(fault ? fault : PASSED), 0644);
}

int self_test_forget(const struct instance *i)
{
	char path[PATH_MAX];
	int r = path_of(i, path);

	if (r < 0)
		return r;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int self_test_read(const struct instance *i, char ret_reason[SELF_TEST_REASON_SIZE])
{
	_cleanup_(freep) uint8_t *said = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int r = path_of(i, path);

	if (r == 0)
		r = file_read(path, SELF_TEST_REASON_SIZE - 1, &said, &len);
	if (r < 0) {
		(void)snprintf(ret_reason, SELF_TEST_REASON_SIZE,
			"no self-test of sealing is known: %s", strerror(-r));
		return r;
	}
	if (span_equal(span_of(said, len), span_str(PASSED)))
		return 0;
	(void)snprintf(
		ret_reason, SELF_TEST_REASON_SIZE, "%.*s", (int)len, (const char *)said);
	return 1;
}
