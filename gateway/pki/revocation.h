/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Revocation of one certificate of a path, by every CRL (RFC 5280 section 6.3) and OCSP
 * response (RFC 6960) there is; never treats missing data as good.
 */
#ifndef SEALGATE_PKI_REVOCATION_H
#define SEALGATE_PKI_REVOCATION_H

#include "pki/nest.h"
#include "pki/path.h"

enum revocation_status {
	REVOCATION_NONE = 0, /* nothing that counts */
	REVOCATION_STALE,
	REVOCATION_GOOD,
	REVOCATION_ON_HOLD,
	REVOCATION_REVOKED,
};

struct revocation {
	enum revocation_status status;
	int64_t revoked_at;
	bool weak;	 /* good, but only by data signed with a weak key or algorithm */
	bool wants_ocsp; /* with NONE and STALE, see pki_path_result */
	const char *why; /* constant: why data at hand did not count, or NULL */
};

/* What is asked: chain[index] at the request's time. */
struct revocation_question {
	const struct pki_path_request *request;
	STACK_OF(X509) * chain;
	int index;
	const struct pki_nest *nest;
};

/* Return: 0 with *ret filled, negative undecided. */
int pki_revocation_judge(const struct revocation_question *q, struct revocation *ret);

/* As pki_path_validate for whoever signed revocation data. */
int pki_path_nested(const struct pki_path_request *request, const struct pki_nest *nest,
	struct pki_path_result *ret_result);

/* One thing that revocation data says. */
struct revocation_fact {
	int64_t this_update;
	bool stale;
	bool revoked;
	bool hold;
	bool weak;
	int64_t revoked_at;
};

#define PKI_FACTS_MAX 64u

struct revocation_facts {
	struct revocation_fact list[PKI_FACTS_MAX];
	size_t count;
	bool overflow; /* there was more than fits: what is here is not all */
	const char *why;
};

/* Collect what CRLs and OCSP responses say. Return: 0 or negative undecided. */
int pki_revocation_by_crl(
	const struct revocation_question *q, struct revocation_facts *f);
int pki_revocation_by_ocsp(
	const struct revocation_question *q, struct revocation_facts *f);

void pki_fact_add(struct revocation_facts *f, const struct revocation_fact *fact);

/* True when the data's note is not in use further up. */
bool pki_revocation_free(const struct revocation_question *q, const struct pki_kept *k);

/* True when data of that time may speak about a certificate: not later than what is
 * known, not before the certificate, not after its end unless the data keeps expired
 * ones. */
bool pki_revocation_speaks(const struct revocation_question *q, int64_t this_update,
	int64_t expired_from, const char **ret_why);

/* Who signed revocation data, and when. */
struct revocation_signer {
	X509 *who;
	int64_t at;
	enum pki_purpose purpose;
	bool skip_revocation;
	const struct pki_kept *data;
};

/* Whether a signer of data about chain[index] has a path of its own to the same anchor.
 * *ret_weak becomes true when it has but for weak keys or algorithms.
 * Return: 1, 0, negative undecided. */
int pki_revocation_signer_trusted(const struct revocation_question *q,
	const struct revocation_signer *s, bool *ret_weak);

/* Until when revocation data counts. */
int64_t pki_known_at(const struct pki_path_request *r);

/* The strength of the request, or the floor. */
bool pki_strong(const struct pki_path_request *r, const char *digest, X509 *signer);

#endif
