/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/backup/backup_pieces.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "common/encode.h"
#include "ctl/backup/backup_tree.h"
#include "ctl/tree_remove.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <openssl/cms.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

DEFINE_CLEANUP(CMS_ContentInfo *, CMS_ContentInfo_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)

struct sealing {
	const char *out;
	int folder; /* the same */
	long long leaves;
	STACK_OF(X509) * to;
	char id[BACKUP_PIECE_ID];
	unsigned long number;
	uint8_t *piece; /* BACKUP_PIECE_MAX octets, of which len are filled */
	size_t len;
};

/* RSA with OAEP; what other keys do is theirs. */
static int add_recipient(CMS_ContentInfo *cms, X509 *x)
{
	CMS_RecipientInfo *info = CMS_add1_recipient_cert(cms, x, CMS_KEY_PARAM);
	EVP_PKEY_CTX *key;

	if (!info)
		return -EKEYREJECTED;
	if (EVP_PKEY_get_base_id(X509_get0_pubkey(x)) != EVP_PKEY_RSA)
		return 0;
	key = CMS_RecipientInfo_get0_pkey_ctx(info);
	return key && EVP_PKEY_CTX_set_rsa_padding(key, RSA_PKCS1_OAEP_PADDING) > 0
		       ? 0
		       : -EKEYREJECTED;
}

static int encrypt(STACK_OF(X509) * to, BIO *plain, CMS_ContentInfo **ret)
{
	_cleanup_(CMS_ContentInfo_freep) CMS_ContentInfo *cms =
		CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), CMS_PARTIAL | CMS_BINARY);
	int r = cms ? 0 : -ENOMEM;

	for (int i = 0; r == 0 && i < sk_X509_num(to); i++)
		r = add_recipient(cms, sk_X509_value(to, i));
	if (r == 0 && CMS_final(cms, plain, NULL, CMS_BINARY) != 1)
		r = -EKEYREJECTED;
	if (r < 0)
		return r;
	*ret = cms;
	cms = NULL;
	return 0;
}

static int write_piece(struct sealing *s, bool last)
{
	_cleanup_(BIO_free_allp) BIO *plain = BIO_new(BIO_s_mem());
	_cleanup_(CMS_ContentInfo_freep) CMS_ContentInfo *cms = NULL;
	_cleanup_(freep) uint8_t *der = NULL;
	char path[PATH_MAX];
	int len, r = s->number > BACKUP_PIECES_MAX ? -EFBIG
						   : backup_room(s->folder, s->leaves);

	if (r < 0)
		return r;

	if (!plain ||
		BIO_printf(plain, BACKUP_PIECE_HEAD "%s %lu %s\n", s->id, s->number,
			last ? "last" : "more") <= 0 ||
		(s->len && BIO_write(plain, s->piece, (int)s->len) != (int)s->len))
		r = -ENOMEM;
	if (r == 0)
		r = encrypt(s->to, plain, &cms);
	if (r < 0)
		return r;
	len = i2d_CMS_ContentInfo(cms, &der);
	if (len <= 0 || snprintf(path, sizeof(path), "%s/%06lu.p7m", s->out, s->number) >=
				PATH_MAX)
		return len <= 0 ? -ENOMEM : -ENAMETOOLONG;
	s->number++;
	s->len = 0;
	return durable_write(path, span_of(der, (size_t)len), 0600);
}

static int add(struct sealing *s, const void *octets, size_t len)
{
	const uint8_t *at = octets;
	int r = 0;

	while (r == 0 && len) {
		size_t n = BACKUP_PIECE_MAX - s->len;

		if (n == 0) {
			r = write_piece(s, false);
			continue;
		}
		n = n < len ? n : len;
		memcpy(s->piece + s->len, at, n);
		s->len += n;
		at += n;
		len -= n;
	}
	return r;
}

/* As large as it was when it was opened, or it is not in there. */
static int add_file(struct sealing *s, const char *path, const char *name)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	static uint8_t block[65536];
	char head[PATH_MAX + 32];
	struct stat st;
	long long left;
	ssize_t n = 1;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (strchr(name, '\n'))
		return -EINVAL;
	left = st.st_size;
	r = snprintf(head, sizeof(head), "%lld %s\n", left, name);
	r = add(s, head, (size_t)r);
	while (r == 0 && (n = read(fd, block, sizeof(block))) > 0) {
		left -= n;
		r = left < 0 ? -ESTALE : add(s, block, (size_t)n);
	}
	if (r == 0)
		r = n < 0 ? -errno : left ? -ESTALE : 0;
	return r;
}

static int add_all(struct sealing *s, const char *dir)
{
	char *const roots[] = { (char *)(uintptr_t)dir, NULL };
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	const FTSENT *e;
	int r = tree ? 0 : -errno;

	while (r == 0 && (errno = 0, e = fts_read(tree)) != NULL) {
		if (e->fts_info == FTS_F)
			r = add_file(s, e->fts_path, e->fts_path + strlen(dir) + 1);
		else if (e->fts_info != FTS_D && e->fts_info != FTS_DP)
			r = e->fts_errno ? -e->fts_errno : -EINVAL;
	}
	if (r == 0 && errno)
		r = -errno;
	if (tree)
		(void)fts_close(tree);
	return r == 0 ? write_piece(s, true) : r;
}

int backup_seal(const char *dir, const char *out, STACK_OF(X509) * to, long long leaves)
{
	_cleanup_(freep) uint8_t *piece = malloc(BACKUP_PIECE_MAX);
	_cleanup_(closep) int folder = -1;
	struct sealing s = { .out = out, .leaves = leaves, .to = to, .piece = piece };
	uint8_t id[(BACKUP_PIECE_ID - 1) / 2];
	char from[PATH_MAX];
	int r;

	if (!realpath(dir, from))
		return -errno;
	if (!piece || RAND_bytes(id, sizeof(id)) != 1)
		return -ENOMEM;
	hex_encode(id, sizeof(id), s.id);
	/* Who has it discarded may be another user of the group. */
	if (mkdir(out, 0700) < 0 || chmod(out, 0770) < 0)
		return -errno;
	folder = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s.folder = folder;
	r = folder < 0 ? -errno : add_all(&s, from);
	if (r < 0)
		tree_remove(out);
	return r;
}
