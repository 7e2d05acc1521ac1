/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Qualifications of trust services as tables (trust/criteria.h has them as JSON): which
 * qualifiers the criteria give a certificate; what is not understood picks nothing.
 */
#ifndef SEALGATE_TRUST_RULES_H
#define SEALGATE_TRUST_RULES_H

#include "common/buf.h"
#include "common/json.h"

#include <openssl/x509v3.h>
#include <stdbool.h>

#define RULES_NONE UINT32_MAX

/* TS 119 612 5.5.9.2.3, by the ends of their URIs; bits of a mask. */
enum qualifier {
	QUALIFIER_STATEMENT = 1 << 0,	  /* QCStatement */
	QUALIFIER_NOT_QUALIFIED = 1 << 1, /* NotQualified */
	QUALIFIER_ESIG = 1 << 2,	  /* QCForESig */
	QUALIFIER_ESEAL = 1 << 3,	  /* QCForESeal */
	QUALIFIER_WSA = 1 << 4,		  /* QCForWSA */
	QUALIFIER_QSCD = 1 << 5,	  /* QCWithQSCD, QCWithSSCD */
	QUALIFIER_MANAGED = 1 << 6,	  /* QCQSCDManagedOnBehalf */
	QUALIFIER_NO_QSCD = 1 << 7,	  /* QCNoQSCD, QCNoSSCD */
};

struct map_rule {
	uint32_t qualifiers; /* of enum qualifier */
	uint32_t criteria;   /* RULES_NONE: picks nobody */
};

enum map_assertion { ASSERT_NOTHING = 0, ASSERT_ALL, ASSERT_AT_LEAST_ONE, ASSERT_NONE };

struct map_criteria {
	uint32_t assertion; /* ASSERT_NOTHING: not understood */
	uint32_t first_condition, condition_count;
};

enum map_condition_kind {
	CONDITION_USAGE = 0, /* a: bits that matter, b: as they must be */
	CONDITION_POLICIES,  /* all of b object identifiers from a on */
	CONDITION_PURPOSES,
	CONDITION_CRITERIA, /* a: another one, further down */
};

struct map_condition {
	uint32_t kind, a, b;
};

/* An object identifier's content octets; of length 0 it is none that a certificate can
 * have. */
struct map_oid {
	uint32_t octets, len;
};

struct rules_view {
	const struct map_rule *rules;
	const struct map_criteria *criteria;
	const struct map_condition *conditions;
	const struct map_oid *oids;
	const uint8_t *octets;
};

/* Where tables grow. */
struct rules_writer {
	struct buf *rules, *criteria, *conditions, *oids, *octets;
};

/* Add the qualifications of an instance (trust/criteria.h; NULL: none). Return: 0 with
 * first and count of its rules, or negative. */
int rules_write(struct rules_writer *w, const json_t *qualifications, uint32_t *ret_first,
	uint32_t *ret_count);

/* What criteria look at in a certificate. */
struct certificate_facts {
	uint32_t usage; /* UINT32_MAX: no such extension */
	CERTIFICATEPOLICIES *policies;
	EXTENDED_KEY_USAGE *purposes;
};

void certificate_facts_read(X509 *certificate, struct certificate_facts *ret);
void certificate_facts_done(struct certificate_facts *f);

/* The qualifiers that rules give a certificate. */
unsigned int rules_qualifiers(const struct rules_view *v, uint32_t first, uint32_t count,
	const struct certificate_facts *f);

#endif
