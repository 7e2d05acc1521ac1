/* SPDX-License-Identifier: EUPL-1.2 */
/* What comes from a chip may be anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/appliance/attest.h"
#include "ctl/appliance/floor.h"
#include "ctl/appliance/tpm.h"

#include <errno.h>
#include <sys/socket.h>

static void test_answers_that_are_none(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
	} ANSWERS[] = {
		{ "", 0 }, { "\x80\x01\0\0\0\x0a\0\0\0", 9 }, /* cut off */
		{ "\x80\x01\0\0\0\x09\0\0\0\0", 10 },	      /* shorter than its head */
		{ "\x80\x01\xff\xff\xff\xff\0\0\0\0", 10 },   /* longer than any */
		{ "\x80\x01\0\0\0\x0a\0\0\0\0", 10 },	      /* no parameters */
		{ "\x80\x02\0\0\0\x0e\0\0\0\0\0\0\0\0", 14 }, /* no octets */
		{ "\x80\x02\0\0\0\x10\0\0\0\0\0\0\0\x02\0\x08",
			16 }, /* eight, not there */
		{ "\x80\x02\0\0\0\x11\0\0\0\0\0\0\0\x03\0\x01X", 17 }, /* one */
		{ "\x80\x01\0\0\0\x0a\0\0\0\0X", 11 },		       /* one too many */
	};
	uint64_t count;
	uint32_t value;
	uint8_t octets[8];
	struct attest_key key = { 0 };
	struct attest_quote quote;

	(void)state;
	for (size_t i = 0; i < sizeof(ANSWERS) / sizeof(ANSWERS[0]); i++)
		for (int kind = 0; kind < 5; kind++) {
			int fds[2], r;

			assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
			assert_int_equal(send(fds[1], ANSWERS[i].octets, ANSWERS[i].len,
						 MSG_NOSIGNAL),
				ANSWERS[i].len);
			shutdown(fds[1], SHUT_WR);
			if (kind == 0)
				r = tpm_property(fds[0], TPM_PERMANENT, &value);
			else if (kind == 1)
				r = tpm_nv_value(fds[0], FLOOR_NV_COUNTER, &count);
			else if (kind == 2)
				r = attest_key_make(fds[0], &key);
			else if (kind == 3)
				r = attest_quote(fds[0], &key,
					span_str("0123456789abcdef"), &quote);
			else
				r = tpm_nv_read(fds[0], FLOOR_NV_RECORD, octets, 8);
			if (r != -EPROTO)
				fail_msg("answer %zu of kind %d: %d", i, kind, r);
			close(fds[0]);
			close(fds[1]);
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
