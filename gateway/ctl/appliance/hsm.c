/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/hsm.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "ctl/appliance/appliance.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"
#define DROPINS "/run/systemd/system/sealgate-signer.service.d"
#define DEVICES_MAX 4096u

/* What the image has ready for each, and by which word hsm/devices names it. */
static const struct {
	const char *word, *settings, *link;
} WAYS[] = {
	{ HSM_NETWORK, "/usr/lib/sealgate/hsm/network.conf", DROPINS "/50-network.conf" },
	{ "usb", "/usr/lib/sealgate/hsm/usb.conf", DROPINS "/50-usb.conf" },
};

#define COUNT (sizeof(WAYS) / sizeof(WAYS[0]))

/* A plain file below folder, by a path that goes straight there. */
static bool is_below(const char *folder, const char *path)
{
	size_t len = strlen(folder);
	struct stat st;

	return strncmp(path, folder, len) == 0 && path[len] == '/' &&
	       !strstr(path, "/.") && lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

int hsm_judge(const char *modules, const char *module, bool let_out, char **ret_error)
{
	if (is_below(modules, module))
		return 0;
	if (strcmp(module, SOFTHSM) != 0)
		return appliance_fail(ret_error, -EPERM, module,
			"is no module of this image (signer.module)");
	return let_out ? appliance_fail(ret_error, -EPERM, "signer.module",
				 "is the software token's, which is let out nowhere "
				 "(network/egress.csv, hsm/devices)")
		       : 0;
}

/* Return: which way it is, COUNT: none. */
static size_t way_of(const char *word)
{
	size_t i = 0;

	while (i < COUNT && strcmp(WAYS[i].word, word) != 0)
		i++;
	return i;
}

int hsm_devices(const char *path, char ret_ways[HSM_WAYS_SIZE], char **ret_error)
{
	_cleanup_(freep) uint8_t *text = NULL;
	bool found[COUNT] = { false };
	char *save = NULL;
	size_t len = 0;
	int r = file_read(path, DEVICES_MAX, &text, &len);

	if (r < 0 && r != -ENOENT)
		return appliance_fail(ret_error, r, path, strerror(-r));
	for (char *line = text ? strtok_r((char *)text, "\n", &save) : NULL; line;
		line = strtok_r(NULL, "\n", &save)) {
		size_t way = way_of(line);

		if (line[0] == '#')
			continue;
		if (way == COUNT || strcmp(line, HSM_NETWORK) == 0)
			return appliance_fail(ret_error, -EINVAL, HSM_DEVICES, line);
		found[way] = true;
	}
	ret_ways[0] = '\0';
	for (size_t i = len = 0; i < COUNT; i++)
		if (found[i])
			len += (size_t)snprintf(
				ret_ways + len, HSM_WAYS_SIZE - len, " %s", WAYS[i].word);
	return 0;
}

static int make_folder(const char *path)
{
	return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int link_way(const char *word)
{
	size_t way = way_of(word);

	if (way == COUNT)
		return -EINVAL;
	return symlink(WAYS[way].settings, WAYS[way].link) < 0 && errno != EEXIST ? -errno
										  : 0;
}

int hsm_let_out(const char *ways)
{
	static const char *const reload[] = { "/usr/bin/systemctl", "daemon-reload",
		NULL };
	char words[2 * HSM_WAYS_SIZE], *save = NULL;
	int r = make_folder("/run/systemd/system");

	if (snprintf(words, sizeof(words), "%s", ways) >= (int)sizeof(words))
		return -EINVAL;
	if (r == 0)
		r = make_folder(DROPINS);
	for (char *word = strtok_r(words, " ", &save); r == 0 && word;
		word = strtok_r(NULL, " ", &save))
		r = link_way(word);
	if (r == 0 && appliance_run(reload) != 0)
		r = -EIO;
	return r;
}
