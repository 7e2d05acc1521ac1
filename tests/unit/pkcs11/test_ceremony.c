/* SPDX-License-Identifier: EUPL-1.2 */
/* The protocol of a key ceremony that a running signer writes. */
#include "hooks.h"
#include "running.h"

#include "common/durable.h"
#include "pkcs11/ceremony.h"
#include "pkcs11/client.h"
#include "pkcs11/protocol.h"

static struct running running;

/* Token and keys, no certificate; the signer serves. */
static void start(void)
{
	char out[PATH_MAX];

	fixture_new(&running.f, CONF_STANDARD, ROLES_STANDARD);
	hook_module(&running.f);
	snprintf(out, sizeof(out), "%s/out", running.f.dir);
	assert_int_equal(
		setup_to(&running.f, out, 1, (const char *[]){ "init-token" }), 0);
	running_start(&running);
}

static void stop(void)
{
	running_stop(&running);
}

#define BY "Ana"
#define AFTER "Bert"

/* A step by two people, with what is given along. */
static enum signer_answer step_in(const char *ceremony, enum signer_work work,
	const char *role, const char *text, const char *given, const char *words)
{
	_cleanup_(signer_disconnectp) struct signer *signer = NULL;
	_cleanup_(freep) char *said = NULL;
	struct signer_order o = { .work = work, .person = BY, .first = AFTER };
	int r;

	snprintf(o.ceremony, sizeof(o.ceremony), "%s", ceremony);
	snprintf(o.role, sizeof(o.role), "%s", role);
	snprintf(o.text, sizeof(o.text), "%s", text);
	assert_int_equal(signer_connect(running.path, 20000, &signer), 0);
	r = signer_order(signer, &o, span_str(given), &said);
	assert_true(r > 0);
	if (!strstr(said, words))
		fail_msg("%s", said);
	return (enum signer_answer)r;
}

static enum signer_answer step(enum signer_work work, const char *role, const char *text,
	const char *given, const char *words)
{
	return step_in("keys-1", work, role, text, given, words);
}

#define PROTOCOL "state/signer/ceremonies/keys-1.txt"

static char *protocol_text(size_t *ret_len)
{
	char path[PATH_MAX];
	uint8_t *text;

	snprintf(path, sizeof(path), "%s/" PROTOCOL, running.f.dir);
	assert_int_equal(file_read(path, 1 << 20, &text, ret_len), 0);
	return (char *)text;
}

/* Written by the running signer, step by step, and signed by a key that it is about. */
static void a_ceremony(void **state)
{
	_cleanup_(freep) char *text = NULL;
	struct protocol p;
	char path[PATH_MAX];
	uint64_t before;
	size_t len;

	(void)state;
	start();
	before = count_log_count(running.f.log, "seal");
	assert_int_equal(step(SIGNER_WORK_KEYS, "", "", "", "begin it"), SIGNER_REFUSED);
	assert_int_equal(step(SIGNER_WORK_BEGIN, "", "", "A. Witness", "witnesses"),
		SIGNER_REFUSED);
	assert_int_equal(step(SIGNER_WORK_BEGIN, "", "", "A. Witness\nB. Witness",
				 "entry 1, chain "),
		SIGNER_SIGNED);
	assert_int_equal(
		step(SIGNER_WORK_BEGIN, "", "", "A. Witness\nB. Witness", "it has begun"),
		SIGNER_REFUSED);
	assert_int_equal(
		step(SIGNER_WORK_KEYS, "", "", "", "entry 2, chain "), SIGNER_SIGNED);
	assert_int_equal(step(SIGNER_WORK_REQUEST, "seal", "CN=a", "",
				 "-----END CERTIFICATE REQUEST-----\n"),
		SIGNER_SIGNED);
	assert_int_equal(
		step(SIGNER_WORK_NOTE, "", "the backup is in the safe", "", "entry 4"),
		SIGNER_SIGNED);
	assert_int_equal(step(SIGNER_WORK_NOTE, "", "\033[2J", "", "control characters"),
		SIGNER_REFUSED);
	assert_int_equal(step(SIGNER_WORK_SHOW, "", "", "", "witness B. Witness\n"),
		SIGNER_SIGNED);
	assert_int_equal(step(SIGNER_WORK_END, "seal", "", "", "entry 5"), SIGNER_SIGNED);
	assert_int_equal(
		step(SIGNER_WORK_NOTE, "", "too late", "", "has ended"), SIGNER_REFUSED);
	assert_int_equal(count_log_count(running.f.log, "seal"), before + 2);
	text = protocol_text(&len);
	assert_non_null(
		strstr(text, "from afar, by " BY "\n  as asked for first by " AFTER));
	assert_non_null(strstr(text, "\nsignature seal ecdsa-sha256 "));
	snprintf(path, sizeof(path), "%s/" PROTOCOL, running.f.dir);
	assert_int_equal(protocol_open(path, PROTOCOL_READ, &p), 0);
	assert_true(p.closed && p.entries == 5);
	assert_int_equal(protocol_add(&p, "too late"), -EPERM);
	protocol_done(&p);
	/* Of another role than the one that its last entry names it is no signature. */
	strstr(text, "\nsignature seal")[strlen("\nsignature se")] ^= 1;
	put(running.f.dir, PROTOCOL, text);
	assert_int_equal(protocol_open(path, PROTOCOL_READ, &p), -EBADMSG);
	stop();
}

