/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/check_bundle.h"

#include "ctl/tree_remove.h"
#include "policy/public.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int make_folder(char ret_folder[PATH_MAX])
{
	const char *tmp = getenv("TMPDIR");

	if (snprintf(ret_folder, PATH_MAX, "%s/sealgate-check-XXXXXX",
		    tmp && *tmp ? tmp : "/tmp") >= PATH_MAX)
		return -ENAMETOOLONG;
	return mkdtemp(ret_folder) ? 0 : -errno;
}

int check_bundle_load(const char *path, struct document_types **ret_types,
	struct messages **ret_messages, char ret_digest[SHA256_TEXT_SIZE],
	char **ret_error)
{
	_cleanup_bundle_ struct bundle b = { 0 };
	char folder[PATH_MAX], policies[PATH_MAX];
	int r = bundle_open(path, &b, ret_error);

	if (r < 0)
		return r;
	if (policy_public_of(&b, ret_digest) < 0)
		ret_digest[0] = '\0';
	r = make_folder(folder);
	if (r < 0)
		return r;
	r = snprintf(policies, sizeof(policies), "%s/policies", folder) < PATH_MAX
		    ? bundle_extract(&b, policies)
		    : -ENAMETOOLONG;
	if (r == 0)
		r = document_types_load(policies, ret_types, ret_error);
	if (r == 0)
		r = messages_load(policies, ret_messages, ret_error);
	tree_remove(folder);
	return r;
}
