/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What only the appliance does: its configuration and its updates come as folders with a
 * signed manifest; never decides who may sign them, the anchors of the image do.
 */
#ifndef SEALGATE_CTL_APPLIANCE_H
#define SEALGATE_CTL_APPLIANCE_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Where things are in the image and in /var. */
#define APPLIANCE_INSTANCE "/var/lib/sealgate"
#define APPLIANCE_WORK "/var/lib/appliance"
#define APPLIANCE_ANCHORS "/usr/share/sealgate/anchors"
#define APPLIANCE_NOTED "/run/appliance-boot" /* what a start leaves for others */

/* IMAGE_VERSION of the image that runs. Return: 0 or -errno. */
#define APPLIANCE_VERSION_SIZE 64
int appliance_version(char ret_version[APPLIANCE_VERSION_SIZE]);

/* Take the configuration in dir: prove all of it, have the instance's own reader judge
 * it, only then put it in place; the one before it is kept. A serial that is not above
 * the last one's is left alone. afar: it came over the network, and is kept only once an
 * operator was answered with it (afar.h). Return: 0 done, 1 nothing new, or negative with
 * *ret_error, one line that the caller frees; what was in force is then still in force.
 */
int appliance_apply(const char *dir, bool afar, char **ret_error);

/* Of a configuration's file that is a secret of a unit: have it encrypted, with the key
 * in this machine's /var, by the unit that sees that key, into INSTANCE_SEALED below
 * folder; on the way there its octets in clear are in memory only. What came from afar
 * does lie in clear, inside of LUKS, until it is taken or given up (parcel.h), and so
 * does what an older version took, until the next configuration. *line: -1, or the
 * connection to that unit, which the next one goes over and the caller closes. Return: 0,
 * 1 nothing but certificates is in it, -EBADMSG it is not what was signed, -errno. */
struct manifest;
struct manifest_file;
int appliance_seal_secret(const struct manifest *m, const struct manifest_file *f,
	const char *unit, const char *folder, int *line);

/* In that unit, whose descriptors 0 and 1 lead to who asks. As secret_serve. */
int appliance_secret(void);

/* Connect to a socket of a unit. ms: as appliance_ask. Return: the descriptor, -errno. */
int appliance_connect(const char *socket, int ms);

/* Send a request to a socket of a unit, and take what it answers, of so many octets at
 * most; a NUL follows, which is counted. ms: how long it may be silent, 0: for as long as
 * it wants. Return: 0 or -errno. */
struct span;
struct buf;
int appliance_ask(const char *socket, int ms, struct span request, size_t most,
	struct buf *ret_answer);

/* Add what comes from a descriptor until its end, and a NUL. Return: 0 or -errno. */
int appliance_read(int fd, struct buf *to);

/* Make the folders for them, so that a unit without a secret finds none. */
int appliance_seal_folders(const char *folder);

/* At a start, before anything reads a configuration: have the unit of the image complete
 * what a power cut broke off (restore.h). It is said. Return: 0 done, or nothing was
 * begun, negative; then nothing may be served. */
int appliance_restore_begun(void);

/* Have the units of the image take the backup on the mounted medium, where there is one.
 * It is said, and a refusal noted. Return: may the rest of the medium be taken? What
 * comes with a backup is for the machine that has it, and for no other. */
#define APPLIANCE_MEDIUM "/run/appliance/medium"
bool appliance_restore(void);

/* In those units: copy it, or put it in place, and leave why it was refused. Return: 0,
 * 1 nothing to be put, negative. */
int appliance_restore_unit(bool places);

/* When this machine was restored, and up to which record: for the report, and null where
 * it was not. The caller owns it. */
json_t *appliance_restored(void);

/* Leave word of which configuration this start goes on with, and whether it is one that
 * came from afar and is not proven. Return: 0 or -errno. */
int appliance_note_started(void);
bool appliance_came_from_afar(void);

/* The configuration that this start went on with has proven itself, or goes and the one
 * before it comes back; one that was taken since then is the next start's. Return: 0, 1
 * nothing to do, -errno. */
int appliance_keep(void);
int appliance_return(void);

/* Complete what of the two a power cut broke off (swap.h). Return: 0 done, 1 nothing was
 * begun, -errno; then nobody may read the configuration. */
