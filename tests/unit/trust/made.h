/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Results of an import as they would be, without lists: services of certificates that a
 * test has; never used outside tests.
 */
#ifndef SEALGATE_TESTS_TRUST_MADE_H
#define SEALGATE_TESTS_TRUST_MADE_H

#include "trust/snapshot.h"

#include <stdlib.h>
#include <string.h>

#define MADE_SVC "http://uri.etsi.org/TrstSvc/"
#define MADE_CA_QC MADE_SVC "Svctype/CA/QC"
#define MADE_GRANTED MADE_SVC "TrustedList/Svcstatus/granted"
#define MADE_WITHDRAWN MADE_SVC "TrustedList/Svcstatus/withdrawn"
#define MADE_FOR_SEALS MADE_SVC "TrustedList/SvcInfoExt/ForeSeals"
#define MADE_SINCE INT64_C(1500000000)
#define MADE_SINCE_WITHDRAWN INT64_C(1900000000)

/* Certificates of a policy are qualified, for seals, on a device; and a criterion inside
 * another. */
#define MADE_RULES                                                                       \
	"[{\"qualifiers\":[\"http://u/QCStatement\",\"http://u/QCForESeal\","            \
	"\"http://u/QCWithQSCD\"],\"criteria\":{\"assert\":\"all\",\"policies\":"        \
	"[[\"2.999.1.2\"]],\"lists\":[{\"assert\":\"none\",\"usage\":"                   \
	"[{\"keyCertSign\":true}]}]}}]"

static inline struct list_instance made_instance(const char *status, int64_t from)
{
	struct list_instance i = { .type = strdup(MADE_CA_QC),
		.status = strdup(status),
		.from = from,
		.services = { calloc(1, sizeof(char *)), 1 },
		.qualifications = json_loads(MADE_RULES, 0, NULL) };

	i.services.list[0] = strdup(MADE_FOR_SEALS);
	return i;
}

/* One list of as many services as there are certificates: granted, later withdrawn. */
static inline struct list_results made_results(X509 **certificates, size_t count)
{
	struct trusted_list *l = calloc(1, sizeof(*l));
	struct list_results r = {
		.list = calloc(1, sizeof(*r.list)), .count = 1, .usable = true
	};

	*l = (struct trusted_list){ .territory = "AA",
		.kind = LIST_NATIONAL,
		.version = 5,
		.sequence = 7,
		.issued = 1,
		.next_update = 2000000000,
		.services = calloc(count, sizeof(*l->services)),
		.service_count = count };
	for (size_t i = 0; i < count; i++) {
		struct list_service *s = &l->services[i];

		*s = (struct list_service){ .name = strdup("CA"),
			.identities = sk_X509_new_null(),
			.instances = calloc(2, sizeof(*s->instances)),
			.instance_count = 2 };
		X509_up_ref(certificates[i]);
		sk_X509_push(s->identities, certificates[i]);
		s->instances[0] = made_instance(MADE_WITHDRAWN, MADE_SINCE_WITHDRAWN);
		s->instances[1] = made_instance(MADE_GRANTED, MADE_SINCE);
	}
	r.list[0] = (struct list_result){ .role = ROLE_LIST,
		.url = strdup("https://lists.invalid/aa.xml"),
		.territory = "AA",
		.status = LIST_PASSED,
		.effect = true,
		.list = l };
	return r;
}

/* Write a store of services of certificates at a time. Return: as trust_snapshot_write.
 */
static inline int made_store(
	const char *store, X509 **certificates, size_t count, int64_t at)
{
	struct list_results r = made_results(certificates, count);
	int e = trust_snapshot_write(store, &r, at);

	list_results_done(&r);
	return e;
}

#endif