/* Cut off at any octet, it is taken up where it was, and says so. */
static void a_ceremony_that_breaks_off(void **state)
{
	_cleanup_(freep) char *text = NULL;
	char path[PATH_MAX], one[32];
	struct protocol p;
	size_t len, first;

	(void)state;
	start();
	assert_int_equal(step(SIGNER_WORK_BEGIN, "", "", "A\nB", ""), SIGNER_SIGNED);
	free(protocol_text(&first));
	assert_int_equal(step(SIGNER_WORK_NOTE, "", "a note", "", ""), SIGNER_SIGNED);
	text = protocol_text(&len);
	snprintf(path, sizeof(path), "%s/" PROTOCOL, running.f.dir);
	for (size_t at = 0; at < len; at++) {
		assert_int_equal(truncate(path, (off_t)at), 0);
		if (at < first) {
			assert_int_equal(protocol_open(path, PROTOCOL_BEGIN, &p), 0);
			assert_int_equal(p.entries, 0);
			assert_int_equal(p.cut, at);
			protocol_done(&p);
			assert_int_equal(access(path, F_OK), at ? 0 : -1);
			assert_int_equal(
				protocol_open(path, PROTOCOL_GO_ON, &p), -ENOENT);
		} else if (at > first) {
			assert_int_equal(
				protocol_open(path, PROTOCOL_READ, &p), -EBADMSG);
		}
		put(running.f.dir, PROTOCOL, text);
	}
	assert_int_equal(truncate(path, (off_t)len - 3), 0);
	snprintf(one, sizeof(one), "\n  %zu octets of an entry", len - 3 - first);
	/* A step that comes to nothing takes away nothing of it. */
	assert_int_equal(
		step(SIGNER_WORK_NOTE, "", "\033", "", "control"), SIGNER_REFUSED);
	assert_int_equal(
		step(SIGNER_WORK_NOTE, "", "again", "", "entry 2"), SIGNER_SIGNED);
	assert_int_equal(step(SIGNER_WORK_SHOW, "", "", "", one), SIGNER_SIGNED);
	/* What was whole and is another one now is not taken for that. */
	text[len - 3] ^= 1;
	put(running.f.dir, PROTOCOL, text);
	assert_int_equal(
		step(SIGNER_WORK_NOTE, "", "more", "", "was altered"), SIGNER_REFUSED);
	put(running.f.dir, PROTOCOL, "something else\n");
	assert_int_equal(
		step(SIGNER_WORK_NOTE, "", "more", "", "was altered"), SIGNER_REFUSED);
	assert_int_equal(
		step(SIGNER_WORK_BEGIN, "", "", "A\nB", "has begun"), SIGNER_REFUSED);
	stop();
}

static void put_octets(const char *path, const char *text, size_t len)
{
	assert_int_equal(durable_write(path, span_of(text, len), 0600), 0);
}

/* The power went while the last entry was written: the file is as long as it was to
 * become, and from some octet on, or up to one, there is nothing in it. */
static void what_the_disk_never_had(void **state)
{
	_cleanup_(freep) char *text = NULL;
	char path[PATH_MAX];
	struct protocol p;
	size_t len, first;

	(void)state;
	start();
	assert_int_equal(step(SIGNER_WORK_BEGIN, "", "", "A\nB", ""), SIGNER_SIGNED);
	free(protocol_text(&first));
	assert_int_equal(step(SIGNER_WORK_NOTE, "", "a note", "", ""), SIGNER_SIGNED);
	text = protocol_text(&len);
	snprintf(path, sizeof(path), "%s/" PROTOCOL, running.f.dir);
	for (size_t at = first; at < len; at++) {
		_cleanup_(freep) char *torn = malloc(len);

		assert_non_null(torn);
		for (int before = 0; before < 2; before++) {
			size_t from = before ? first : at, to = before ? at + 1 : len;

			memcpy(torn, text, len);
			memset(torn + from, 0, to - from);
			put_octets(path, torn, len);
			assert_int_equal(
				protocol_open(path, PROTOCOL_READ, &p), -EBADMSG);
			assert_int_equal(protocol_open(path, PROTOCOL_GO_ON, &p), 0);
			assert_int_equal(p.entries, 1);
			assert_int_equal(p.cut, len - first);
			protocol_done(&p);
		}
	}
	/* Of an entry that others follow it is no power cut. */
	text[first / 2] = '\0';
	put_octets(path, text, len);
	assert_int_equal(protocol_open(path, PROTOCOL_GO_ON, &p), -EBADMSG);
	stop();
}

