/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/clock.h"
#include "common/clock_watch.h"
#include "common/instance.h"
#include "common/json.h"
#include "common/limits.h"
#include "ctl/appliance/clock_record.h"
#include "pkcs11/client.h"
#include "web/crl_ends.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <systemd/sd-daemon.h>

#define TEXT_MAX 65536u
#define ASK_MS 5000
#define CLOCK_STATE APPLIANCE_CLOCK "/" CLOCK_WATCH_FILE
#define CLOCK_DRIFT "/var/lib/chrony/chrony.drift"
#define EXPOSURE "/usr/share/sealgate/exposure"
#define MODULES "/usr/share/sealgate/modules.lock"
#define PCRS "/sys/class/tpm/tpm0/pcr-sha256/"
#define EFI_VARIABLES "/sys/firmware/efi/efivars/"
#define SECURE_BOOT EFI_VARIABLES "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define ENTRY EFI_VARIABLES "LoaderEntrySelected-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
#define ENTRY_MAX 128

/* A file of the kernel has no size beforehand. Return: text that the caller frees. */
static char *read_open(int fd)
{
	char *text = fd < 0 ? NULL : calloc(1, TEXT_MAX + 1);
	size_t len = 0;
	ssize_t n = 0;

	while (text && len < TEXT_MAX && (n = read(fd, text + len, TEXT_MAX - len)) > 0)
		len += (size_t)n;
	if (n < 0) {
		free(text);
		return NULL;
	}
	return text;
}

static char *read_text(const char *path)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	return read_open(fd);
}

/* The first line of a file, or null: what cannot be read is not made up. */
static json_t *first_line(const char *path)
{
	_cleanup_(freep) char *text = read_text(path);

	return text ? json_stringn(text, strcspn(text, "\n")) : json_null();
}

/* What follows NAME= in a file of words, or null. */
static json_t *word_of(const char *path, const char *name)
{
	_cleanup_(freep) char *text = read_text(path);
	const char *at = text ? strstr(text, name) : NULL;

	if (!at)
		return json_null();
	at += strlen(name);
	return json_stringn(at, strcspn(at, " \n"));
}

static json_t *secure_boot(void)
{
	_cleanup_(closep) int fd = open(SECURE_BOOT, O_RDONLY | O_CLOEXEC);
	uint8_t value[5]; /* attributes, then the octet */

	if (fd < 0 || read(fd, value, sizeof(value)) != sizeof(value))
		return json_null();
	return json_boolean(value[4] == 1);
}

/* Which kernel image the boot loader took, by its name of then: the tries that are left
 * and done are in it as long as the version is on trial, "sealgate_1.0+2-1.efi". */
static json_t *entry(void)
{
	_cleanup_(closep) int fd = open(ENTRY, O_RDONLY | O_CLOEXEC);
	uint8_t octets[4 + 2 * ENTRY_MAX]; /* attributes, then UTF-16 */
	char name[ENTRY_MAX];
	size_t len = 0;
	ssize_t n = fd < 0 ? -1 : read(fd, octets, sizeof(octets));

	for (ssize_t i = 4; i + 1 < n && octets[i]; i += 2)
		name[len++] = octets[i + 1] || octets[i] > '~' ? '?' : (char)octets[i];
	return len > 0 ? json_stringn(name, len) : json_null();
}

/* How the root is mounted: "/dev/mapper/root erofs ro,...". */
static json_t *root_mount(void)
{
	_cleanup_(freep) char *text = read_text("/proc/self/mounts");
	char source[128], type[32], options[256], *save = NULL;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
		line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%127s / %31s %255s", source, type, options) == 3)
			return json_sprintf("%s %s %s", source, type, options);
	return json_null();
}

/* Registers of the TPM, by number: what the firmware is (0, 2), what it started (4) and
 * by whose keys (7), what that is made of (11) and what was added to it (12). */
static json_t *pcrs(void)
{
	static const char *const numbers[] = { "0", "2", "4", "7", "11", "12" };
	json_t *all = json_object();
	char path[sizeof(PCRS) + 2];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		(void)snprintf(path, sizeof(path), PCRS "%s", numbers[i]);
		json_object_set_new(all, numbers[i], first_line(path));
	}
	return all;
}

static json_t *signer(const struct instance *i)
{
	_cleanup_(signer_disconnectp) struct signer *s = NULL;
	_cleanup_(freep) char *text = NULL;
	char path[PATH_MAX];
	json_t *status = NULL;

	if (instance_socket(i, "signer", path) == 0 &&
		signer_connect(path, ASK_MS, &s) == 0 && signer_status(s, &text) == 0)
		status = json_read(span_str(text), LIMIT_REPORT);
	return status ? status : json_null();
}

static json_t *kernel(void)
{
	struct utsname name;

	return uname(&name) < 0 ? json_null() : json_string(name.release);
}

