/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One ds:Signature while it is validated, and the building blocks that fill it in, a file
 * each; private to this library, never part of its interface.
 */
#ifndef SEALGATE_XADES_SIGNATURE_H
#define SEALGATE_XADES_SIGNATURE_H

#include "common/buf.h"
#include "common/limits.h"
#include "pki/certificate.h"
#include "pki/path.h"
#include "pki/token.h"
#include "xades/catalogue.h"
#include "xades/rules.h"
#include "xades/validate.h"
#include "xml/c14n.h"
#include "xml/node.h"

#define NS_DS "http://www.w3.org/2000/09/xmldsig#"
#define NS_XADES "http://uri.etsi.org/01903/v1.3.2#"
#define NS_XADES141 "http://uri.etsi.org/01903/v1.4.1#"
#define NS_EXC_C14N "http://www.w3.org/2001/10/xml-exc-c14n#"
#define NS_FILTER2 "http://www.w3.org/2002/06/xmldsig-filter2"
#define TYPE_SIGNED_PROPERTIES "http://uri.etsi.org/01903#SignedProperties"
#define TYPE_COUNTERSIGNED "http://uri.etsi.org/01903#CountersignedSignature"

#define SIG_MAX                                                                          \
	64u /* signatures that are looked at; LIMIT_SIGNATURES in profile gate           \
	     */
#define SIG_REFERENCES_MAX 4096u
#define SIG_GATE_REFERENCES_MAX 8u
#define SIG_STEPS_MAX 8u
#define SIG_CANDIDATES_MAX 64u
#define SIG_TOKENS_MAX 64u
#define SIG_CERTIFICATE_REFS_MAX 64u
#define SIG_RESPONSES_MAX 32u /* of OCSP about a signer whose responder is looked at */
/* What one document may make us do, in units of which about three take a nanosecond on
 * a machine of today: 2 s of CPU must do on one that is three times slower. */
#define SIG_WORK_MAX 2000000000u
#define SIG_WORK_REFERENCE 5000u
#define SIG_WORK_CERTIFICATE 2000u /* to digest one */
#define SIG_WORK_VERIFY 600000u	   /* one signature, of a path or of a token */
#define SIG_WORK_DIGEST 3u	   /* an octet */
#define SIG_WORK_BASE64 8u	   /* an octet of the result */
#define SIG_WORK_PARSE 40u	   /* an octet of XML that is read again */
#define SIG_CANONICAL_MAX (8u * LIMIT_DOCUMENT) /* octets of one canonical form */

/* ids.c: every value of Id, ID, id and xml:id in the document. */
struct sig_id {
	const char *value; /* borrowed from the tree */
	const xmlNode *element;
};

struct sig_ids {
	struct sig_id *list; /* sorted by value */
	size_t count;
};

/* Return: 0 or -ENOMEM. */
int sig_ids_collect(const xmlDoc *doc, struct sig_ids *ret_ids);
void sig_ids_done(struct sig_ids *ids);

/* The element of a value, or NULL; *ret_ambiguous: more than one has it. */
const xmlNode *sig_ids_find(
	const struct sig_ids *ids, const char *value, bool *ret_ambiguous);

/* What is the same for all signatures of one call. */
struct sig_context {
	const struct xades_options *options;
	struct xades_report *report;
	uint64_t *work; /* what is left of SIG_WORK_MAX, for all files of a container */
	struct sig_ids ids;
	const xmlNode *signatures[SIG_MAX];
	size_t count;
	bool too_many;
	struct sig *parsed; /* as many */
	struct pki_material
		*material; /* the caller's and what the document carries; owned */
	int64_t known_at;  /* revocation data issued until then counts */
	struct pki_material *embedded; /* for the level; made when first needed; owned */
};

/* validate.c: read data and validate every signature in it; options and report are set.
 * Return: 0, also for unreadable input, or negative undecided; the context is to be
 * released in any case, the report is the caller's. */
