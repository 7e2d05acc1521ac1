/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Client of the signer: {role, digest, document id} in, signature out; never sees a key,
 * a PIN or PKCS#11.
 */
#ifndef SEALGATE_PKCS11_CLIENT_H
#define SEALGATE_PKCS11_CLIENT_H

#include "common/cleanup.h"
#include "common/limits.h"
#include "common/span.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define SIGNER_ROLE_SIZE 24
#define SIGNER_DIGEST_MAX 64
#define SIGNER_VALUE_MAX 1024

enum signer_answer {
	SIGNER_UNDECIDED = 0,
	SIGNER_SIGNED,
	SIGNER_REFUSED, /* role, peer, digest length or limit: asking again is useless */
	SIGNER_AWAY,	/* token absent or not activated: ask again later */
};

enum signer_message {
	SIGNER_SIGN = 1,
	SIGNER_CERTIFICATE = 2,
	SIGNER_STATUS = 3,
	SIGNER_RESULT = 4,
	SIGNER_ACTIVATE = 5,   /* with a signer_person; administrators only */
	SIGNER_DEACTIVATE = 6, /* with a signer_person; administrators only */
	SIGNER_ORDER = 7,      /* with a signer_order; administrators only */
	SIGNER_CALLBACK = 8,   /* with a signer_callback; sealgate-forward only */
	SIGNER_TRIAL = 9,      /* of a role, for its peer: no value comes back */
};

/* What people order at the token; its answer comes with a text in a memfd. */
enum signer_work {
	SIGNER_WORK_NONE = 0,
	SIGNER_WORK_LIST,    /* keys and certificates of the roles */
	SIGNER_WORK_TEST,    /* a trial signature of each */
	SIGNER_WORK_KEYS,    /* make those that are missing, of one role or all */
	SIGNER_WORK_REQUEST, /* of a role, text: its subject */
	SIGNER_WORK_IMPORT,  /* of a role, given: PEM */
	SIGNER_WORK_REMOVE,  /* of a role, text: SHA-256 of the public key */
	SIGNER_WORK_CUSTODY, /* given: a closed PIN */
	SIGNER_WORK_BEGIN,   /* a ceremony, given: its witnesses, a line each */
	SIGNER_WORK_NOTE,    /* in a ceremony, text: what was done by other means */
	SIGNER_WORK_END,     /* of a ceremony, signed by a role */
	SIGNER_WORK_SHOW,    /* the protocol of a ceremony */
	SIGNER_WORKS
};

#define SIGNER_GIVEN_MAX (128u * 1024) /* octets given along, in a sealed memfd */
#define SIGNER_TEXT_SIZE 512
#define SIGNER_PERSON_SIZE 100
#define SIGNER_CEREMONY_SIZE 48

struct signer_order {
	uint32_t work; /* enum signer_work */
	char role[SIGNER_ROLE_SIZE];
	char person[SIGNER_PERSON_SIZE];     /* who has it done; "": an administrator */
	char first[SIGNER_PERSON_SIZE];	     /* who asked for it before, or "" */
	char ceremony[SIGNER_CEREMONY_SIZE]; /* whose protocol gets it, or "": none */
	char text[SIGNER_TEXT_SIZE];
};

struct signer_request {
	char role[SIGNER_ROLE_SIZE];
	char document_id[DOCUMENT_ID_SIZE];
	uint8_t digest_len; /* 32, 48 or 64: must be what the role's mechanism signs */
	char pad[4];
	uint8_t digest[SIGNER_DIGEST_MAX];
};

/* A call-back, by what is told of it. What is signed about it the signer makes itself:
 * its own name, time and certificate, and nothing that could be read as anything else. */
struct signer_callback {
	char partner[PARTNER_NAME_SIZE];
	uint8_t sha256[32]; /* of the body */
	uint64_t size;	    /* octets of the body */
	int64_t cursor;	    /* of the last outcome in it */
	uint8_t sandbox;    /* 1: of rehearsals */
	char pad[7];
};

struct signer_result {
	uint32_t answer; /* enum signer_answer */
	uint32_t value_len;
	uint64_t count;	    /* signatures by this role so far, this one included */
	char mechanism[24]; /* "ecdsa-sha256", "rsa-sha256", "rsa-pss-sha256" ... */
	char reason[96];    /* for people, when not signed */
	uint8_t value[SIGNER_VALUE_MAX]; /* ECDSA: raw r||s */
};

/* Who activates or deactivates the token. */
struct signer_person {
	char name[32];
	char passphrase[256]; /* of SIGNER_ACTIVATE; wiped after use */
};

struct signer;

/* Connect to run/signer.sock. Return: 0 or -errno. */
int signer_connect(const char *socket_path, int timeout_ms, struct signer **ret_signer);
void signer_disconnect(struct signer *s);

/* Another thread's question ends now, as if the signer had gone away. */
void signer_interrupt(struct signer *s);
DEFINE_CLEANUP(struct signer *, signer_disconnect)

/* Have a digest signed. Return: enum signer_answer with *ret_result, or negative
 * (connection broken: undecided, the caller reconnects). */
int signer_sign(struct signer *s, const char *role, const uint8_t *digest,
	size_t digest_len, const char *document_id, struct signer_result *ret_result);

/* Would the role sign for us now? Its key makes a trial signature for it, over a digest
 * of the signer's own that stands for nothing, which is verified and thrown away; it
 * takes from the role's signatures of this minute, and is not counted. Return: as
 * signer_sign, without a value. */
int signer_trial(struct signer *s, const char *role, struct signer_result *ret_result);

/* Have a call-back signed. *ret_jws: the value of its header (common/callback_claims.h),
 * the caller frees; NULL unless signed. Return: as signer_sign. */
int signer_callback(struct signer *s, const struct signer_callback *callback,
	char **ret_jws, struct signer_result *ret_result);

/* The role's certificates, own one first: concatenated DER in a malloc'ed buffer;
 * mechanism in *ret_result. Return: as signer_sign (SIGNER_SIGNED: answered). */
int signer_certificates(struct signer *s, const char *role, uint8_t **ret_der,
	size_t *ret_len, struct signer_result *ret_result);

/* The same by the form of in_use_ask (evidence/in_use.h); signer: a struct signer.
 * Return: 1, 0 the role has none or is none, negative. */
int signer_role_certificates(
	void *signer, const char *role, uint8_t **ret_der, size_t *ret_len);

/* A person enters a passphrase, or takes the token out of use at once.
 * Return: as signer_sign; SIGNER_SIGNED: done, SIGNER_AWAY: more people are needed,
 * ret_result->reason says what happened. */
int signer_activate(struct signer *s, const struct signer_person *person,
	struct signer_result *ret_result);
int signer_deactivate(struct signer *s, const struct signer_person *person,
	struct signer_result *ret_result);

/* Have something done at the token. *ret_text: what people are told, whatever the answer
 * is; the caller frees. Return: as signer_sign; SIGNER_SIGNED: done, SIGNER_AWAY: the
 * token is away or not active. */
int signer_order(struct signer *s, const struct signer_order *order, struct span given,
	char **ret_text);

/* JSON for people and health: token, activation, software, roles with counts and expiry.
 * The caller frees. Return: 0 or negative. */
int signer_status(struct signer *s, char **ret_json);

/* Add to a list of warnings {"code", "destination", "message"} what by a status (NULL:
 * none) is nearly used up: "callbacks", "signatures". Return: 0 or -ENOMEM. */
int budget_warn(json_t *list, const json_t *status);

#endif
