/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/paths.h"

#include <errno.h>

int evidence_paths_add(struct evidence_paths *p, const struct pki_path_result *path)
{
	STACK_OF(X509) * chain;

	if (!p || !path->chain || p->count == EVIDENCE_PATHS_MAX)
		return 0;
	chain = X509_chain_up_ref(path->chain);
	if (!chain)
		return -ENOMEM;
	p->list[p->count++] = chain;
	return 0;
}

void evidence_paths_done(struct evidence_paths *p)
{
	for (size_t i = 0; i < p->count; i++)
		sk_X509_pop_free(p->list[i], X509_free);
	*p = (struct evidence_paths){ 0 };
}