int appliance_resume(void);

/* Take the update in dir: its manifest is proven, its version must be above the one that
 * runs, its files are copied and proven, only then are they staged into the other slot.
 * ours: a folder in the file system of /var that nobody else can write to, whose files
 * are moved in place of that. Return: as appliance_apply; 0 means that the next boot
 * tries the new version. */
int appliance_update(const char *dir, bool ours, char **ret_error);

/* Could the version that runs be returned to after the update with this list? It is the
 * one that is, with a database of which the new one made what it wants at its start: by
 * its file "layout", before anything is written. Return: 0, -EPERM it could not, -ENOENT
 * the list does not say, -EBADMSG, -EINVAL; with *ret_error. */
int appliance_update_returns(const struct manifest *m, char **ret_error);

/* Is a version the one that was staged last, and did not become healthy? By a note below
 * work (swap.h), of ours alone, and how that is written once it is staged. Return: 0, or
 * negative with *ret_error, -EPERM: it is. */
struct swap_place;
int appliance_update_tried(
	const struct swap_place *p, const char *version, char **ret_error);
int appliance_update_note(
	const struct swap_place *p, const char *version, char **ret_error);

/* In a unit that reaches the TPM: read the floor of versions (floor.h), and leave for the
 * others what it is and whether the version that runs may serve on this machine. It may
 * not below the least one, nor on trial below the floor, nor with a /var that is an old
 * copy. Return: 0, or negative with *ret_error. */
int appliance_note_floor(char **ret_error);

/* By what was left: the floor, at least the version that runs; no older one is taken.
 * Return: 0, or negative with *ret_error, also where what is kept is not to be believed.
 */
int appliance_floor(char ret_version[APPLIANCE_VERSION_SIZE], char **ret_error);

/* In a unit that reaches the TPM: the version that runs is healthy, no older one is taken
 * from now on, and none may serve that it does not let. Return: 0, or negative with
 * *ret_error. */
int appliance_raise_floor(char **ret_error);

/* By what was left: may the version that runs serve? Return: 0, or negative with
 * *ret_error. */
int appliance_may_serve(char **ret_error);

/* By a note that appliance_tpm returned: why may the version that runs not serve? NULL:
 * it may, which nothing but a floor that is believed and a refusal of none says. */
const char *appliance_refused(const json_t *note);

/* What was left: the floor, and the TPM's count of wrong tries. The caller owns it; null
 * where nothing was. */
json_t *appliance_tpm(void);

/* Tell the firewall where the programs may speak to, from network/egress.csv of the
 * instance; what it refuses leaves in force what was. Return: 0 or negative with
 * *ret_error. */
int appliance_egress(char **ret_error);

/* What the firewall is told of such a file, in forms that it takes always, added to
 * rules, which may be NULL. None is right, too. Return: as above. */
struct buf;
int appliance_egress_rules(const char *path, struct buf *rules, char **ret_error);

/* Does such a file let a program ("signer") out anywhere? Return: 1, 0, or negative with
 * *ret_error: it is none. */
int appliance_egress_lists(const char *path, const char *program, char **ret_error);

/* Does it let a program out to a host at a port, the host an address, without brackets?
 * To a name it does where it lets it out at all: whose addresses it has is not known
 * here. Return: as above. */
int appliance_egress_lets(const char *path, const char *program, const char *host,
	unsigned port, char **ret_error);

/* Why what was to be put in force last was not, for the report; NULL: it was. */
#define APPLIANCE_REFUSED APPLIANCE_WORK "/refused"
void appliance_note_refusal(const char *why);

/* Why the one that was put in force last was not kept, also for the report; as above. */
#define APPLIANCE_RETURNED APPLIANCE_WORK "/returned"

/* Leave one of these words at path, or none. */
void appliance_note(const char *path, const char *why);

/* Have the timer of each receiver in ship/ of the instance send it the sealed heads of
 * the audit chain. Return: 0 or negative with *ret_error. */
#define APPLIANCE_SHIP_SLICE "system-sealgate\\x2dship.slice"
int appliance_receivers(char **ret_error);

