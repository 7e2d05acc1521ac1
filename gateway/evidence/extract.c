/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/command.h"

#include "common/deflated.h"
#include "common/durable.h"
#include "common/json.h"
#include "common/limits.h"
#include "evidence/asic.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#define ENCLOSED_MAX (512u * 1024) /* octets of a part that the report encloses */
#define STATUS_FORM 1
#define STATUS_USAGE 2

static int write_part(int dir, const char *name, struct span data)
{
	_cleanup_(closep) int fd = openat(
		dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, data);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

static int open_folder(const char *path)
{
	int fd;

	if ((mkdir(path, 0755) < 0 && errno != EEXIST))
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* What the report encloses, as files of their own. */
static int write_enclosed(int dir, struct span report, const char **ret_name)
{
	static const struct {
		const char *key, *name;
	} FILES[] = { { "rendering", "rendering.html" }, { "validation", "report.xml" },
		{ "data", "data.json" } };
	_cleanup_json_ json_t *json = json_read(report, LIMIT_REPORT);
	const json_t *enclosed = json_object_get(json, "enclosed");
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(FILES) / sizeof(FILES[0]); i++) {
		const char *text = json_string_of(enclosed, FILES[i].key);
		_cleanup_(freep) uint8_t *octets = NULL;
		size_t len = 0;

		if (!text)
			continue;
		*ret_name = FILES[i].name;
		r = deflated_read(text, ENCLOSED_MAX, &octets, &len);
		if (r == 0)
			r = write_part(dir, *ret_name, span_of(octets, len));
	}
	return r;
}

/* The names are constants of the form: nothing of the container chooses a path. */
static int write_parts(const struct asic *a, const char *folder, const char **ret_name)
{
	_cleanup_(closep) int dir = open_folder(folder);
	int r = 0;

	*ret_name = folder;
	if (dir < 0)
		return dir;
	if (mkdirat(dir, "META-INF", 0755) < 0 && errno != EEXIST)
		return -errno;
	for (int i = 0; r == 0 && i < ASIC_PARTS; i++) {
		if (!asic_has(a, (enum asic_part)i))
			continue;
		*ret_name = asic_name((enum asic_part)i);
		r = write_part(dir, *ret_name, a->parts[i]);
	}
	return r == 0 ? write_enclosed(dir, a->parts[ASIC_REPORT], ret_name) : r;
}

int evidence_extract_command(
	const char *name, int argc, char **argv, FILE *out, FILE *err)
{
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_(freep) uint8_t *data = NULL;
	const char *part;
	struct asic a;
	size_t len;
	int r;

	if (argc != 3) {
		fprintf(err, "usage: %s FILE.asice DIR\n", name);
		return STATUS_USAGE;
	}
	r = file_read(argv[1], LIMIT_CONTAINER, &data, &len);
	if (r < 0) {
		fprintf(err, "%s: %s: %s\n", name, argv[1], strerror(-r));
		return STATUS_USAGE;
	}
	if (!asic_read(span_of(data, len), &findings, &a)) {
		fprintf(err, "%s: %s: %s: %s\n", name, argv[1], findings.list[0].where,
			findings.list[0].message);
		return STATUS_FORM;
	}
	r = write_parts(&a, argv[2], &part);
	if (r < 0) {
		fprintf(err, "%s: %s: %s\n", name, part, strerror(-r));
		return STATUS_USAGE;
	}
	fprintf(out, "%s: taken out, not verified\n", argv[1]);
	return 0;
}
