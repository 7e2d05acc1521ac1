/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate.conf: libconfig syntax against one table of keys with type, range and default;
 * an unknown key is an error, @include is refused. Never policy: that is under policies/.
 */
#ifndef SEALGATE_COMMON_CONFIG_H
#define SEALGATE_COMMON_CONFIG_H

#include "common/cleanup.h"

#include <stdbool.h>
#include <stddef.h>

enum config_type { CONFIG_STRING, CONFIG_INT, CONFIG_BOOL, CONFIG_PROXY };

struct config_key {
	const char *path; /* "listen.partners" */
	enum config_type type;
	const char *def;    /* default as text; NULL: required */
	long long min, max; /* of an integer */
	const char *help;
};

/* The table of all keys, gateway/common/config_keys.def, ended by a NULL path. */
extern const struct config_key CONFIG_KEYS[];

struct config;

/* Read a file. On failure *ret_error is one line "FILE:LINE: what" that the caller frees.
 * Return: 0, -EINVAL, -errno. */
int config_load(const char *path, struct config **ret_config, char **ret_error);
void config_free(struct config *c);
DEFINE_CLEANUP(struct config *, config_free)

/* May an institution's proxy be called this: "" (none), or http://HOST:PORT, an IPv6
 * address in brackets, the scheme in any case, one slash behind it or none? Of anything
 * else libcurl would make what it likes. */
bool config_is_proxy(const char *text);

/* The value of a key of the table or its default; a proxy's is a string. Asking for a key
 * that is not in the table is a bug and aborts. */
const char *config_string(const struct config *c, const char *path);
long long config_int(const struct config *c, const char *path);
bool config_bool(const struct config *c, const char *path);

#endif
