/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/backup/backup_orders.h"
#include "ctl/backup/backup_pieces.h"
#include "ctl/command.h"

#include "common/cleanup.h"
#include "pki/certificate.h"

#include <errno.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

DEFINE_CLEANUP(BIO *, BIO_free_all)

static X509 *read_certificate(const char *path)
{
	_cleanup_(BIO_free_allp) BIO *file = BIO_new_file(path, "r");

	return file ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
}

static EVP_PKEY *read_key(const char *path)
{
	_cleanup_(BIO_free_allp) BIO *file = BIO_new_file(path, "r");

	return file ? PEM_read_bio_PrivateKey(file, NULL, NULL, (void *)(uintptr_t) "")
		    : NULL;
}

static int add_certificate(STACK_OF(X509) * to, const char *path)
{
	X509 *x = read_certificate(path);
	const char *fault =
		x ? backup_recipient_fault(x) : "no certificate can be read there";

	if (!fault && sk_X509_push(to, x) > 0)
		return 0;
	X509_free(x);
	return command_fault("%s: %s", path, fault ? fault : "there is no memory");
}

static int seal_to(int argc, char **argv, STACK_OF(X509) * to)
{
	static const struct option options[] = { { "to", required_argument, NULL, 't' },
		{ 0 } };
	int c, r;

	while ((c = command_option(argc, argv, "", options)) != -1)
		if (c != 't' || add_certificate(to, optarg) < 0)
			return command_usage("backup");
	if (sk_X509_num(to) == 0) {
		command_fault("--to is missing: who may open it");
		return command_usage("backup");
	}
	if (command_arguments(argc, argv, 2, 2, "the backup or the folder to make") < 0)
		return command_usage("backup");
	r = backup_seal(argv[optind], argv[optind + 1], to, 0);
	if (r == 0)
		return EXIT_CLEAN;
	command_fault("%s: %s", argv[optind + 1],
		r == -EKEYREJECTED ? "nothing can be encrypted for a certificate of --to"
				   : strerror(-r));
	return EXIT_INTERNAL;
}

int backup_seal_command(int argc, char **argv)
{
	STACK_OF(X509) *to = sk_X509_new_null();
	int status = to ? seal_to(argc, argv, to) : EXIT_INTERNAL;

	sk_X509_pop_free(to, X509_free);
	return status;
}

static const char *why(int error)
{
	return error == -EKEYREJECTED ? "it is not for this key, or was changed"
	       : error == -EBADMSG    ? "it is not the piece that belongs there"
	       : error == -ENOENT     ? "it is missing"
				      : strerror(-error);
}

int backup_open_command(int argc, char **argv)
{
	static const struct option options[] = { { "key", required_argument, NULL, 'k' },
		{ "cert", required_argument, NULL, 'c' }, { 0 } };
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	_cleanup_(X509_freep) X509 *certificate = NULL;
	const char *key_path = NULL, *path = NULL;
	unsigned long piece;
	int c, r;

	while ((c = command_option(argc, argv, "", options)) != -1) {
		if (c == '?')
			return command_usage("backup");
		*(c == 'k' ? &key_path : &path) = optarg;
	}
	if (command_arguments(argc, argv, 2, 2, "the pieces or the folder to make") < 0)
		return command_usage("backup");
	key = key_path ? read_key(key_path) : NULL;
	certificate = path ? read_certificate(path) : NULL;
	if (!key || !certificate) {
		command_fault("--key or --cert is missing, or cannot be read");
		return command_usage("backup");
	}
	r = backup_open(argv[optind], argv[optind + 1], key, certificate, &piece);
	if (r == 0)
		return EXIT_CLEAN;
	command_fault("piece %06lu: %s", piece, why(r));
	return r == -EKEYREJECTED || r == -EBADMSG || r == -ENOENT ? EXIT_NOT_PASSED
								   : EXIT_INTERNAL;
}
