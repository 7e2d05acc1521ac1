/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/backup/backup_orders.h"

#include "common/buf.h"
#include "ctl/appliance/appliance.h"
#include "pki/certificate.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECIPIENTS_MAX 16
#define LIST_MAX (RECIPIENTS_MAX * 512u)
#define RSA_BITS_MIN 3072

struct recipients {
	STACK_OF(X509) * to;
	struct buf list;
	int64_t at;
	bool strict; /* what is no certificate's name is a fault, too */
};

static bool curve_ok(const EVP_PKEY *key)
{
	static const int CURVES[] = { NID_X9_62_prime256v1, NID_secp384r1,
		NID_secp521r1 };
	char name[64];
	size_t len;

	if (EVP_PKEY_get_group_name(key, name, sizeof(name), &len) != 1)
		return false;
	for (size_t i = 0; i < sizeof(CURVES) / sizeof(CURVES[0]); i++)
		if (OBJ_txt2nid(name) == CURVES[i])
			return true;
	return false;
}

/* What was encrypted lies elsewhere for years. */
static const char *judge_strength(const EVP_PKEY *key, int type)
{
	if (type == EVP_PKEY_RSA)
		return EVP_PKEY_get_bits(key) < RSA_BITS_MIN
			       ? "its RSA key has fewer than 3072 bits"
			       : NULL;
	return curve_ok(key) ? NULL : "its curve is none of P-256, P-384 and P-521";
}

/* As CMS encrypts: with RSA to the key, with EC by agreement. */
const char *backup_recipient_fault(X509 *x)
{
	const EVP_PKEY *key = X509_get0_pubkey(x);
	uint32_t usage = X509_get_key_usage(x);
	int type = key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
	const char *weak;

	if (type != EVP_PKEY_RSA && type != EVP_PKEY_EC)
		return "nothing can be encrypted for its key: RSA or EC is needed";
	weak = judge_strength(key, type);
	if (weak)
		return weak;
	if (usage != UINT32_MAX && !(usage & (type == EVP_PKEY_RSA ? KU_KEY_ENCIPHERMENT
								   : KU_KEY_AGREEMENT)))
		return type == EVP_PKEY_RSA ? "its key usage is without keyEncipherment"
					    : "its key usage is without keyAgreement";
	return NULL;
}

static bool in_date(const X509 *x, int64_t at)
{
	int64_t from, to;

	return at == 0 ||
	       (pki_certificate_validity(x, &from, &to) == 0 && from <= at && at <= to);
}

static const char *add(struct recipients *r, const char *path, const char *name)
{
	X509 *x = pki_certificate_read(path);
	char sha256[SHA256_TEXT_SIZE];
	const char *fault =
		x ? backup_recipient_fault(x) : "no certificate can be read there";

	if (fault || !in_date(x, r->at)) {
		X509_free(x);
		return fault;
	}
	if (pki_certificate_sha256(x, sha256) < 0 || sk_X509_push(r->to, x) <= 0) {
		X509_free(x);
		return "there is no memory";
	}
	buf_addf(&r->list, "to %s %s\n", sha256, name);
	return r->list.error ? "its name is too long" : NULL;
}

static bool is_certificate(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 4 && strcmp(e->d_name + len - 4, ".pem") == 0 &&
	       strspn(e->d_name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789._@-") == len;
}

static int is_entry(const struct dirent *e)
{
	return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

typedef void fault_fn(const void *data, const char *line);

/* Of one entry of the folder. Return: what is wrong with it, or NULL. */
static const char *judge_entry(
	struct recipients *r, const char *folder, const struct dirent *e)
{
	char path[PATH_MAX];

	if (!is_certificate(e))
		return r->strict ? "is ignored: who may open a backup is NAME.pem, NAME "
				   "of letters, digits and . _ @ - only"
				 : NULL;
	if (sk_X509_num(r->to) == RECIPIENTS_MAX)
		return "is one too many";
	return snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) < PATH_MAX
		       ? add(r, path, e->d_name)
		       : "its name is too long";
}

/* A name that makes no line of its own. */
static void tell(const char *folder, const char *name, const char *why, fault_fn *fault,
	const void *data)
{
	char line[PATH_MAX + 512];

	(void)snprintf(line, sizeof(line), "%s/%s:0: %s", folder, name, why);
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	fault(data, line);
}

/* All of the folder. Return: how many faults, or -errno when it cannot be read. */
static int add_all(
	struct recipients *r, const char *folder, fault_fn *fault, const void *data)
{
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, is_entry, alphasort), faults = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		const char *why = judge_entry(r, folder, entries[i]);

		if (why)
			tell(folder, entries[i]->d_name, why, fault, data);
		faults += why != NULL;
		free(entries[i]);
	}
	free(entries);
	return faults;
}

static int begin(struct recipients *r, const char *policies, char ret_folder[PATH_MAX])
{
	buf_init(&r->list, LIST_MAX);
	r->to = sk_X509_new_null();
	if (!r->to)
		return -ENOMEM;
	return snprintf(ret_folder, PATH_MAX, "%s/" BACKUP_RECIPIENTS, policies) <
			       PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

static void done(struct recipients *r)
{
	sk_X509_pop_free(r->to, X509_free);
	buf_done(&r->list);
}

static void keep_first(const void *data, const char *line)
{
	char **error = (char **)(uintptr_t)data;

	if (!*error)
		*error = strdup(line);
}

int backup_recipients(const char *policies, int64_t at, STACK_OF(X509) * *ret_to,
	char **ret_list, char **ret_error)
{
	_cleanup_(done) struct recipients all = { .at = at };
	char folder[PATH_MAX];
	int r = begin(&all, policies, folder);

	*ret_error = NULL;
	if (r == 0)
		r = add_all(&all, folder, keep_first, ret_error);
	if (r > 0)
		return -EINVAL;
	if (r == -ENOENT || (r == 0 && sk_X509_num(all.to) == 0))
		return appliance_fail(ret_error, -ENOENT, folder,
			"no certificate there, in date, says who may open a backup");
	if (r < 0)
		return appliance_fail(ret_error, r, folder, strerror(-r));
	*ret_list = buf_take(&all.list, NULL);
	if (!*ret_list)
		return -ENOMEM;
	*ret_to = all.to;
	all.to = NULL;
	return 0;
}

int backup_recipients_check(const char *policies, fault_fn *fault, const void *data)
{
	_cleanup_(done) struct recipients all = { .strict = true };
	char folder[PATH_MAX];
	int r = begin(&all, policies, folder);

	if (r == 0)
		r = add_all(&all, folder, fault, data);
	return r == -ENOENT ? 0 : r;
}