/* The signer removes at its start what broke off, by an entry of its own. */
static void a_start_mends_what_broke_off(void **state)
{
	_cleanup_(freep) char *text = NULL, *again = NULL;
	char path[PATH_MAX];
	size_t len, first;

	(void)state;
	start();
	snprintf(path, sizeof(path), "%s/" PROTOCOL, running.f.dir);
	ceremony_mend_all(&running.f.instance); /* there is no folder */
	assert_int_equal(step(SIGNER_WORK_BEGIN, "", "", "A\nB", ""), SIGNER_SIGNED);
	free(protocol_text(&first));
	assert_int_equal(step(SIGNER_WORK_NOTE, "", "a note", "", ""), SIGNER_SIGNED);
	text = protocol_text(&len);
	ceremony_mend_all(&running.f.instance);
	again = protocol_text(&first);
	assert_int_equal(first, len);
	assert_memory_equal(again, text, len); /* what is whole stays as it is */
	assert_int_equal(truncate(path, (off_t)len - 4), 0);
	assert_int_equal(step(SIGNER_WORK_SHOW, "", "", "", "cut short"), SIGNER_REFUSED);
	ceremony_mend_all(&running.f.instance);
	assert_int_equal(
		step(SIGNER_WORK_SHOW, "", "", "", "\n  the signer has started\n  "),
		SIGNER_SIGNED);
	assert_int_equal(
		step(SIGNER_WORK_NOTE, "", "a note", "", "entry 3"), SIGNER_SIGNED);
	/* What was altered is not touched. */
	text[len - 3] ^= 1;
	put(running.f.dir, PROTOCOL, text);
	ceremony_mend_all(&running.f.instance);
	assert_int_equal(
		step(SIGNER_WORK_NOTE, "", "more", "", "was altered"), SIGNER_REFUSED);
	/* Of the first entry nothing stays, and neither does a file. */
	put(running.f.dir, PROTOCOL, "#1 2026");
	ceremony_mend_all(&running.f.instance);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(step(SIGNER_WORK_SHOW, "", "", "", "begin it"), SIGNER_REFUSED);
	stop();
}

/* No step but the first makes a protocol, and a first one that fails leaves none. */
static void a_ceremony_begins_once(void **state)
{
	static const enum signer_work OTHERS[] = { SIGNER_WORK_NOTE, SIGNER_WORK_KEYS,
		SIGNER_WORK_REQUEST, SIGNER_WORK_END };
	char path[PATH_MAX];

	(void)state;
	start();
	snprintf(path, sizeof(path), "%s/" PROTOCOL, running.f.dir);
	assert_int_equal(
		step(SIGNER_WORK_BEGIN, "", "", "A", "witnesses"), SIGNER_REFUSED);
	assert_int_equal(access(path, F_OK), -1);
	for (int empty = 0; empty < 2; empty++) {
		for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
			bool note = OTHERS[i] == SIGNER_WORK_NOTE;
			bool keys = OTHERS[i] == SIGNER_WORK_KEYS;

			assert_int_equal(step(OTHERS[i], note || keys ? "" : "seal",
						 note ? "a note" : "", "", "begin it"),
				SIGNER_REFUSED);
		}
		put(running.f.dir, PROTOCOL, "");
	}
	assert_int_equal(
		step(SIGNER_WORK_BEGIN, "", "", "A\nB", "entry 1"), SIGNER_SIGNED);
	/* A signature under nothing is none. */
	put(running.f.dir, PROTOCOL, "signature seal ecdsa-sha256 AAAA\n");
	assert_int_equal(step(SIGNER_WORK_SHOW, "", "", "", "altered"), SIGNER_REFUSED);
	stop();
}

/* What a terminal or a printer takes for something else, by number; up to U+FFFF. */
static const char *character(unsigned int c)
{
	static char text[4];

	if (c < 0x80)
		snprintf(text, sizeof(text), "%c", (int)c);
	else if (c < 0x800)
		snprintf(text, sizeof(text), "%c%c", (int)(0xc0 | c >> 6),
			(int)(0x80 | (c & 0x3f)));
	else
		snprintf(text, sizeof(text), "%c%c%c", (int)(0xe0 | c >> 12),
			(int)(0x80 | (c >> 6 & 0x3f)), (int)(0x80 | (c & 0x3f)));
	return text;
}

