/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/buf.h"
#include "common/durable.h"
#include "common/encode.h"
#include "ctl/command.h"
#include "ctl/instance/init.h"
#include "ctl/instance/init_next.h"
#include "ctl/instance/init_peers.h"
#include "ctl/instance/ports.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

/* Folders of an instance, the program that owns each (NULL: whoever made it), its mode.
 */
static const struct {
	const char *path;
	const char *owner;
	mode_t mode;
} FOLDERS[] = {
	{ "", NULL, 0755 },
	{ "policies", NULL, 0755 },
	{ "tls", NULL, 0755 },
	{ "credentials", NULL, 0755 },
	{ "credentials/destinations", "forward", 0700 },
	{ "state", NULL, 0755 },
	{ "state/queue", "queued", 0700 },
	{ "state/seal", "seal", 0755 },
	{ "state/signer", "signer", 0700 },
	{ "state/signer/tokens", "signer", 0700 },
	{ "state/handshakes", "handshake", 0755 },
	{ "state/events", NULL, 0755 },
	{ "state/events/signer", "signer", 0755 },
	{ "state/events/verify", "verify", 0755 },
	{ "state/events/seal", "seal", 0755 },
	{ "state/events/forward", "forward", 0755 },
	{ "state/events/trustd", "trustd", 0755 },
	{ "state/events/intake", "intake", 0755 },
	{ "state/events/handshake", "handshake", 0755 },
	{ "state/events/operate", NULL, 0755 },
	{ "state/events/admin", "admin", 0755 },
	{ "state/events/nginx", "nginx", 0755 },
	{ "state/events/queued", "queued", 0755 },
	{ "state/events/retention", "queued", 0755 },
	{ "state/events/ship", "queued", 0755 },
	{ "state/events/backup", NULL, 0755 },
	{ "state/trust", "trustd", 0755 },
	{ "state/trust/revocation", "trustd", 0755 },
	{ "run", NULL, 0755 },
};

struct plan {
	char dir[PATH_MAX];
	const char *name;
	const char *policies;
	bool test;
	bool separate;
	bool system;
	struct init_peer peers[INIT_PEERS];
};

static int fail(const char *path, int error)
{
	fprintf(stderr, "sealgate init: %s: %s\n", path, strerror(-error));
	return error;
}