static json_t *instance_part(void)
{
	_cleanup_(freep) char *error = NULL;
	struct instance i;
	json_t *part;

	if (instance_open(APPLIANCE_INSTANCE, &i, &error) < 0)
		return json_null();
	part = json_pack("{s:s, s:b, s:{s:s, s:s, s:s}, s:o}", "name",
		config_string(i.config, "instance.name"), "test",
		config_bool(i.config, "instance.test"), "listen", "partners",
		config_string(i.config, "listen.partners"), "customs",
		config_string(i.config, "listen.customs"), "operators",
		config_string(i.config, "listen.operators"), "signer", signer(&i));
	instance_done(&i);
	return part;
}

/* Of those who come, by the CRLs that are here. */
static json_t *crls_part(void)
{
	_cleanup_(freep) char *error = NULL;
	struct instance i;
	json_t *part = NULL;

	if (instance_open(APPLIANCE_INSTANCE, &i, &error) == 0) {
		part = crl_ends_report(&i, clock_now());
		instance_done(&i);
	}
	return part ? part : json_null();
}

/* Of the machine and not of a unit that has a network of its own: the manager has opened
 * the table for the unit, else it is that of the first process; null where that is not to
 * be seen. */
static json_t *ports_of(char **handed, const char *name)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_(freep) char *table = NULL;
	char path[32];

	for (int i = 0; handed && handed[i] && fd < 0; i++)
		if (strcmp(handed[i], name) == 0)
			fd = fcntl(SD_LISTEN_FDS_START + i, F_DUPFD_CLOEXEC, 3);
	(void)snprintf(path, sizeof(path), "/proc/1/net/%s", name);
	if (fd < 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	table = read_open(fd);
	return table ? appliance_ports(table, *name == 'u') : json_null();
}

static json_t *open_ports(void)
{
	static const char *const tables[] = { "tcp", "tcp6", "udp", "udp6" };
	char **handed = NULL;
	json_t *ports = json_object();
	int count = sd_listen_fds_with_names(0, &handed);

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		json_object_set_new(ports, tables[i], ports_of(handed, tables[i]));
	for (int i = 0; i < count; i++)
		free(handed[i]);
	free(handed);
	return ports;
}

/* What the watcher of the clock says, how fast chrony found it to run (ppm), and what it
 * measured last. */
static json_t *clock_part(void)
{
	return json_pack("{s:o, s:o, s:o}", "state", appliance_told(CLOCK_STATE), "drift",
		appliance_told(CLOCK_DRIFT), "measured", clock_record_last(CLOCK_RECORD));
}

/* "UNIT LEVEL" a line, as the image was judged when it was built. */
static json_t *exposure(void)
{
	_cleanup_(freep) char *text = read_text(EXPOSURE);
	char *save = NULL, unit[64], level[8];
	json_t *all = text ? json_object() : json_null();

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
		line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%63s %7s", unit, level) == 2)
			json_object_set_new(all, unit, json_string(level));
	return all;
}

/* "SHA256  FILE" a line: the PKCS#11 modules that whoever built the image brought. */
static json_t *modules(void)
{
	_cleanup_(freep) char *text = read_text(MODULES);
	char *save = NULL, digest[65], file[256];
	json_t *all = json_object();

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
		line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%64[0-9a-f]  %255s", digest, file) == 2)
			json_object_set_new(all, file, json_string(digest));
	return all;
}

json_t *appliance_report(void)
{
	/* first: it may be taken back while this is asked */
	json_t *trial = appliance_noted(APPLIANCE_WORK, "unproven");
	json_t *report = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o, s:o, s:o, s:o, s:o}, "
		"s:{s:o, s:o, s:o, s:o, s:o, s:o}, s:o, "
		"s:o, s:o, s:o, s:o, s:o, s:o}",
		"open_ports", open_ports(), "exposure", exposure(), "clock", clock_part(),
		"version", word_of("/usr/lib/os-release", "IMAGE_VERSION="), "kernel",
		kernel(), "boot", "entry", entry(), "secure_boot", secure_boot(),
		"roothash", word_of("/proc/cmdline", "roothash="), "root", root_mount(),
		"lockdown", first_line("/sys/kernel/security/lockdown"), "pcrs", pcrs(),
		"update", "floor", appliance_told(APPLIANCE_WORK "/floor"), "tried",
		appliance_noted(APPLIANCE_WORK, "tried"), "configuration",
		appliance_noted(APPLIANCE_WORK, "serial"), "trial", trial, "refused",
		appliance_told(APPLIANCE_REFUSED), "returned",
		appliance_returned(APPLIANCE_WORK), "policy",
		first_line(APPLIANCE_INSTANCE "/state/policy/active"), "instance",
		instance_part(), "tpm", appliance_tpm(), "certificates",
		appliance_certificates(APPLIANCE_INSTANCE, APPLIANCE_ANCHORS), "crls",
		crls_part(), "credentials", appliance_credentials(APPLIANCE_INSTANCE),
		"restored", appliance_restored());

	json_object_set_new(report, "modules", modules());
	appliance_complete(report, APPLIANCE_RECORD);
	return report;
}