int sig_context_open(struct span data, struct sig_context *c);
void sig_context_done(struct sig_context *c);

/* xades_validate with what is left of a budget of work. */
int sig_validate_within(struct span data, const struct xades_options *options,
	uint64_t *work, struct xades_report **ret_report);

/* Take work out of the budget. Return: 0, or -EDQUOT when there is no more: then the
 * whole document is refused with limit.resource, whatever was found so far. */
int sig_spend(struct sig_context *c, uint64_t work);

/* True when the signature is inside another one. */
bool sig_nested(const struct sig_context *c, const xmlNode *signature);

enum sig_step_kind {
	STEP_UNKNOWN = 0,
	STEP_C14N,
	STEP_ENVELOPED,	   /* subtracts the signature itself */
	STEP_SUBTRACT,	   /* subtracts every ds:Signature */
	STEP_SUBTRACT_TOP, /* subtracts every ds:Signature that is a child of the root */
	STEP_BASE64,
	STEP_SAME, /* <XPath>.</XPath>, true of every node */
};

struct sig_step {
	enum sig_step_kind kind;
	enum xml_c14n c14n;
	const xmlNode *node; /* ds:Transform */
};

enum sig_target { TARGET_NONE = 0, TARGET_DOCUMENT, TARGET_ELEMENT, TARGET_DETACHED };

struct sig_reference {
	const xmlNode *node;
	char *id, *uri, *type; /* NULL: no such attribute */
	struct sig_step steps[SIG_STEPS_MAX];
	size_t step_count;
	bool steps_allowed;
	const struct digest_method *digest; /* NULL: unknown */
	uint8_t value[EVP_MAX_MD_SIZE];
	size_t value_len;
	enum sig_target target;
	const xmlNode *element;		       /* TARGET_ELEMENT */
	const struct xades_detached *detached; /* TARGET_DETACHED */
	bool keep_comments;
	bool ambiguous;	    /* two elements have the identifier */
	bool is_properties; /* over this signature's SignedProperties, and says so */
	bool intact;
};

enum sig_token_kind {
	TOKEN_SIGNATURE = 0,
	TOKEN_ALL_DATA,
	TOKEN_INDIVIDUAL_DATA,
	TOKEN_SIG_AND_REFS,
	TOKEN_REFS_ONLY,
	TOKEN_ARCHIVE,
};

/* One EncapsulatedTimeStamp. */
struct sig_token {
	enum sig_token_kind kind;
	const xmlNode *property; /* xades:SignatureTimeStamp, ... */
	uint8_t *der;
	size_t der_len;
	bool imprint_found; /* the octets it is about could be made */
	struct token_result result;
	bool passed;
	const char *sub; /* EN 319 102-1 word when not passed */
};

/* A ds:Signature as read. All nodes are borrowed from the tree. */
struct sig {
	size_t index;
	size_t errors_before; /* findings that are not about this signature */
	const xmlNode *node, *signed_info, *value, *key_info;
	char *id;
	bool counter;
	size_t parent;
	const char *malformed; /* why the format is refused, or NULL */
	bool duplicate_id;     /* a referenced identifier is not unique */

	enum xml_c14n c14n;
	const xmlNode *c14n_node;
	const struct signature_method *method;
	const xmlNode *method_node;
	char *method_uri;
	struct sig_reference *references;
	size_t reference_count;
	const struct sig_reference *whole; /* the intact one over the whole document */
	uint8_t *whole_octets;		   /* what it digested; owned */
	size_t whole_len;
	bool in_manifest;     /* while entries of a manifest are looked at */
	bool manifest_broken; /* an entry is not what was signed */
	bool *listed; /* detached objects that manifests vouch for, in their order; owned
		       */
	uint8_t *value_octets;
	size_t value_len;

	const xmlNode *qualifying, *properties, *unsigned_properties;
	bool properties_signed; /* by a reference that says so */

