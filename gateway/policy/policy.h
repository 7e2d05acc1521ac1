/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Policy as data: partners, their signers, routes and destinations, read from policies/
 * and named by one digest; never holds a rule of one partner in code.
 */
#ifndef SEALGATE_POLICY_POLICY_H
#define SEALGATE_POLICY_POLICY_H

#include "common/cleanup.h"
#include "common/digest.h"
#include "common/limits.h"
#include "policy/degraded.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_LIST_MAX 64
#define ROUTE_DESTINATIONS_MAX 8

struct partner_signer {
	char sha256[SHA256_TEXT_SIZE]; /* of the signer certificate, or "" and: */
	char key[SHA256_TEXT_SIZE];    /* of its SubjectPublicKeyInfo, or "" */
	char role[16];		       /* "officer" | "seal" */
	char name[128];
};

/* When a transport certificate counts; 0: without a beginning, without an end. */
struct transport_time {
	int64_t from, until;
};

#define PARTNER_CONTACTS_MAX 8

/* Whom to tell; "" where it is not said. */
struct partner_contact {
	char name[128];
	char purpose[64];
	char email[128];
	char phone[64];
};

#define PARTNER_ISSUERS_MAX 8

/* Whoever has a certificate of this issuer in the name of the organisation. */
struct partner_issuer {
	char sha256[SHA256_TEXT_SIZE]; /* of the issuer's certificate */
	char organisation[128];	       /* the subject's O, exactly */
	struct partner_signer as;      /* role and name; no digest */
};

/* What a signature must be by the EU's trusted lists; each is more than the one before.
 */
enum qualification_level { LEVEL_ADVANCED = 0, LEVEL_ADVANCED_QC, LEVEL_QUALIFIED };

/* What is demanded of the signatures of some document types. */
struct partner_demand {
	char types[POLICY_LIST_MAX][DOCUMENT_TYPE_SIZE]; /* "*": all */
	size_t type_count;
	enum qualification_level officer, seal;
	bool seal_carries; /* the authority's seal does without an officer's signature */
};

#define PARTNER_DEMANDS_MAX 8

#define PARTNER_ASKS_MAX 32

#define PARTNER_EXPERIMENTS_MAX 16

#define CALLBACK_SIZE 256

/* Must the gate know what a document withdraws or replaces? By default it must for what
 * is withdrawn. */
enum partner_originals { ORIGINALS_DEFAULT = 0, ORIGINALS_KNOWN, ORIGINALS_ANY };

/* How much a partner may send; 0: as much as it likes. */
struct partner_quotas {
	int64_t hour, day;  /* documents */
	int64_t octets;	    /* of documents in a day */
	int64_t concurrent; /* submissions and preflights under way */
};

/* policies/partners/NAME.cfg */
struct partner {
	char name[PARTNER_NAME_SIZE];
	char kind[16];		    /* "authority" | "organisation" | "control-body" */
	char country[COUNTRY_SIZE]; /* documents it may issue */
	char transport[POLICY_LIST_MAX][SHA256_TEXT_SIZE]; /* client certificates */
	struct transport_time transport_times[POLICY_LIST_MAX];
	size_t transport_count;
	struct partner_signer signers[POLICY_LIST_MAX];
	size_t signer_count;
	struct partner_issuer issuers[PARTNER_ISSUERS_MAX];
	size_t issuer_count;
	/* Signer certificates that do not count any more, whoever issued them. */
	char removed[POLICY_LIST_MAX][SHA256_TEXT_SIZE];
	size_t removed_count;
	char types[POLICY_LIST_MAX][DOCUMENT_TYPE_SIZE]; /* that it may send */
	size_t type_count;
	bool suspended;
	bool sandbox; /* a rehearsal: signed by anchors/sandbox, sent nowhere, ever */
	enum partner_originals originals;
	bool tls12;   /* it may connect with TLS 1.2, too */
	bool limited; /* it is told the words of some destinations only: */
	char decisions[ROUTE_DESTINATIONS_MAX][DESTINATION_NAME_SIZE];
	size_t decision_count;
	char callback[CALLBACK_SIZE]; /* https address that its outcomes are pushed to, or
				       * "" */
	bool disclosed; /* the EU's decisions may go back to it: agreement, cooperation
			 * and data protection are named */
	/* Of whose documents it may ask what the gate held, beside its own ("*": any). */
	char asks_issued_by[PARTNER_ASKS_MAX][COUNTRY_SIZE];
	char asks_bound_for[PARTNER_ASKS_MAX][COUNTRY_SIZE];
	struct partner_quotas quotas;
	int priority; /* 1 to 16: turns in a row where others have one */
	struct partner_demand demands[PARTNER_DEMANDS_MAX];
	size_t demand_count;
	struct partner_contact contacts[PARTNER_CONTACTS_MAX];
	size_t contact_count;
	char language[16]; /* of answers to who asks for none, or "" */
	/* What is experimental and may be sent by it all the same; "" behind the last. */
	char experimental_types[PARTNER_EXPERIMENTS_MAX][DOCUMENT_TYPE_SIZE];
	char experimental_versions[PARTNER_EXPERIMENTS_MAX][DOCUMENT_TYPE_SIZE];
};

/* Is what the feed would give it pushed to it? */
static inline bool partner_is_called(const struct partner *p)
{
	return *p->callback && !p->suspended;
}

#define CUSTOMS_CERTIFICATES_MAX 16

/* policies/customs/NAME.cfg: who pulls what is delivered to a destination. */
struct customs_office {
	char name[PARTNER_NAME_SIZE];
	char destination[DESTINATION_NAME_SIZE]; /* of protocol pull */
	char transport[CUSTOMS_CERTIFICATES_MAX][SHA256_TEXT_SIZE];
	size_t transport_count;
	bool suspended;
};

