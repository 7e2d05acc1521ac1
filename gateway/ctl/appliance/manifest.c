/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/manifest.h"

#include "common/digest.h"
#include "common/durable.h"
#include "common/encode.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/cms.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define MANIFEST_MAX (512u * 1024)
#define SIGNATURE_MAX 65536u
#define CHUNK 65536

DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(X509_STORE *, X509_STORE_free)
DEFINE_CLEANUP(CMS_ContentInfo *, CMS_ContentInfo_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)
DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)

static int fail(char **ret_error, int error, const char *what, const char *where)
{
	if (asprintf(ret_error, "%s: %s", where, what) < 0)
		*ret_error = NULL;
	return error;
}

/* One anchor, any purpose; the time is left out on purpose (see the header). */
static X509_STORE *store_of(const char *anchor)
{
	_cleanup_(BIO_free_allp) BIO *file = BIO_new_file(anchor, "r");
	_cleanup_(X509_freep) X509 *x =
		file ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
	X509_STORE *store = x ? X509_STORE_new() : NULL;

	if (store && X509_STORE_add_cert(store, x) == 1 &&
		X509_STORE_set_flags(store,
			X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
		X509_STORE_set_purpose(store, X509_PURPOSE_ANY) == 1)
		return store;
	X509_STORE_free(store);
	return NULL;
}

static int check_signature(struct span text, struct span signature, const char *anchor)
{
	_cleanup_(X509_STORE_freep) X509_STORE *store = store_of(anchor);
	_cleanup_(BIO_free_allp) BIO *data = BIO_new_mem_buf(text.data, (int)text.len);
	const uint8_t *p = signature.data;
	_cleanup_(CMS_ContentInfo_freep) CMS_ContentInfo *cms =
		d2i_CMS_ContentInfo(NULL, &p, (long)signature.len);

	if (!store || !data || !cms || p != signature.data + signature.len)
		return -EKEYREJECTED;
	return CMS_verify(cms, NULL, store, data, NULL, CMS_BINARY) == 1 ? 0
									 : -EKEYREJECTED;
}

/* Plain names and single slashes: nothing leads out of the folder. */
static bool path_is_plain(const char *path)
{
	static const char NAMES[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789._@-/";
	size_t len = strlen(path);

	return len > 0 && len < 512 && strspn(path, NAMES) == len && path[0] != '/' &&
	       path[0] != '.' && path[len - 1] != '/' && !strstr(path, "//") &&
	       !strstr(path, "/.");
}

static int parse_file(char *line, struct manifest_file *ret)
{
	char *size = strchr(line, ' '), *path, *end;

	if (!size || size - line != 2 * SHA256_SIZE ||
		strspn(line, "0123456789abcdef") != 2 * SHA256_SIZE)
		return -EINVAL;
	*size++ = '\0';
	path = strchr(size, ' ');
	if (!path || path == size)
		return -EINVAL;
	*path++ = '\0';
	errno = 0;
	ret->size = strtoll(size, &end, 10);
	if (errno || *end || ret->size < 0 || !path_is_plain(path))
		return -EINVAL;
	ret->sha256 = line;
	ret->path = path;
	return 0;
}

/* "sealgate-manifest 1 KIND SERIAL": the serial is what follows. */
static const char *parse_head(const char *line, const char *kind)
{
	char head[64];
	int n = snprintf(head, sizeof(head), "sealgate-manifest 1 %s ", kind);

	if (n < 0 || (size_t)n >= sizeof(head) || strncmp(line, head, (size_t)n) != 0)
		return NULL;
	line += n;
	return *line && strspn(line, "0123456789.") == strlen(line) ? line : NULL;
}

static int parse(struct manifest *m, const char *kind)
{
	char *save = NULL, *line = strtok_r(m->text, "\n", &save);

	m->serial = line ? parse_head(line, kind) : NULL;
	m->files = calloc(MANIFEST_FILES_MAX, sizeof(*m->files));
	if (!m->files)
		return -ENOMEM;
	if (!m->serial)
		return -EINVAL;
	while ((line = strtok_r(NULL, "\n", &save)) != NULL) {
		if (m->count == MANIFEST_FILES_MAX ||
			parse_file(line, &m->files[m->count]) < 0)
			return -EINVAL;
		m->count++;
	}
	return 0;
}

static int join(char ret[PATH_MAX], const char *folder, const char *name)
{
	int n = snprintf(ret, PATH_MAX, "%s/%s", folder, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* What a list is in, and how large that may be: the list, then its signature. */
static const struct {
	const char *name;
	size_t most;
} PARTS[] = { { "manifest", MANIFEST_MAX }, { "manifest.p7s", SIGNATURE_MAX } };

#define PARTS_COUNT (sizeof(PARTS) / sizeof(PARTS[0]))

static int read_parts(struct manifest *m, char ret_path[PATH_MAX])
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < PARTS_COUNT; i++) {
		r = join(ret_path, m->dir, PARTS[i].name);
		if (r == 0)
			r = file_read(
				ret_path, PARTS[i].most, &m->raw[i], &m->raw_len[i]);
	}
	return r;
}

static int open_signed(
	const char *kind, const char *anchor, struct manifest *m, char **ret_error)
{
	char path[PATH_MAX];
	int r = read_parts(m, path);

	if (r < 0)
		return fail(ret_error, r, strerror(-r), path);
	if (check_signature(span_of(m->raw[0], m->raw_len[0]),
		    span_of(m->raw[1], m->raw_len[1]), anchor) < 0)
		return fail(ret_error, -EKEYREJECTED,
			"the signature is not by who may sign this", path);
	m->text = strdup((const char *)m->raw[0]);
	if (!m->text)
		return -ENOMEM;
	if (strlen(m->text) != m->raw_len[0] || parse(m, kind) < 0)
		return fail(ret_error, -EINVAL, "not a manifest of this kind", m->dir);
	return 0;
}

int manifest_keep(const struct manifest *m, const char *folder)
{
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < PARTS_COUNT; i++) {
		r = join(path, folder, PARTS[i].name);
		if (r == 0)
			r = durable_write(path, span_of(m->raw[i], m->raw_len[i]), 0600);
	}
	return r;
}

int manifest_open(const char *dir, const char *kind, const char *anchor,
	struct manifest *ret_manifest, char **ret_error)
{
	struct manifest m = { 0 };
	int r;

	*ret_error = NULL;
	if (!realpath(dir, m.dir))
		return fail(ret_error, -errno, strerror(errno), dir);
	r = open_signed(kind, anchor, &m, ret_error);
	if (r < 0)
		manifest_done(&m);
	else
		*ret_manifest = m;
	return r;
}

void manifest_done(struct manifest *m)
{
	free(m->files);
	free(m->text);
	free(m->raw[0]);
	free(m->raw[1]);
	*m = (struct manifest){ 0 };
}

/* One number of each, and the dot after it; of what has none it is zero. */
static int compare_number(const char **a, const char **b)
{
	size_t x, y;
	int r;

	*a += strspn(*a, "0");
	*b += strspn(*b, "0");
	x = strspn(*a, "0123456789");
	y = strspn(*b, "0123456789");
	r = x != y ? (x < y ? -1 : 1) : memcmp(*a, *b, x);
	*a += x;
	*b += y;
	return r;
}

int manifest_compare(const char *a, const char *b)
{
	for (;;) {
		int r = compare_number(&a, &b);

		if (r != 0)
			return r;
		if (*a != '.' && *b != '.')
			return strcmp(a, b);
		a += *a == '.';
		b += *b == '.';
	}
}

/* The folders of a path; those that are there already stay as they are. */
static int make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int r;

		*slash = '\0';
		r = mkdir(path, 0755) == 0 ? chmod(path, 0755) : errno == EEXIST ? 0 : -1;
		r = r < 0 ? -errno : 0;
		*slash = '/';
		if (r < 0)
			return r;
	}
	return 0;
}

