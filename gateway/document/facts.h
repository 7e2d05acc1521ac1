/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One typed view of a document, read once from the octets that were signed; never judges.
 */
#ifndef SEALGATE_DOCUMENT_FACTS_H
#define SEALGATE_DOCUMENT_FACTS_H

#include "common/finding.h"
#include "common/limits.h"

#include <libxml/tree.h>
#include <stdint.h>

#define DOCUMENT_VERSION_SIZE 16

struct facts {
	char root[64]; /* local name of the root */
	char ns[160];  /* its namespace */
	/* Of the schema, where it is known (document_version_read); ns is then what types
	 * have. */
	char version[DOCUMENT_VERSION_SIZE];
	char number[DOCUMENT_NUMBER_SIZE];
	char type_code[16];	  /* UNTDID 1001: "851" */
	char status[STATUS_SIZE]; /* 4405: "70" */
	char name[256];
	int64_t issued;	       /* seconds; 0 when absent */
	int64_t authenticated; /* earliest signatory ActualDateTime; 0 when absent */
	int64_t departure;     /* ExportExitDateTime; 0 when absent */
	int64_t arrival;       /* AvailabilityDueDateTime; 0 when absent */
	char export_country[COUNTRY_SIZE];
	char import_country[COUNTRY_SIZE];
	char replaces[DOCUMENT_NUMBER_SIZE]; /* number named as replaced, or "" */
	/* Of the paper that was issued in an outage and is made electronic, or "". */
	char paper[DOCUMENT_NUMBER_SIZE];
	/* What TRACES calls the document: a reference of relationship CAW; or "". */
	char traces_reference[DOCUMENT_NUMBER_SIZE];
	size_t line_count;
	size_t signatory_count;
};

/* Read the facts of an SPSCertificate or SPSAcknowledgement. A value that is missing, too
 * long or not of its form is an error finding doc.* and stays empty.
 * Return: 1 complete, 0 with findings, negative undecided. */
int facts_read(xmlDoc *doc, struct facts *ret_facts, struct findings *findings);

/* {"number","type_code","status","issued",...}: a new reference or NULL. */
json_t *facts_to_json(const struct facts *f);

#endif
