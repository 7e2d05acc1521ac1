/* SPDX-License-Identifier: EUPL-1.2 */
/* Work at the token by the running signer: what `sealgate hsm` does here and from afar.
 */
#include "pkcs11/setup.h"

#include "common/buf.h"
#include "common/digest.h"
#include "common/durable.h"
#include "pkcs11/ceremony.h"
#include "pkcs11/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORK_MS 230000		 /* a device may take its time for a large key */
#define PERSON "SEALGATE_PERSON" /* whom sealgate-operate runs a command for */
#define FIRST "SEALGATE_FIRST"	 /* and who had asked for it before */

/* What goes into the order: by place in argv, 0 for none. */
static const struct work {
	const char *name;
	enum signer_work work;
	int least, most; /* arguments */
	int role, text, given;
	bool alone; /* this program can do it, too, with the PIN */
} WORKS[] = {
	{ "list", SIGNER_WORK_LIST, 0, 0, 0, 0, 0, false },
	{ "test", SIGNER_WORK_TEST, 0, 0, 0, 0, 0, false },
	{ "keys", SIGNER_WORK_KEYS, 0, 1, 1, 0, 0, true },
	{ "csr", SIGNER_WORK_REQUEST, 1, 3, 1, 3, 0, true },
	{ "import", SIGNER_WORK_IMPORT, 2, 2, 1, 0, 2, true },
	{ "remove", SIGNER_WORK_REMOVE, 2, 2, 1, 2, 0, false },
	{ "custody", SIGNER_WORK_CUSTODY, 1, 1, 0, 0, 1, false },
	{ 0 },
};

/* ceremony NAME STEP ...: places are counted from STEP on. */
static const struct work STEPS[] = {
	{ "begin", SIGNER_WORK_BEGIN, CEREMONY_WITNESSES_MIN, CEREMONY_WITNESSES_MAX, 0,
		0, 0, false },
	{ "keys", SIGNER_WORK_KEYS, 0, 0, 0, 0, 0, false },
	{ "request", SIGNER_WORK_REQUEST, 1, 2, 1, 2, 0, false },
	{ "note", SIGNER_WORK_NOTE, 1, 1, 0, 1, 0, false },
	{ "end", SIGNER_WORK_END, 1, 1, 1, 0, 0, false },
	{ "show", SIGNER_WORK_SHOW, 0, 0, 0, 0, 0, false },
	{ 0 },
};

static const struct work *find_in(const struct work *table, const char *name)
{
	for (const struct work *w = table; w->name; w++)
		if (strcmp(w->name, name) == 0)
			return w;
	return NULL;
}

/* Whoever is at the machine writes the protocol himself, into a file of his. */
static bool is_step(const char *name)
{
	return strcmp(name, "ceremony") == 0 && getenv(PERSON);
}

static const struct work *find(int argc, char *const *argv)
{
	if (!is_step(argv[0]))
		return find_in(WORKS, argv[0]);
	return argc > 2 ? find_in(STEPS, argv[2]) : NULL;
}

/* Closing a PIN is not: whoever does that has it. */
bool setup_is_work(int argc, char *const *argv)
{
	const struct work *w = find(argc, argv);

	return is_step(argv[0]) || (w && (w->work != SIGNER_WORK_CUSTODY || argc == 2));
}

static int read_standard_input(uint8_t **ret_data, size_t *ret_len)
{
	_cleanup_(freep) uint8_t *data = malloc(SIGNER_GIVEN_MAX + 1);

	*ret_len = data ? fread(data, 1, SIGNER_GIVEN_MAX + 1, stdin) : 0;
	if (!data || ferror(stdin))
		return data ? -EIO : -ENOMEM;
	if (*ret_len > SIGNER_GIVEN_MAX)
		return -EFBIG;
	*ret_data = TAKE(data);
	return 0;
}

int setup_given(const char *name, uint8_t **ret_data, size_t *ret_len)
{
	bool called = strncmp(name, SETUP_GIVEN, strlen(SETUP_GIVEN)) == 0;
	char sha256[SHA256_TEXT_SIZE];
	int r = called ? read_standard_input(ret_data, ret_len)
		       : file_read(name, SIGNER_GIVEN_MAX, ret_data, ret_len);

	if (r < 0)
		return setup_fail("%s: %s", name, strerror(-r));
	if (*ret_len == 0)
		return setup_fail("%s: it is empty", name);
	if (called && (digest_sha256_text(span_of(*ret_data, *ret_len), sha256) < 0 ||
			      strcmp(sha256, name + strlen(SETUP_GIVEN)) != 0))
		return setup_fail("what was given is not %s", name);
	return 0;
}

