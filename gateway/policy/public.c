/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/public.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define OF_TEXT "sha256 "

/* What checking a document needs, and the examples that show the rules at work. */
static bool is_public(const char *name)
{
	static const char *const FOLDERS[] = { "codes/", "examples/", "messages/",
		"rules/", "schemas/", "types/", "versions/" };

	for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++)
		if (strncmp(name, FOLDERS[i], strlen(FOLDERS[i])) == 0)
			return true;
	return false;
}

/* The content lies behind the name, which the bundle owns. */
static int make_head(struct bundle_file *f, const char *digest)
{
	static const size_t n = sizeof(POLICY_PUBLIC_OF);

	if (asprintf(&f->name, POLICY_PUBLIC_OF "%c" OF_TEXT "%s\n", '\0', digest) < 0) {
		f->name = NULL;
		return -ENOMEM;
	}
	f->data = span_of(f->name + n, strlen(f->name + n));
	return 0;
}

/* Capital letters sort before the folders' names: the list stays sorted. */
static int select_public(const struct bundle *whole, const char *digest, struct bundle *b)
{
	int r;

	b->files = calloc(whole->count + 1, sizeof(*b->files));
	r = b->files ? make_head(&b->files[0], digest) : -ENOMEM;
	if (r < 0)
		return r;
	b->count = 1;
	for (size_t i = 0; i < whole->count; i++) {
		struct bundle_file *f = &b->files[b->count];

		if (!is_public(whole->files[i].name))
			continue;
		*f = (struct bundle_file){ .name = strdup(whole->files[i].name),
			.data = whole->files[i].data };
		b->count++;
		if (!f->name)
			return -ENOMEM;
	}
	return 0;
}

int policy_public(const char *policies, const char *digest, struct bundle *ret_bundle,
	char **ret_error)
{
	_cleanup_bundle_ struct bundle whole = { 0 };
	struct bundle b = { 0 };
	int r = bundle_of_folder(policies, 0, &whole, ret_error);

	if (r == 0)
		r = select_public(&whole, digest, &b);
	if (r < 0) {
		bundle_done(&b);
		return r;
	}
	b.octets = whole.octets; /* now its own, spans and all */
	whole.octets = NULL;
	*ret_bundle = b;
	return 0;
}

int policy_public_of(const struct bundle *b, char ret_digest[SHA256_TEXT_SIZE])
{
	const size_t n = strlen(OF_TEXT), digits = SHA256_TEXT_SIZE - 1;
	const struct bundle_file *f = b->files;

	if (b->count == 0 || strcmp(f->name, POLICY_PUBLIC_OF) != 0 ||
		f->data.len != n + digits + 1 || memcmp(f->data.data, OF_TEXT, n) != 0 ||
		f->data.data[n + digits] != '\n')
		return -EINVAL;
	memcpy(ret_digest, f->data.data + n, digits);
	ret_digest[digits] = '\0';
	return 0;
}