/* Whether the application of an instance works: queue, signer, verification, intake,
 * sealing, listeners. *ret_reason is one line, the caller frees it; NULL when it does.
 * Return: 0 healthy, 1 not, APPLIANCE_ILL not, and waiting mends nothing,
 * APPLIANCE_WAITS when nothing is wrong but people have to activate the token before
 * anything can be sealed, or the clock is behind what is recorded, APPLIANCE_LACKS when
 * they have to give it keys or certificates, or whoever wrote the configuration looks for
 * others, or when they have to make room. */
#define APPLIANCE_WAITS 2
#define APPLIANCE_LACKS 3
#define APPLIANCE_ILL 4
int appliance_health(const char *dir, char **ret_reason);

/* Is what appliance_health returned waited for? Custodians and the clock are for as long
 * as it takes, what the token lacks, and room, for a day from when that was first seen:
 * *lacks_ms, at first 0. */
#define APPLIANCE_LACKS_MS ((int64_t)24 * 60 * 60 * 1000)
bool appliance_health_waits(int r, int64_t now_ms, int64_t *lacks_ms);

/* Of the machine's instance, or, where another one is named (SEALGATE_INSTANCE), of that,
 * at once: has a bound for what may mend itself, waits for people who have to activate
 * the token or to set it up, and, with a configuration that came from afar, for one with
 * the verb machine to be answered over the network. What hangs is ended by the alarm.
 * Return: an exit status, APPLIANCE_UNREACHED when nobody was answered in time. */
#define APPLIANCE_UNREACHED 76
#define APPLIANCE_UNREACHED_TEXT "76"
#define APPLIANCE_UNREACHED_WHY                                                          \
	"nobody with the verb machine was answered over the network in time since the "  \
	"start"
int appliance_check(void);

/* From now on SIGTERM of this process, the service manager, ends the check with
 * APPLIANCE_STOPPED, which is no failure and stands for nothing as healthy; of any other
 * it ends it as a failure. */
#define APPLIANCE_STOPPED 75
#define APPLIANCE_STOPPED_TEXT "75"
void appliance_health_stops(pid_t manager);

/* Did a check fail that ended like this (SERVICE_RESULT, EXIT_STATUS; systemd.exec(5))?
 * Neither what the manager stopped, be it before appliance_health_stops, nor what was
 * never begun since what it requires has failed. */
bool appliance_health_failed(const char *result, const char *status);

/* Of units that have failed, as `systemctl show` prints them, which is changed: is there
 * one that a version or a configuration is not proven with? One that a start brings up,
 * or a socket: serving is made of these. Not what a timer starts, nor a timer, nor what
 * nothing but a person or a program of ours starts by its name: when they run has nothing
 * to do with what is on trial, and they are told of by their own means. The first is
 * ret_unit ("": its name was not told). */
#define APPLIANCE_UNIT_SIZE 256
bool appliance_holds_back(char *shown, char ret_unit[APPLIANCE_UNIT_SIZE]);

/* Ask the manager. Return: 0 none has failed, 1 one has, or negative, the manager does
 * not say; both with *ret_reason, one line that the caller frees. */
int appliance_failed(char **ret_reason);

/* What this machine is: versions, boot, update state, listeners, signer, certificates
 * with the days that they have left. What cannot be read is null. The caller owns it. */
json_t *appliance_report(void);

/* The report that appliance-report.service made when the machine started, and daily. */
#define APPLIANCE_RECORD "/run/appliance-report.json"

/* Fill in from the record at path what only the unit that made it can see, the root hash
 * of the kernel's command line and the open ports, where report has null; the rest stays,
 * as it may have become null since. A record that is none changes nothing. */
void appliance_complete(json_t *report, const char *path);

/* What another program tells in a file of a folder of its own: the first line, or null.
 * Who reports may read every file, and that program not: a link is followed nowhere, and
 * what is no plain file is not waited for. The caller owns it. */
json_t *appliance_told(const char *path);

/* The same of a note below work (swap.h), which is null where it is somebody else's. */
json_t *appliance_noted(const char *work, const char *name);

/* Why the last configuration was taken back, by the files below work (swap.h); null: it
 * was not. Where that could not be written it is said that it was. The caller owns it. */
json_t *appliance_returned(const char *work);

/* Every certificate of an instance, also of files that its configuration and
 * trust/sources.cfg name, and of the image's anchors that ends one day: {file, subject,
 * sha256, not_after, days_left} each, a file once; of its secrets, which have no end that
 * anybody could read, {unit, name, since}: since when there is this one. The caller owns
 * them. */