/* policies/operators.cfg: named people */
struct operator_person {
	char name[64];
	char sha256[SHA256_TEXT_SIZE]; /* client certificate */
	char role[24]; /* viewer | operator | policy-officer | key-custodian | auditor */
};

#define RETENTION_RULES_MAX 32

/* policies/retention.cfg: how long what is kept, from its arrival. Zero is for ever. */
struct policy_retention {
	int64_t other_s;   /* types without a rule */
	int64_t refused_s; /* what was refused */
	struct retention_rule {
		char type[DOCUMENT_TYPE_SIZE];
		int64_t seconds;
	} rules[RETENTION_RULES_MAX];
	size_t rule_count;
};

struct policy;

/* Read policies/ (of types only when they end and whether they are experimental; types,
 * schemas and codes are document/'s). *ret_error: one line, the caller frees. Return: 0,
 * -EINVAL, -errno. */
int policy_load(const char *policies, struct policy **ret_policy, char **ret_error);

/* Of policies/ nothing but its people and what they may do (operators.cfg): a file of
 * another kind that cannot be read keeps nobody from putting it right. policy_operator,
 * policy_role_may and what is about people know of it, everything else is empty. Return:
 * as policy_load. */
int policy_load_people(
	const char *policies, struct policy **ret_policy, char **ret_error);
void policy_free(struct policy *p);
DEFINE_CLEANUP(struct policy *, policy_free)

/* SHA-256 over the sorted relative names and contents of every file below policies/: of
 * the lines that `find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n'
 * sha256sum` prints in the folder, so that it can be computed without us. */
const char *policy_digest(const struct policy *p);

/* The partners in the order of their files; NULL behind the last. */
const struct partner *policy_partner_at(const struct policy *p, size_t index);

const struct partner *policy_partner(const struct policy *p, const char *name);

/* The first demand of a partner that is about a type; NULL: signatures need be advanced
 * only. */
const struct partner_demand *policy_demand(
	const struct partner *partner, const char *type);

const struct partner *policy_partner_by_certificate(
	const struct policy *p, const char *sha256);
const struct customs_office *policy_customs_by_certificate(
	const struct policy *p, const char *sha256);
const struct operator_person *policy_operator_by_certificate(
	const struct policy *p, const char *sha256);
const struct operator_person *policy_operator(const struct policy *p, const char *name);

/* The people in the order of the file; NULL behind the last. */
const struct operator_person *policy_operator_at(const struct policy *p, size_t index);

/* Changes when a file below policies/ is written, added, removed or renamed; 0 when the
 * folder cannot be read. Far cheaper than the digest, and no proof of anything. */
uint64_t policy_stamp(const char *policies);

/* The enrolment of a signer certificate with a partner, or NULL. */
const struct partner_signer *policy_signer(
	const struct partner *partner, const char *sha256);

/* That of a key, by the digest of its SubjectPublicKeyInfo, or NULL. */
const struct partner_signer *policy_signer_by_key(
	const struct partner *partner, const char *key);

/* Does another partner enrol the certificate, or its key? One's certificate and another's
 * key of the same pair load side by side: that they are one is seen at the signature. */
bool policy_enrolled_elsewhere(const struct policy *p, const struct partner *partner,
	const char *sha256, const char *key);

/* When a transport certificate of the partner counts; NULL: it is none of its. */
const struct transport_time *policy_transport_time(
	const struct partner *partner, const char *sha256);

/* True when the partner may send documents of the type. */
bool policy_partner_may_send(const struct partner *partner, const char *type);

/* Does policy let the partner by name send what is experimental: documents of a type, or
 * of a version of the schema? */
bool policy_partner_tries_type(const struct partner *partner, const char *type);
bool policy_partner_tries_version(const struct partner *partner, const char *version);

/* May the partner be told what a destination says of its documents beyond their state:
 * its reference and its words? */
bool policy_partner_is_told(const struct partner *partner, const char *destination);

/* When a document type ends to be taken, RFC 3339, or NULL. */
const char *policy_sunset(const struct policy *p, const char *type);

/* True when no public sample exists to test the type with. */
bool policy_type_experimental(const struct policy *p, const char *type);

/* A version of the schema that is taken: namespace of its root, until when (RFC 3339).
 * All borrowed. */
struct policy_version {
	const char *name, *root, *sunset;
	bool experimental;
};

/* The versions in the order of their files; index is below the count. */
size_t policy_version_count(const struct policy *p);
void policy_version(const struct policy *p, size_t index, struct policy_version *ret);

/* True when the role may do the verb ("hold", "release", "redrive", "view", ...), by the
 * table in policies/operators.cfg. */
bool policy_role_may(const struct policy *p, const char *role, const char *verb);

/* True when the verb takes two people (`four_eyes`). */
bool policy_needs_two(const struct policy *p, const char *verb);

/* How many seconds a proposed release waits for a second person, 0 where one is enough
 * (`release_review`); may people of the role be that second person? */
int64_t policy_review_seconds(const struct policy *p);
bool policy_may_review(const struct policy *p, const char *role);

/* Destinations of a document by the files of policies/routes, first matching rule.
 * Return: their number, 0 when no route matches. */
size_t policy_route(const struct policy *p, const char *type, const char *import_country,
	char ret_names[ROUTE_DESTINATIONS_MAX][DESTINATION_NAME_SIZE]);

const struct policy_retention *policy_retention(const struct policy *p);

/* What is done while a dependency is out of reach or out of date. */
const struct degraded_rule *policy_degraded(
	const struct policy *p, enum degraded_dependency dependency);

#endif
