/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/prompt.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

/* Octet by octet: nothing of what follows the line is taken, nothing stays in a buffer.
 */
static int read_line(char *ret_text, size_t size)
{
	size_t len = 0;
	bool any = false;
	char c;

	for (;;) {
		ssize_t n = read(STDIN_FILENO, &c, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -EIO;
		any |= n > 0;
		if (n == 0 || c == '\n')
			break;
		if (len + 1 >= size)
			return -E2BIG;
		ret_text[len++] = c;
	}
	ret_text[len] = '\0';
	return any ? 0 : -ENODATA;
}

int prompt_secret(const char *question, char *ret_text, size_t size)
{
	struct termios before, silent;
	bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
	int r;

	if (terminal) {
		silent = before;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		fprintf(stderr, "%s: ", question);
		if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) < 0)
			return -EIO;
	}
	r = read_line(ret_text, size);
	if (terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	}
	if (r < 0)
		OPENSSL_cleanse(ret_text, size);
	return r;
}