	X509 *candidates[SIG_CANDIDATES_MAX]; /* of KeyInfo, owned */
	size_t candidate_count;
	X509 *signer;		 /* owned; NULL: not identified */
	bool bound;		 /* to one certificate by SigningCertificate(V2) */
	bool named_in_key_info;	 /* what the property names is in ds:KeyInfo */
	bool identified;	 /* by that binding, or there is none and a candidate */
	EVP_PKEY *key;		 /* what the value was verified with; owned */
	const char *digest_name; /* of the signature value */
	bool pss;
	bool value_ok;

	int64_t signing_time; /* 0: absent */
	struct sig_token *tokens;
	size_t token_count;
	struct pki_path_result path;
	bool beyond_sunset; /* the path ends at an anchor that counts no more */
	bool without_proof; /* what it rests on is not proven to be old enough */
};

/* Release what the signature owns; a zeroed struct is empty. */
void sig_done(struct sig *s);

/* format.c: read the elements. What is wrong goes to s->malformed and a finding.
 * Return: 0 or negative undecided, as all below. */
int sig_read(struct sig_context *c, struct sig *s);

/* Refuse the format of the signature: a finding and s->malformed. */
void sig_malformed(
	struct sig_context *c, struct sig *s, const xmlNode *where, const char *why);

