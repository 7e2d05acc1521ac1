/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/criteria.h"
#include "trust/list_parts.h"

#include <errno.h>
#include <stdlib.h>

#define INSTANCES_MAX 256u

static void instance_done(struct list_instance *i)
{
	free(i->type);
	free(i->status);
	texts_done(&i->services);
	json_decref(i->qualifications);
}

void list_service_done(struct list_service *s)
{
	free(s->name);
	sk_X509_pop_free(s->identities, X509_free);
	for (size_t i = 0; i < s->instance_count; i++)
		instance_done(&s->instances[i]);
	free(s->instances);
}

/* AdditionalServiceInformation of an extension, 5.5.9.4. */
static int read_extensions(const xmlNode *information, struct list_instance *ret)
{
	const xmlNode *all =
		xml_child(information, NS_TL, "ServiceInformationExtensions");
	int r = 0;

	for (const xmlNode *e = xml_child(all, NS_TL, "Extension"); e && r == 0;
		e = xml_next(e, NS_TL, "Extension")) {
		char *uri = list_text(
			xml_child(e, NS_TL, "AdditionalServiceInformation"), "URI");

		if (uri)
			r = texts_add(&ret->services, uri, LIST_URIS_MAX);
		if (r == 0)
			r = criteria_read(e, &ret->qualifications);
	}
	return r;
}

/* ServiceInformation, or an instance of the history, which has the same parts. */
static int read_instance(const xmlNode *information, struct list_service *s)
{
	struct list_instance *i = &s->instances[s->instance_count++];

	i->type = list_text(information, "ServiceTypeIdentifier");
	i->status = list_text(information, "ServiceStatus");
	i->from = list_time(information, "StatusStartingTime");
	if (!i->type || !i->status || i->from == 0)
		return -EINVAL;
	return read_extensions(information, i);
}

static char *first_name(const xmlNode *information)
{
	return list_text(xml_child(information, NS_TL, "ServiceName"), "Name");
}

static int read_service(const xmlNode *node, struct list_service *s)
{
	const xmlNode *now = xml_child(node, NS_TL, "ServiceInformation");
	const xmlNode *past = xml_child(node, NS_TL, "ServiceHistory");
	size_t n = 1 + xml_count(past, NS_TL, "ServiceHistoryInstance");
	int r;

	if (!now || n > INSTANCES_MAX)
		return -EINVAL;
	s->name = first_name(now);
	s->identities = sk_X509_new_null();
	s->instances = calloc(n, sizeof(*s->instances));
	if (!s->identities || !s->instances)
		return -ENOMEM;
	r = list_identities(
		xml_child(now, NS_TL, "ServiceDigitalIdentity"), s->identities);
	if (r == 0)
		r = read_instance(now, s);
	for (const xmlNode *h = xml_child(past, NS_TL, "ServiceHistoryInstance");
		h && r == 0; h = xml_next(h, NS_TL, "ServiceHistoryInstance"))
		r = read_instance(h, s);
	return r;
}

static int read_services(const xmlNode *provider, struct trusted_list *l)
{
	const xmlNode *all = xml_child(provider, NS_TL, "TSPServices");
	size_t n = xml_count(all, NS_TL, "TSPService");
	void *more;
	int r = 0;

	if (l->service_count + n > LIST_SERVICES_MAX)
		return -EINVAL;
	more = realloc(l->services, (l->service_count + n + 1) * sizeof(*l->services));
	if (!more)
		return -ENOMEM;
	l->services = more;
	for (const xmlNode *s = xml_child(all, NS_TL, "TSPService"); s && r == 0;
		s = xml_next(s, NS_TL, "TSPService")) {
		struct list_service *service = &l->services[l->service_count++];

		*service = (struct list_service){ .provider = l->providers };
		r = read_service(s, service);
	}
	return r;
}

int list_providers(const xmlNode *providers, struct trusted_list *l, const char **ret_why)
{
	int r = 0;

	for (const xmlNode *p = xml_child(providers, NS_TL, "TrustServiceProvider");
		p && r == 0; p = xml_next(p, NS_TL, "TrustServiceProvider")) {
		r = read_services(p, l);
		l->providers++;
	}
	if (r == -EINVAL)
		*ret_why = "a service lacks its type, status or time, or there are too "
			   "many";
	return r;
}