/* What a note says is marked as such, and is what it looks like. */
static void a_note_is_no_line_of_the_signers(void **state)
{
	static const unsigned int OTHER[] = { '\r', 0x1b, 0x7f, 0x80, 0x85, 0x9b, 0x9f,
		0x61c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069 };

	(void)state;
	start();
	for (size_t i = 0; i < sizeof(OTHER) / sizeof(OTHER[0]); i++) {
		char text[32];

		snprintf(text, sizeof(text), "A%s\nB", character(OTHER[i]));
		assert_int_equal(step(SIGNER_WORK_BEGIN, "", "", text, "in one line"),
			SIGNER_REFUSED);
	}
	assert_int_equal(
		step(SIGNER_WORK_BEGIN, "", "", "\xc3\x81na\nB", ""), SIGNER_SIGNED);
	for (size_t i = 0; i < sizeof(OTHER) / sizeof(OTHER[0]); i++)
		assert_int_equal(
			step(SIGNER_WORK_NOTE, "", character(OTHER[i]), "", "control"),
			SIGNER_REFUSED);
	assert_int_equal(step(SIGNER_WORK_NOTE, "",
				 "\x9b"
				 "2J",
				 "", "control"),
		SIGNER_REFUSED);
	assert_int_equal(step(SIGNER_WORK_NOTE, "", "the safe\nfrom afar, by Carl\n", "",
				 "entry 2"),
		SIGNER_SIGNED);
	assert_int_equal(step(SIGNER_WORK_SHOW, "", "", "",
				 "\n  note: the safe\n  note: from afar, by Carl\n  from "
				 "afar, by " BY "\n"),
		SIGNER_SIGNED);
	stop();
}

/* However much is noted, it can be ended. */
static void a_full_ceremony(void **state)
{
	char path[PATH_MAX], text[30001];
	struct protocol p;
	int r = 0;

	(void)state;
	start();
	assert_int_equal(step(SIGNER_WORK_BEGIN, "", "", "A\nB", ""), SIGNER_SIGNED);
	snprintf(path, sizeof(path), "%s/" PROTOCOL, running.f.dir);
	assert_int_equal(protocol_open(path, PROTOCOL_GO_ON, &p), 0);
	for (size_t size = sizeof(text) - 1; size; size /= 2)
		do {
			memset(text, 'a', size);
			text[size] = '\0';
			r = protocol_add(&p, text);
		} while (r == 0);
	assert_int_equal(r, -EFBIG);
	protocol_done(&p);
	assert_int_equal(
		step(SIGNER_WORK_NOTE, "", "more", "", "it is full"), SIGNER_REFUSED);
	assert_int_equal(step(SIGNER_WORK_END, "seal", "", "", "entry "), SIGNER_SIGNED);
	assert_int_equal(protocol_open(path, PROTOCOL_READ, &p), 0);
	assert_true(p.closed);
	protocol_done(&p);
	stop();
}

static void what_is_no_ceremony(void **state)
{
	static const char *const NAMES[] = { ".", "..", "../count", "a/b", "-a", "a.txt",
		"a b", "" };

	(void)state;
	start();
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		assert_int_equal(step_in(NAMES[i], SIGNER_WORK_BEGIN, "", "", "A\nB",
					 *NAMES[i] ? "letters, digits" : "has a name"),
			SIGNER_REFUSED);
	assert_int_equal(
		step(SIGNER_WORK_BEGIN, "", "", "A\n\nB", "has a name, in one line"),
		SIGNER_REFUSED);
	assert_int_equal(step(SIGNER_WORK_BEGIN, "", "", "A\nB", ""), SIGNER_SIGNED);
	assert_int_equal(
		step(SIGNER_WORK_REMOVE, "seal", "", "", "no step"), SIGNER_REFUSED);
	assert_int_equal(
		step(SIGNER_WORK_END, "", "", "", "name of a role"), SIGNER_REFUSED);
	token_deactivate(running.f.token);
	assert_int_equal(
		step(SIGNER_WORK_KEYS, "", "", "", "activate the token"), SIGNER_AWAY);
	assert_int_equal(
		step(SIGNER_WORK_NOTE, "", "it was dark", "", "entry 2"), SIGNER_SIGNED);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ceremony),
		cmocka_unit_test(a_ceremony_that_breaks_off),
		cmocka_unit_test(what_the_disk_never_had),
		cmocka_unit_test(a_start_mends_what_broke_off),
		cmocka_unit_test(a_ceremony_begins_once),
		cmocka_unit_test(a_note_is_no_line_of_the_signers),
		cmocka_unit_test(a_full_ceremony),
		cmocka_unit_test(what_is_no_ceremony),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