static int join(const struct plan *p, const char *name, char ret[PATH_MAX])
{
	int n = snprintf(ret, PATH_MAX, "%s/%s", p->dir, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int give(const struct plan *p, const char *path, const char *program)
{
	for (size_t i = 0; p->separate && program && i < INIT_PEERS; i++)
		if (strcmp(p->peers[i].program, program) == 0)
			return chown(path, p->peers[i].uid, p->peers[i].gid) < 0 ? -errno
										 : 0;
	return 0;
}

static int make_folders(const struct plan *p)
{
	for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
		char path[PATH_MAX];
		int r = join(p, FOLDERS[i].path, path);

		if (r == 0 && mkdir(path, FOLDERS[i].mode) < 0 && errno != EEXIST)
			r = -errno;
		if (r == 0)
			r = chmod(path, FOLDERS[i].mode) < 0 ? -errno : 0;
		if (r == 0)
			r = give(p, path, FOLDERS[i].owner);
		if (r < 0)
			return fail(path, r);
	}
	return 0;
}

/* Write a file that is not there yet; what an operator has edited stays. */
static int write_new(const struct plan *p, const char *name, const char *owner,
	mode_t mode, const struct buf *text)
{
	char path[PATH_MAX];
	int r = join(p, name, path);

	if (r == 0 && access(path, F_OK) == 0)
		return 0;
	if (r == 0)
		r = text->error ? text->error : durable_write(path, buf_span(text), mode);
	if (r == 0)
		r = give(p, path, owner);
	return r < 0 ? fail(path, r) : 0;
}

static int write_configuration(const struct plan *p)
{
	_cleanup_buf_ struct buf b;
	static const char *const listeners[] = { "partners", "customs", "operators" };

	buf_init(&b, 16384);
	buf_addf(&b,
		"# Machine configuration; every key is explained in sealgate.conf(5).\n"
		"instance = { name = \"%s\"; test = %s; };\n",
		p->name, p->test ? "true" : "false");
	buf_add_str(&b, "listen = {");
	for (int i = 0; i < 3; i++) {
		int port = p->test ? ports_free() : 8443 + i;

		if (port < 0)
			return fail("a free port", port);
		buf_addf(&b, " %s = \"%s:%d\";", listeners[i],
			p->test ? "127.0.0.1" : "0.0.0.0", port);
	}
	buf_add_str(&b, " };\n");
	if (p->test)
		buf_add_str(&b,
			"signer = { softhsm_conf = \"state/signer/softhsm2.conf\"; };\n");
	buf_addf(&b, "peers = { separate = %s;", p->separate ? "true" : "false");
	for (size_t i = 0; p->separate && i < INIT_PEERS; i++)
		buf_addf(&b, " %s = %u;", p->peers[i].program, p->peers[i].uid);
	buf_add_str(&b, " };\n");
	return write_new(p, "sealgate.conf", NULL, 0644, &b);
}

static int write_pin(const struct plan *p, const char *name)
{
	_cleanup_buf_ struct buf b = { 0 };
	uint8_t random[12];
	char text[2 * sizeof(random) + 1];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return fail(name, -EIO);
	hex_encode(random, sizeof(random), text);
	buf_init(&b, sizeof(text));
	buf_add_str(&b, text);
	return write_new(p, name, "signer", 0400, &b);
}

/* A TEST instance has a software token of its own, whose PINs are files. */
static int write_test_token(const struct plan *p)
{
	_cleanup_buf_ struct buf b;
	int r;

	buf_init(&b, PATH_MAX + 256);
	buf_addf(&b,
		"directories.tokendir = %s/state/signer/tokens\n"
		"objectstore.backend = file\nlog.level = ERROR\n",
		p->dir);
	r = write_new(p, "state/signer/softhsm2.conf", "signer", 0600, &b);
	if (r == 0)
		r = write_pin(p, "credentials/pin");
	return r < 0 ? r : write_pin(p, "credentials/so-pin");
}

static int copy_policies(const struct plan *p)
{
	char from[PATH_MAX], to[PATH_MAX];
	int r = join(p, "policies", to);

	if (r < 0)
		return r;
	r = p->policies ? (snprintf(from, sizeof(from), "%s", p->policies) < PATH_MAX
					  ? 0
					  : -ENAMETOOLONG)
			: init_shared_policies(from);
	if (r < 0)
		return fail(
			"the policies that come with sealgate (--policies names them)",
			r);
	r = init_copy_tree(from, to);
	return r < 0 ? fail(from, r) : 0;
}

static int find_peers(struct plan *p)
{
	char missing[64];

	if (!p->system) {
		init_peers_private(p->peers);
		return 0;
	}
	if (!p->separate)
		return command_fault("--system is for root, and not with --shared-uid");
	if (init_peers_system(p->peers, missing) == 0)
		return 0;
	return command_fault(
		"there is no user or group %s; systemd-sysusers makes it", missing);
}

static int read_plan(int argc, char **argv, struct plan *p)
{
	static const struct option options[] = { { "name", required_argument, NULL, 'n' },
		{ "policies", required_argument, NULL, 'p' },
		{ "test", no_argument, NULL, 't' },
		{ "shared-uid", no_argument, NULL, 's' },
		{ "system", no_argument, NULL, 'y' }, { 0 } };
	int c;

	*p = (struct plan){ .name = "sealgate", .separate = geteuid() == 0 };
	while ((c = command_option(argc, argv, "n:p:t", options)) != -1) {
		switch (c) {
		case 'n':
			p->name = optarg;
			break;
		case 'p':
			p->policies = optarg;
			break;
		case 't':
			p->test = true;
			break;
		case 's':
			p->separate = false;
			break;
		case 'y':
			p->system = true;
			break;
		default:
			return -EINVAL;
		}
	}
	if (strpbrk(p->name, "\"\\\n"))
		return command_fault(
			"a name has no quotation mark, backslash or line end");
	if (command_arguments(argc, argv, 1, 1, "DIR") < 0 || find_peers(p) < 0)
		return -EINVAL;
	if (mkdir(argv[optind], 0755) < 0 && errno != EEXIST)
		return fail(argv[optind], -errno);
	return realpath(argv[optind], p->dir) ? 0 : fail(argv[optind], -errno);
}

int cmd_init(int argc, char **argv)
{
	struct plan p;
	int r = read_plan(argc, argv, &p);

	if (r == -EINVAL)
		return command_usage("init");
	if (r == 0)
		r = make_folders(&p);
	if (r == 0)
		r = write_configuration(&p);
	if (r == 0 && p.test)
		r = write_test_token(&p);
	if (r == 0)
		r = copy_policies(&p);
	if (r < 0)
		return EXIT_NOT_PASSED;
	init_say_next(stdout, p.dir, p.test, p.system);
	return EXIT_CLEAN;
}
