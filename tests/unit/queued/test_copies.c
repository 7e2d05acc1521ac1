/* SPDX-License-Identifier: EUPL-1.2 */
/* Whose a copy of the database is, asked over queued's socket. */
#include "tests/unit/queued/fixture.h"

/* Who is gone keeps nobody from a backup, and its copy ends with it. */
static void a_copy_is_a_connections(void **state)
{
	struct queue *first = house_connect(*state), *other = house_connect(*state);
	int copy = -1, another = -1, r;

	assert_int_equal(queue_backup_start(first, &copy), QUEUE_DONE);
	assert_int_equal(queue_backup_start(other, &another), QUEUE_ILLEGAL);
	assert_int_equal(queue_backup_state(other, &another), QUEUE_STALE);
	queue_disconnect(first);
	/* it is seen in the round that closes the connection, or in the one before */
	for (int n = 0; (r = queue_backup_start(other, &another)) == QUEUE_ILLEGAL; n++)
		assert_true(n < 1000);
	assert_int_equal(r, QUEUE_DONE);
	close(copy);
	close(another);
	queue_disconnect(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_copy_is_a_connections, house_setup, house_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