/* Digest at most size octets and copy them (to below zero: nowhere). Return: 0, -EBADMSG
 * when there are more. */
static int copy_octets(int from, int to, long long size, uint8_t ret_digest[SHA256_SIZE])
{
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *digest = EVP_MD_CTX_new();
	static uint8_t chunk[CHUNK];
	ssize_t n;
	int r;

	if (!digest || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	while ((n = read(from, chunk, sizeof(chunk))) > 0) {
		size -= n;
		if (size < 0)
			return -EBADMSG;
		if (EVP_DigestUpdate(digest, chunk, (size_t)n) != 1)
			return -EIO;
		r = to < 0 ? 0 : fd_write_all(to, span_of(chunk, (size_t)n));
		if (r < 0)
			return r;
	}
	if (n < 0)
		return -errno;
	return size == 0 && EVP_DigestFinal_ex(digest, ret_digest, NULL) == 1 ? 0
									      : -EBADMSG;
}

/* As copy_octets, and the octets must be those of the list. */
static int prove_octets(const struct manifest_file *f, int from, int to)
{
	uint8_t digest[SHA256_SIZE];
	char text[SHA256_TEXT_SIZE];
	int r = copy_octets(from, to, f->size, digest);

	if (r < 0)
		return r;
	hex_encode(digest, sizeof(digest), text);
	return strcmp(text, f->sha256) == 0 ? 0 : -EBADMSG;
}

int manifest_prove(const struct manifest_file *f, const char *path)
{
	_cleanup_(closep) int from = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return from < 0 ? -errno : prove_octets(f, from, -1);
}

int manifest_read(const struct manifest *m, const struct manifest_file *f, size_t most,
	uint8_t **ret_octets, size_t *ret_len)
{
	_cleanup_(freep) uint8_t *octets = NULL;
	char path[PATH_MAX], text[SHA256_TEXT_SIZE];
	size_t len = 0;
	int r = snprintf(path, sizeof(path), "%s/%s", m->dir, f->path) < PATH_MAX
			? file_read(path, most, &octets, &len)
			: -ENAMETOOLONG;

	if (r == 0)
		r = digest_sha256_text(span_of(octets, len), text);
	if (r < 0)
		return r;
	if (strcmp(text, f->sha256) != 0)
		return -EBADMSG;
	*ret_octets = TAKE(octets);
	*ret_len = len;
	return 0;
}

static int copy_proven(const struct manifest_file *f, const char *source,
	const char *target, mode_t mode)
{
	_cleanup_(closep) int from = open(source, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(closep) int to = -1;
	int r;

	if (from < 0)
		return -errno;
	to = open(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (to < 0)
		return -errno;
	r = prove_octets(f, from, to);
	if (r < 0)
		return r;
	return fchmod(to, mode) < 0 || fsync(to) < 0 ? -errno : 0;
}

/* Where it comes from and goes to, in folders that are there. */
static int ways(const struct manifest *m, const struct manifest_file *f,
	const char *folder, char ret_source[PATH_MAX], char ret_target[PATH_MAX])
{
	int r = join(ret_source, m->dir, f->path);

	if (r == 0)
		r = join(ret_target, folder, f->path);
	return r == 0 ? make_folders(ret_target) : r;
}

int manifest_move(const struct manifest *m, const struct manifest_file *f,
	const char *folder, mode_t mode)
{
	char source[PATH_MAX], target[PATH_MAX];
	int r = ways(m, f, folder, source, target);

	if (r == 0 && rename(source, target) < 0)
		r = -errno;
	if (r < 0)
		return r;
	r = manifest_prove(f, target);
	if (r == 0 && chmod(target, mode) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(target);
	return r;
}

int manifest_copy(const struct manifest *m, const struct manifest_file *f,
	const char *folder, mode_t mode)
{
	char source[PATH_MAX], target[PATH_MAX];
	int r = ways(m, f, folder, source, target);

	if (r < 0)
		return r;
	r = copy_proven(f, source, target, mode);
	if (r < 0)
		unlink(target);
	return r;
}
