/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Validation of XMLDSig and XAdES signatures by ETSI EN 319 102-1; never fetches, never
 * looks at schema or rules, never reads the clock.
 */
#ifndef SEALGATE_XADES_VALIDATE_H
#define SEALGATE_XADES_VALIDATE_H

#include "common/buf.h"
#include "common/digest.h"
#include "common/finding.h"
#include "common/span.h"
#include "pki/path.h"

#include <libxml/tree.h>
#include <stdint.h>

/* XADES_GATE: the strict admission profile. XADES_EIDAS: any XAdES/XMLDSig within safe
 * limits, like a general validator. */
enum xades_profile { XADES_GATE = 0, XADES_EIDAS };

enum xades_indication {
	XADES_UNDECIDED = 0,
	XADES_TOTAL_FAILED,
	XADES_INDETERMINATE,
	XADES_TOTAL_PASSED,
};

/* Detached data by name, compared with the percent-decoded Reference URI: octets, or only
 * a digest of an algorithm ("SHA256"). */
struct xades_detached {
	const char *name;
	struct span data;
	const char *digest_algorithm; /* NULL: data holds the octets themselves */
	/* Never stands for what a reference does not name. */
	bool by_name_only;
};

/* An anchor that counts only for what is proven to have existed before a time. */
struct xades_sunset {
	const X509 *anchor;
	int64_t at;
};

struct xades_options {
	enum xades_profile profile;
	int64_t at;			     /* validation time */
	const struct pki_material *material; /* anchors, extra certificates, revocation */
	/* Where paths of signers and of time-stamps must end; NULL: at any anchor of the
	 * material. A CA of signers must not make proofs of existence. */
	const struct pki_material *signer_anchors, *tsa_anchors;
	const struct xades_sunset *sunsets; /* of anchors of the material */
	size_t sunset_count;
	/* With XADES_EIDAS: revocation data must be fresh at `at`, as with XADES_GATE;
	 * otherwise what is known about a time never grows too old for it. */
	bool fresh_revocation;
	/* Seconds that revocation data about signers counts beyond its end; 0: none. */
	int64_t crl_grace, ocsp_grace;
	/* Only whether each signature is right by itself (core_valid): no path is built,
	 * no time-stamp looked at, and nothing passes. */
	bool core_only;
	EVP_PKEY *key; /* bare key for core validation only, or NULL */
	const struct xades_detached *detached;
	size_t detached_count;
	/* NULL, or as many as detached: set where a signature that is right by itself
	 * (core_valid) has it among its references. */
	bool *covered;
};

struct xades_timestamp {
	char type[40];	     /* "SIGNATURE_TIMESTAMP", "ARCHIVE_TIMESTAMP", ... */
	char indication[16]; /* PASSED | FAILED | INDETERMINATE */
	char sub_indication[48];
	int64_t gen_time;	/* 0 when unknown */
	uint8_t sha256[32];	/* of the token's octets */
	char qualification[8];	/* QTSA | TSA | NA */
	X509 *signer;		/* of the token; NULL when not identified */
	STACK_OF(X509) * chain; /* of its signer, as far as found; may be NULL */
};

struct xades_signature {
	char *file;    /* of a container: the file it is in; else NULL */
	char *id;      /* Signature/@Id or NULL */
	bool counter;  /* role counter instead of main */
	size_t parent; /* of a counter-signature: index of what it signs */
	enum xades_indication indication;
	char sub_indication[48]; /* EN 319 102-1 word or "" */
	enum pki_outcome
		path_outcome; /* of the signer's path; PKI_UNDECIDED: none was built */
	bool wants_ocsp;      /* as pki_path_result has it */
	char level[32];	      /* "XAdES-BASELINE-T" */
	bool sig_value_ok, refs_found, refs_intact, core_valid;
	X509 *signer;		/* NULL when not identified */
	STACK_OF(X509) * chain; /* as far as found; may be NULL */
	char qualification[48]; /* "NA" until a trust list speaks */
	const char *trust;    /* whose word its path ends at, static; NULL: nobody said */
	int64_t signing_time; /* claimed, 0 when absent: never proof */
	int64_t best_signature_time;
	struct xades_timestamp *timestamps;
	size_t timestamp_count;
	char scope[20];		/* full | partial | counter-signature | digest */
	const xmlNode *element; /* the ds:Signature, in report->doc */
	/* The octets that the reference over the document digested; set for scope full of
	 * an enveloped signature: rules and facts are read from these. Owned. */
	uint8_t *signed_octets;
	size_t signed_len;
};

struct xades_report {
	xmlDoc *doc; /* the tree that was read; owned */
	/* Of a container instead: those of its signature files; owned. */
	xmlDoc **trees;
	size_t tree_count;
	struct xades_signature *signatures; /* document order */
	size_t count;
	/* Of xades_validate: the material of the options, with the certificates and
	 * revocation data that the signatures carry; owned, NULL for unreadable input. */
	struct pki_material *material;
	struct findings findings; /* xml.*, sig.*, pki.* */
	enum xades_indication
		indication; /* the worst of all; no signature: TOTAL_FAILED */
	char sub_indication[48];
};

/* Process-wide set-up of xmlsec and the algorithm tables, once, after xml_schema_open and
 * before xml_setup has closed the doors (calls it). Return: 0 or negative. */
int xades_setup(void);

/* Validate every signature in data. Return: 0 with *ret_report (xades_report_free), also
 * for unreadable input; negative: undecided. */
int xades_validate(struct span data, const struct xades_options *options,
	struct xades_report **ret_report);

/* The same for an ASiC-S or ASiC-E container with XAdES (ETSI EN 319 162-1): each
 * file in META-INF that is named *signature*.xml over the files of the container;
 * options->detached is not looked at. Findings asic.*: what is no container (then there
 * are no signatures), what breaks a rule of containers, what no signature covers. */
int xades_validate_container(struct span data, const struct xades_options *options,
	struct xades_report **ret_report);

/* True when the octets are to be given to xades_validate_container: no XML begins so. */
bool xades_is_container(struct span data);

void xades_report_free(struct xades_report *r);
DEFINE_CLEANUP(struct xades_report *, xades_report_free)

/* The "signatures" array of the contract of `sealgate verify`: a new reference. */
json_t *xades_signatures_to_json(const struct xades_report *r);

/* Append the report as XML of ETSI TS 119 102-2; at: the time that was asked. Return: 0
 * or negative. */
int xades_report_to_etsi(const struct xades_report *r, int64_t at, struct buf *ret);

/* Put a catalogue of algorithms (policies/signature/algorithms.cfg of an instance) in the
 * place of the one that is compiled in: whole or not at all, before threads. *ret_error:
 * one line, the caller frees. Return: 0, -EINVAL, -errno. */
int xades_catalogue_load(const char *path, char **ret_error);

/* The same for the rules (policies/signature/rules.cfg of an instance); a rule that keeps
 * the gate from being shown another document than the signed one cannot be lowered. */
int xades_rules_load(const char *path, char **ret_error);

/* SHA-256 of the catalogue of algorithms in force, lower-case hex; "" before xades_setup.
 */
const char *xades_policy_digest(void);

/* TOTAL-PASSED | TOTAL-FAILED | INDETERMINATE */
const char *xades_indication_text(enum xades_indication i);

#endif
