/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Document types as data, the files of policies/types: how one is recognised, its schema,
 * checks and demands; never code for one type.
 */
#ifndef SEALGATE_DOCUMENT_TYPES_H
#define SEALGATE_DOCUMENT_TYPES_H

#include "document/attachments.h"
#include "document/facts.h"
#include "document/urgency.h"
#include "document/xpath.h"

#define TYPE_LIST_MAX 32
#define TYPE_RULES_MAX 8

struct code_checks;
struct rules;
struct xml_schema;

struct document_type {
	char name[DOCUMENT_TYPE_SIZE]; /* "PHYTO" */
	char root[64];
	char ns[160];
	char type_codes[TYPE_LIST_MAX][16];
	size_t type_code_count;
	struct prefixes prefixes;
	xmlXPathCompExpr *when; /* what else it must hold, or NULL */
	char aliases[TYPE_LIST_MAX][DOCUMENT_TYPE_SIZE]; /* names it had */
	size_t alias_count;
	char direction[16];		 /* "import": what a partner may send */
	char issuers[TYPE_LIST_MAX][16]; /* kinds of partner; none: any */
	size_t issuer_count;
	char sealers[TYPE_LIST_MAX][16]; /* "gate" only where direction is import */
	size_t sealer_count;
	char statuses[TYPE_LIST_MAX][STATUS_SIZE]; /* admitted */
	size_t status_count;
	char withdraws[TYPE_LIST_MAX][STATUS_SIZE]; /* which of them take one back */
	size_t withdraw_count;
	bool officer_required; /* a main signature by an enrolled officer */
	bool seal_required;    /* an authority's seal, parallel or counter */
	const struct xml_schema
		*schema; /* shared by types of one pack, as are the next two */
	const struct code_checks *codes[TYPE_RULES_MAX];
	size_t code_count;
	const struct rules *rules[TYPE_RULES_MAX];
	size_t rule_count;
	bool experimental;
	struct attachments attachments; /* what it may carry */
	struct urgency_rules urgency;	/* what of it goes first */
	int64_t sunset; /* from when on it is not taken any more; 0: no end is set */
	/* What the destination fills in may be missing: that is a warning. The gate takes
	 * no such document in. */
	bool lenient;
};

struct document_types;

/* Load the packs below policies (types/, schemas/, codes/). Must run before xml_setup.
 * *ret_error: one line, the caller frees. Return: 0, -EINVAL, -errno. */
int document_types_load(
	const char *policies, struct document_types **ret_types, char **ret_error);
void document_types_free(struct document_types *t);

/* As document_versions_read, with the versions beside the types: before a type is looked
 * for. */
int document_version_read(const struct document_types *t, xmlDoc *doc,
	struct facts *facts, int64_t at, struct findings *findings);

/* The type of a document by root, type code and what else the type asks for, or NULL
 * (finding doc.type-unknown). Without a tree no type is found that asks for more. */
const struct document_type *document_type_find(const struct document_types *t,
	xmlDoc *doc, const struct facts *facts, struct findings *findings);

/* By name, or by a name that the type once had. */
const struct document_type *document_type_named(
	const struct document_types *t, const char *name);

/* Whether a partner of this kind may issue documents of the type. */
bool document_type_issued_by(const struct document_type *type, const char *kind);

/* What a document of the type says about an earlier one: "withdraws" with the number that
 * it names, or its own, "replaces" with the number that it names, or "". *ret_number is
 * borrowed from facts. */
const char *document_type_relation(const struct document_type *type,
	const struct facts *facts, const char **ret_number);

/* How urgent a document of the type is that is looked at now. A document without a tree,
 * or without memory for one look, is B and expected as its facts say. */
void document_type_urgency(const struct document_type *type, xmlDoc *doc,
	const struct facts *facts, int64_t now, struct urgency_found *ret);

/* The types in the order of their files; NULL behind the last. */
const struct document_type *document_type_at(
	const struct document_types *t, size_t index);

/* Count from now on what rules and checks look at. Return: 0 or -ENOMEM. */
int document_types_watch(struct document_types *t);

/* A rule or code check: its id, whether it names what it stands on (a check does: its
 * list), and how often it has looked at something while watched. */
struct document_rule {
	const char *id;
	bool sourced;
	size_t looked;
	bool optional; /* a check whose list need not be there */
};

/* Rules and code checks of all types, each once though types share them. Return: false
 * behind the last. */
bool document_types_rule(
	const struct document_types *t, size_t index, struct document_rule *ret_rule);

/* What a rule of that index says, or how it is mended, with "{}" in the place of each
 * value: the caller frees. NULL for a code check, and where nothing is said. */
char *document_types_text(const struct document_types *t, size_t index, bool fix);

/* Schema, codes and rules of the type on a tree without signatures; every violation is a
 * finding doc.*. at: now, for rules about the future.
 * Return: 1 clean, 0 with error findings, negative undecided. */
int document_check(const struct document_types *t, const struct document_type *type,
	xmlDoc *doc, const struct facts *facts, int64_t at, struct findings *findings);

/* What can be said about a document of unknown type: whether it keeps the schema of any
 * type with its root and namespace. Return: as xml_schema_validate; 1 when there is no
 * such type. */
int document_check_schema(const struct document_types *t, xmlDoc *doc,
	const struct facts *facts, struct findings *findings);

/* Remove every ds:Signature that is a child of the root. Return: how many. */
size_t document_strip_signatures(xmlDoc *doc);

#endif