json_t *appliance_certificates(const char *instance, const char *anchors);
json_t *appliance_credentials(const char *instance);

/* What listens, by the kernel's table (/proc/net/tcp, udp, both with 6): "ADDRESS:PORT".
 * Return: an array that the caller owns. */
json_t *appliance_ports(const char *table, bool udp);

/* Is the instance that is named (SEALGATE_INSTANCE) the one of this machine's units? */
bool appliance_has_units(void);

/* Start a unit of the image, and wait for its end or not. Return: 0 or -errno. */
int appliance_start(const char *unit, bool wait);

/* Give to root what a new configuration has brought, as each start does
 * (tmpfiles.d/appliance.conf); says so where that fails. */
void appliance_own(void);

/* Have a new recovery key of /var made, which takes the place of the last one, print it
 * and keep nothing of it. Return: 0 or -errno. */
#define APPLIANCE_HANDOVER "/run/appliance-handover"
int appliance_recovery_key(void);

/* Of what comes from afar (parcel.h): take a piece from standard input, of a file of the
 * list, or, where name is "sha256:DIGEST of it", a run of them. *ret_next: where a run is
 * to go on; -1: the list is not proven with this. As parcel_put and parcel_put_run. */
struct appliance_came {
	long long have, next;
	bool whole;
};
int appliance_parcel(const char *name, const char *offset, struct appliance_came *ret,
	char **ret_error);

/* Give up what came, so that an older one may come. Return: 0 or -errno. */
int appliance_discard(void);

/* At a start: give up what came more than a day ago, and what a taking left that broke
 * off, since a configuration's secrets lie there in clear. Return: 1 given up, 0 nothing
 * was that old, -errno. */
int appliance_discard_old(void);

/* Have the unit of the image take ("update", "apply") the parcel whose name is
 * "sha256:DIGEST of its manifest"; the machine then starts again. Return: 0, or negative
 * with *ret_error. */
int appliance_take_named(const char *verb, const char *name, char **ret_error);

/* In that unit: do it, and leave what came of it. Return: as appliance_update. */
int appliance_take(char **ret_error);

/* What came of it, from the one to the other, in a file that is read once: why it was
 * refused, cut to what is read, or NULL, it was taken. Return: 0; reading also -EPERM, it
 * was refused, and -errno, with *ret_error; writing -errno. */
int appliance_note_outcome(const char *path, const char *said);
int appliance_outcome(const char *path, char **ret_error);

/* What who helps from elsewhere needs to know, and nothing that is a secret: report,
 * state of units, log. The caller owns it. */
json_t *appliance_support(void);

/* Prove a release, or an update, by the certificate of who may sign such (PEM), and print
 * the kind, the version, and how each file of its list is; dir has the list, its
 * signature and the files. Return: 0, -EBADMSG when a file is not as it was signed,
 * -errno as manifest_open. */
int appliance_verify(const char *dir, const char *anchor);
/* The command `appliance verify`. Return: its exit status. */
int appliance_verify_run(int argc, char **argv);

/* Send the journal (of a folder; NULL: the machine's) to the syslog server of logs/server
 * (RFC 5424, 5425), and go on from the cursor in the file mark. Return: only when it
 * cannot begin, -errno. */
int appliance_logs(const char *mark, const char *journal);

/* Say over and over whether the clock is synchronised, for who seals, and set it as who
 * keeps the time asks by the socket that the manager hands over (clock_setter.h). Return:
 * only when it cannot go on, -errno. */
#define APPLIANCE_CLOCK "/run/sealgate-clock"
int appliance_clock(void);

/* Is it there, as this process may look? access(2) asks for its user, without what a
 * capability lets it see. */
bool appliance_sees(const char *path);

/* Run a program of the image and wait for it. Return: its exit status, or -errno. */
int appliance_run(const char *const argv[]);

/* "%s: %s" into *ret_error. Return: error. */
int appliance_fail(char **ret_error, int error, const char *where, const char *what);

/* Remove a folder, of whatever depth, and what is in it in its file system, or a file;
 * not being there is no error. Return: 0 or -errno. */
int appliance_remove(const char *path);

#endif
