/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate-signer: the one program that speaks to the token. It signs digests of its
 * roles for the program that a role names, counts each, and never signs anything else.
 */
#include "common/daemon.h"
#include "common/log.h"
#include "pkcs11/ceremony.h"
#include "pkcs11/keeper.h"
#include "pkcs11/key_events.h"
#include "pkcs11/serve.h"
#include "pkcs11/setup.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static const char USAGE[] =
	"usage: sealgate-signer --instance DIR [COMMAND]\n\n"
	"Without a command: serve run/signer.sock. Commands:\n"
	"  init-token                     make token and keys, or complete them (TEST "
	"instances)\n"
	"By the running signer, or by themselves where it is away or not active:\n"
	"  keys [ROLE]                    make the keys that are missing\n"
	"  csr ROLE [--subject NAME]      print a certificate request signed by the "
	"role's key\n"
	"  import ROLE FILE.pem           store the role's certificate and its chain\n"
	"By the running signer:\n"
	"  list                           print what is in the token, as JSON\n"
	"  test                           have each role's key sign\n"
	"  remove ROLE SHA256             remove a key that never had a certificate\n"
	"  custody FILE                   take a PIN that -o has closed\n"
	"  ceremony NAME STEP ...         where somebody has it done from afar: write "
	"the\n"
	"                                 protocol of a key ceremony, or show it\n"
	"By themselves:\n"
	"  ceremony FILE STEP ...         write the protocol of a key ceremony\n"
	"  custody -k K [-o FILE] NAME NAME...\n"
	"                                 close the PIN for K of the named people\n"
	"  activate [NAME]                enter a passphrase\n"
	"  deactivate [NAME]              take the token out of use at once\n"
	"  status                         print the state of the running signer as JSON\n"
	"  log verify [--contains N:HASH] verify the chained count\n";

struct signer_daemon {
	struct daemon daemon;
	struct roles roles;
	struct token *token;
	struct count_log *log;
};

static int open_log(struct signer_daemon *d)
{
	_cleanup_(freep) char *error = NULL;
	char path[PATH_MAX];
	size_t cut = 0;
	int r = instance_path(&d->daemon.instance, "state/signer", path);

	if (r == 0 && mkdir(path, 0700) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0)
		r = instance_path(&d->daemon.instance, COUNT_LOG_FILE, path);
	if (r == 0)
		r = count_log_open(path, &d->log, &cut, &error);
	if (r < 0)
		log_event(LOG_CRIT, "signer.count", NULL, "%s",
			error ? error : strerror(-r));
	else if (cut)
		log_event(LOG_WARNING, "signer.count-torn", NULL,
			"%zu octets of a line that never became durable were cut off",
			cut);
	return r;
}

static int read_roles(struct signer_daemon *d)
{
	_cleanup_(freep) char *error = NULL;
	char path[PATH_MAX];
	int r = instance_path(&d->daemon.instance, ROLES_FILE, path);

	if (r == 0)
		r = roles_read(path, &d->roles, &error);
	if (r < 0)
		log_event(LOG_ERR, "signer.roles", NULL, "%s",
			error ? error : strerror(-r));
	return r;
}

/* Everything before the first question. Return: 0, or negative after a line in the log.
 */
static int prepare(struct signer_daemon *d)
{
	enum token_state state;
	struct token_view view;
	int r = token_environment(&d->daemon.instance);

	if (r == 0)
		r = read_roles(d);
	if (r == 0)
		r = open_log(d);
	if (r < 0)
		return r;
	ceremony_mend_all(&d->daemon.instance);
	d->token = token_new(&d->daemon.instance, &d->roles);
	if (!d->token)
		return -ENOMEM;
	state = token_open(d->token);
	keeper_report(d->token, state);
	token_view(d->token, &view);
	key_event_token(&d->daemon.instance, &view);
	return state == TOKEN_FORBIDDEN ? -EPERM : 0;
}

static int run(struct signer_daemon *d)
{
	struct signing signing;
	struct signer_server server;
	struct keeper keeper;
	int trial_s = (int)config_int(d->daemon.instance.config, "signer.trial_s"), r;

	signing_init(&signing, &d->roles, d->token, d->log);
	signing.callbacks_per_minute = (uint32_t)config_int(
		d->daemon.instance.config, "signer.callbacks_per_minute");
	server_init(&server, &d->daemon.instance, &signing);
	r = keeper_start(&keeper, &signing, trial_s * 1000);
	if (r == 0) {
		daemon_ready(&d->daemon);
		serve(&server, &d->daemon);
		keeper_stop(&keeper);
	}
	server_done(&server);
	signing_done(&signing);
	return r < 0 || count_log_broken(d->log) ? 1 : 0;
}

/* Index of the command in argv, or 0. Options before it are --instance alone. */
static int find_command(int argc, char **argv, const char **ret_dir)
{
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--instance=", 11) == 0)
			*ret_dir = argv[i] + 11;
		else if (strcmp(argv[i], "--instance") == 0 && i + 1 < argc)
			*ret_dir = argv[++i];
		else
			return argv[i][0] == '-' ? 0 : i;
	}
	return 0;
}

static int run_command(int argc, char **argv, const char *dir)
{
	_cleanup_(freep) char *error = NULL;
	struct instance instance;
	int status, r;

	if (setup_custody_file(argc, argv)) {
		status = setup_custody(NULL, argc, argv);
		if (status == SETUP_USAGE)
			fputs(USAGE, stderr);
		return status;
	}
	r = instance_open(dir, &instance, &error);
	if (r < 0) {
		fprintf(stderr, "sealgate-signer: %s\n", error ? error : strerror(-r));
		return 2;
	}
	status = setup_run(&instance, argc, argv);
	if (status == 2)
		fputs(USAGE, stderr);
	instance_done(&instance);
	return status;
}

int main(int argc, char **argv)
{
	struct signer_daemon d = { 0 };
	const char *dir = NULL;
	int status, command = find_command(argc, argv, &dir);

	/* Neither PIN nor key material of a software token may reach a core file. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (command)
		return run_command(argc - command, argv + command, dir);
	status = daemon_start(&d.daemon, "signer", DAEMON_SEQPACKET, argc, argv, USAGE);
	if (status >= 0)
		return status;
	status = prepare(&d) < 0 ? 1 : run(&d);
	token_free(d.token);
	count_log_close(d.log);
	daemon_done(&d.daemon);
	return status;
}