/* Add a finding at a node, formatted. */
void sig_finding(struct sig_context *c, enum severity severity, const char *code,
	const xmlNode *where, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* reference.c: read the References below parent (ds:SignedInfo, ds:Manifest). */
int sig_references_read(struct sig_context *c, struct sig *s, const xmlNode *parent,
	struct sig_reference **ret_list, size_t *ret_count);
void sig_references_free(struct sig_reference *list, size_t count);

/* resolve.c: find what a reference is about. */
void sig_reference_resolve(
	struct sig_context *c, const struct sig *s, struct sig_reference *r);

/* digest.c: resolve all references. */
void sig_references_resolve(struct sig_context *c, struct sig *s);

/* Digest what every reference is about and compare. */
int sig_references_check(struct sig_context *c, struct sig *s);

/* One of them, resolved already. */
int sig_reference_check(struct sig_context *c, struct sig *s, struct sig_reference *r);

/* manifest.c: check the entries of signed manifests; what is given must fit, what is not
 * given is only named. What a manifest lists is as good as signed when the reference to
 * it says that it is one. */
int sig_manifests_check(struct sig_context *c, struct sig *s);

/* The octets that a reference digests, appended. fallback: canonical form of a node-set
 * that no transform turns into octets. Return: 0, -EBADMSG: cannot be made, other
 * negative: undecided. */
int sig_reference_octets(struct sig_context *c, const struct sig *s,
	const struct sig_reference *r, enum xml_c14n fallback, struct buf *ret);

/* transform.c: the node-set of apex (NULL: the document) without the subtrees in omit
 * through the steps: canonical forms by xml/c14n.h, base64 by xmlsec's transform engine.
 * work: as c->work, or NULL. Return: as sig_reference_octets. */
int sig_transform(xmlDoc *doc, const xmlNode *apex, bool comments,
	const xmlNode *const *omit, size_t omit_count, const struct sig_step *steps,
	size_t step_count, enum xml_c14n fallback, uint64_t *work, struct buf *ret);
int sig_transform_setup(void);

/* Canonicalise one element by a ds:CanonicalizationMethod or ds:Transform that may have
 * InclusiveNamespaces. Return: as sig_reference_octets. */
int sig_canonicalize(xmlDoc *doc, const xmlNode *apex, enum xml_c14n algorithm,
	const xmlNode *method, uint64_t *work, struct buf *ret);

/* keyinfo.c: candidates from ds:KeyInfo, or a bare key. */
int sig_key_info(struct sig_context *c, struct sig *s);

/* identify.c: the signer's certificate among the candidates. */
int sig_identify(struct sig_context *c, struct sig *s);

/* crypto.c: verify SignatureValue. */
int sig_verify_value(struct sig_context *c, struct sig *s);

/* Verify a raw XMLDSig value over a digest. Return: 1 right, 0 wrong, negative undecided.
 */
int sig_verify_raw(EVP_PKEY *key, const struct signature_method *method,
	const char *digest, int salt, struct span octets, struct span value,
	bool without_null);

/* properties.c */
void sig_properties_read(struct sig_context *c, struct sig *s);
bool sig_is_xades(const xmlNode *node, const char *name); /* any version of XAdES */
const xmlNode *sig_xades_child(const xmlNode *parent, const char *name);
const xmlNode *sig_property(
	const struct sig *s, const char *name); /* signed, signature's */
const xmlNode *sig_unsigned_first(const struct sig *s);

/* embedded.c: the caller's material, and certificates and revocation data that signatures
 * of the document carry, into c->material. Nothing of it is trusted. */
int sig_material(struct sig_context *c);

/* imprint.c: the octets that a time-stamp is about. Return: as sig_reference_octets. */
int sig_imprint(struct sig_context *c, const struct sig *s, const struct sig_token *t,
	struct buf *ret);

/* timestamp.c: read and verify all tokens, newest first. */
int sig_timestamps(struct sig_context *c, struct sig *s);

/* process.c: EN 319 102-1 from the blocks to the indication in report->signatures[i]. */
int sig_process(struct sig_context *c, struct sig *s);

/* xcv.c: the path of the signer into s->path: now, and when that fails at the time for
 * which the signature is proven to exist, with all that became known later. What is
 * reported is what stands now, unless the past decides more. */
int sig_path(struct sig_context *c, struct sig *s, int64_t best);

/* sunset.c: *ret_own is c->material without the anchors that count no more at a time,
 * owned by the caller; NULL when all count. Return: 0 or -ENOMEM. */
int sig_anchors_at(struct sig_context *c, int64_t at, struct pki_material **ret_own);

/* responder.c: true when all that says the signer is not revoked was signed by OCSP
 * responders whose certificates have expired since: without proof that it is older than
 * that, it proves nothing (EN 319 102-1 5.6.2.1, REVOCATION_OUT_OF_BOUNDS_NO_POE). */
bool sig_responders_expired(const struct sig_context *c, const struct sig *s);

/* True when the path ends at one of the anchors; NULL: any end will do. */
bool sig_ends_in(const struct pki_material *anchors, const struct pki_path_result *path);

/* How old revocation data may be, as pki_path_request has it. */
int64_t sig_revocation_max_age(const struct sig_context *c);

/* Write an indication into the report. */
void sig_decide(
	struct xades_signature *ret, enum xades_indication indication, const char *sub);

/* longterm.c: true when the document carries revocation data for every certificate of the
 * signer and of the signature's time-stamps. */
bool sig_has_long_term(struct sig_context *c, const struct sig *s);

/* The caller's material without revocation data, and all that signatures carry. */
int sig_material_embedded(struct sig_context *c, struct pki_material **ret_material);

/* level.c: "XAdES-BASELINE-T". */
const char *sig_level(struct sig_context *c, const struct sig *s);

/* gate.c: what the rules of the profile demand beyond the standard; a passed signature
 * that does not keep all of it passes no more, and findings say what not. */
void sig_rules(struct sig_context *c, struct sig *s, struct xades_signature *ret);

/* constraints.c: signature policy and order of time-stamps, by the same rules. */
void sig_constraints(struct sig_context *c, struct sig *s, struct xades_signature *ret);

/* A rule is not kept: say so as it weighs. Return: true when it takes TOTAL-PASSED away.
 */
bool sig_rule_fails(struct sig_context *c, enum sig_rule rule, const char *code,
	const xmlNode *where, const char *why);

/* scope.c: "full", "partial", ... and the octets of the document that were signed. */
void sig_scope(struct sig *s, struct xades_signature *ret);

#endif