/* Return: 0 or -EINVAL after a message. */
static int copy_text(const char *what, const char *from, char *to, size_t size)
{
	if (strlen(from) >= size)
		return setup_fail("%s has more than %zu octets", what, size - 1);
	memcpy(to, from, strlen(from) + 1);
	return 0;
}

static bool usage_ok(const struct work *w, int argc, char **argv)
{
	if (argc - 1 < w->least || argc - 1 > w->most)
		return false;
	return w->work != SIGNER_WORK_REQUEST || w->text != 3 || argc == 2 ||
	       (argc == 4 && strcmp(argv[2], "--subject") == 0);
}

/* Return: 0 or -EINVAL after a message. */
static int copy_variable(const char *name, char *to, size_t size)
{
	const char *value = getenv(name);

	return value ? copy_text("the person", value, to, size) : 0;
}

/* A key is named as hsm list prints it, with sha256: before it or without. */
static int fill(const struct work *w, int argc, char **argv, struct signer_order *ret)
{
	const char *text = NULL;
	int r = copy_variable(PERSON, ret->person, sizeof(ret->person));

	ret->work = w->work;
	if (r == 0)
		r = copy_variable(FIRST, ret->first, sizeof(ret->first));
	if (r == 0 && w->role && w->role < argc)
		r = copy_text("a role", argv[w->role], ret->role, sizeof(ret->role));
	if (w->text && w->text < argc)
		text = argv[w->text];
	if (text && w->work == SIGNER_WORK_REMOVE &&
		strncmp(text, SETUP_GIVEN, strlen(SETUP_GIVEN)) == 0)
		text += strlen(SETUP_GIVEN);
	return r == 0 && text ? copy_text(argv[0], text, ret->text, sizeof(ret->text))
			      : r;
}

/* The arguments behind the first one, a line each. Return: 0 or -ENOMEM. */
static int give_lines(int argc, char **argv, uint8_t **ret_data, size_t *ret_len)
{
	_cleanup_buf_ struct buf lines;

	buf_init(&lines, SIGNER_GIVEN_MAX);
	for (int i = 1; i < argc; i++)
		buf_addf(&lines, "%s%s", i > 1 ? "\n" : "", argv[i]);
	if (lines.error || !(*ret_data = malloc(lines.len)))
		return -ENOMEM;
	memcpy(*ret_data, lines.data, lines.len);
	*ret_len = lines.len;
	return 0;
}

/* Return: 0 or negative after a message. */
static int give(
	const struct work *w, int argc, char **argv, uint8_t **ret_data, size_t *ret_len)
{
	if (w->work == SIGNER_WORK_BEGIN)
		return give_lines(argc, argv, ret_data, ret_len);
	return w->given ? setup_given(argv[w->given], ret_data, ret_len) : 0;
}

/* Return: enum signer_answer, or negative. */
static int ask(const struct instance *instance, const struct signer_order *order,
	struct span given, char **ret_text)
{
	_cleanup_(signer_disconnectp) struct signer *signer = NULL;
	char path[PATH_MAX];
	int r = instance_socket(instance, "signer", path);

	if (r == 0)
		r = signer_connect(path, WORK_MS, &signer);
	return r < 0 ? r : signer_order(signer, order, given, ret_text);
}

static int tell(int answer, const char *text)
{
	if (answer < 0) {
		setup_fail("the signer does not answer: %s", strerror(-answer));
		return 3;
	}
	if (answer == SIGNER_SIGNED)
		return fputs(text, stdout) >= 0 && fflush(stdout) == 0 ? 0 : 3;
	fprintf(stderr, "sealgate-signer: %s", text);
	return 1;
}

int setup_work(const struct instance *instance, int argc, char **argv, bool *ret_done)
{
	const struct work *w = find(argc, argv);
	bool alone = w && w->alone && !getenv(PERSON);
	_cleanup_(freep) uint8_t *given = NULL;
	_cleanup_(freep) char *text = NULL;
	struct signer_order order = { 0 };
	size_t len = 0;
	int answer;

	*ret_done = true;
	if (w && is_step(argv[0])) {
		if (copy_text("the name of a ceremony", argv[1], order.ceremony,
			    sizeof(order.ceremony)) < 0)
			return 1;
		argc -= 2;
		argv += 2;
	}
	if (!w || !usage_ok(w, argc, argv))
		return SETUP_USAGE;
	if (fill(w, argc, argv, &order) < 0 || give(w, argc, argv, &given, &len) < 0)
		return 1;
	answer = ask(instance, &order, span_of(given, len), &text);
	*ret_done = !alone || answer == SIGNER_SIGNED || answer == SIGNER_REFUSED;
	return *ret_done ? tell(answer, text ? text : "") : 0;
}
