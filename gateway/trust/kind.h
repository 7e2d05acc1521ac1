/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a folder that a person calls a store is: anchors by use, or snapshots of trusted
 * lists; looks at names alone, never takes an absent or foreign folder for an empty
 * store.
 */
#ifndef SEALGATE_TRUST_KIND_H
#define SEALGATE_TRUST_KIND_H

enum trust_kind {
	TRUST_NO_STORE = 0,
	TRUST_ANCHORS,	 /* signers/, tsa/ or seal/: trust/store.h */
	TRUST_SNAPSHOTS, /* what an import wrote: trust/snapshot.h */
};

/* *ret_error: one line when it is no store, the caller frees. Return: 0, -EINVAL neither
 * kind, or both; -errno the folder cannot be read. */
int trust_kind_of(const char *folder, enum trust_kind *ret_kind, char **ret_error);

#endif
