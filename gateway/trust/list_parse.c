/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/list_parts.h"
#include "xml/reader.h"

#include "common/clock.h"
#include "common/encode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_NATIONAL "/TSLType/EUgeneric"
#define TYPE_OF_LISTS "/TSLType/EUlistofthelists"
#define MUTUAL "MutualRecognitionAgreementInformation"
#define MIME_XML "application/vnd.etsi.tsl+xml"

char *list_text(const xmlNode *parent, const char *name)
{
	const xmlNode *n = xml_child(parent, NS_TL, name);

	return n ? xml_text(n) : NULL;
}

int64_t list_time(const xmlNode *parent, const char *name)
{
	_cleanup_(freep) char *text = list_text(parent, name);
	int64_t t;

	return text && clock_parse(text, &t) == 0 ? t : 0;
}

static int64_t number_of(const xmlNode *parent, const char *name)
{
	_cleanup_(freep) char *text = list_text(parent, name);
	char *end;
	long long n;

	if (!text)
		return -1;
	errno = 0;
	n = strtoll(text, &end, 10);
	return errno || *end || end == text ? -1 : n;
}

int texts_add(struct texts *t, char *text, size_t max)
{
	char **more;

	if (t->count == max) {
		free(text);
		return -EINVAL;
	}
	more = realloc(t->list, (t->count + 1) * sizeof(*more));
	if (!more) {
		free(text);
		return -ENOMEM;
	}
	t->list = more;
	t->list[t->count++] = text;
	return 0;
}

void texts_done(struct texts *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->list[i]);
	free(t->list);
	*t = (struct texts){ 0 };
}

static int add_certificate(const xmlNode *node, STACK_OF(X509) * to)
{
	_cleanup_(freep) char *text = xml_text(node);
	_cleanup_(freep) uint8_t *der = NULL;
	size_t len;
	X509 *x;

	if (!text || base64_decode(span_str(text), &der, &len) < 0)
		return 0;
	x = pki_certificate_parse(span_of(der, len));
	if (x && sk_X509_push(to, x) <= 0) {
		X509_free(x);
		return -ENOMEM;
	}
	return 0;
}

int list_identities(const xmlNode *identity, STACK_OF(X509) * to)
{
	int r = 0;

	for (const xmlNode *d = xml_child(identity, NS_TL, "DigitalId"); d && r == 0;
		d = xml_next(d, NS_TL, "DigitalId")) {
		const xmlNode *x = xml_child(d, NS_TL, "X509Certificate");

		if (x)
			r = add_certificate(x, to);
	}
	return r;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

static enum list_kind kind_of(const char *type)
{
	if (type && ends_with(type, TYPE_NATIONAL))
		return LIST_NATIONAL;
	return type && ends_with(type, TYPE_OF_LISTS) ? LIST_OF_LISTS : LIST_OTHER;
}

static void copy_territory(char to[8], const char *text)
{
	if (text && strlen(text) < 8)
		memcpy(to, text, strlen(text) + 1);
}

/* Version 6 of the lists lets a pointer lead out of the Union; the namespace of what says
 * so has changed with drafts, its name has not. */
static bool is_mutual(const xmlNode *information)
{
	for (const xmlNode *n = information->children; n; n = n->next)
		if (n->type == XML_ELEMENT_NODE &&
			strcmp((const char *)n->name, MUTUAL) == 0)
			return true;
	return false;
}

/* AdditionalInformation of a pointer: each piece in an element of its own. */
static void read_additional(const xmlNode *p, struct list_pointer *ret)
{
	const xmlNode *all = xml_child(p, NS_TL, "AdditionalInformation");

	for (const xmlNode *o = xml_child(all, NS_TL, "OtherInformation"); o;
		o = xml_next(o, NS_TL, "OtherInformation")) {
		_cleanup_(freep) char *type = list_text(o, "TSLType");
		_cleanup_(freep) char *territory = list_text(o, "SchemeTerritory");
		const xmlNode *m = xml_child(o, NS_TL_TYPES, "MimeType");
		_cleanup_(freep) char *mime = m ? xml_text(m) : NULL;

		if (type)
			ret->kind = kind_of(type);
		ret->mutual |= is_mutual(o);
		copy_territory(ret->territory, territory);
		if (mime)
			ret->is_xml = strcmp(mime, MIME_XML) == 0;
	}
}

static int read_pointer(const xmlNode *p, struct list_pointer *ret)
{
	const xmlNode *all = xml_child(p, NS_TL, "ServiceDigitalIdentities");
	int r = 0;

	ret->location = list_text(p, "TSLLocation");
	ret->signers = sk_X509_new_null();
	if (!ret->signers)
		return -ENOMEM;
	for (const xmlNode *i = xml_child(all, NS_TL, "ServiceDigitalIdentity");
		i && r == 0; i = xml_next(i, NS_TL, "ServiceDigitalIdentity"))
		r = list_identities(i, ret->signers);
	read_additional(p, ret);
	return r < 0 ? r : ret->location ? 0 : -EINVAL;
}

static int read_pointers(
	const xmlNode *scheme, struct trusted_list *l, const char **ret_why)
{
	const xmlNode *all = xml_child(scheme, NS_TL, "PointersToOtherTSL");
	size_t n = xml_count(all, NS_TL, "OtherTSLPointer");
	int r = 0;

	if (n > LIST_POINTERS_MAX) {
		*ret_why = "there are too many pointers";
		return -EINVAL;
	}
	l->pointers = calloc(n + 1, sizeof(*l->pointers));
	if (!l->pointers)
		return -ENOMEM;
	for (const xmlNode *p = xml_child(all, NS_TL, "OtherTSLPointer"); p && r == 0;
		p = xml_next(p, NS_TL, "OtherTSLPointer"))
		r = read_pointer(p, &l->pointers[l->pointer_count++]);
	if (r == -EINVAL)
		*ret_why = "a pointer has no location";
	return r;
}

static int read_information(const xmlNode *scheme, struct trusted_list *l)
{
	const xmlNode *all = xml_child(scheme, NS_TL, "SchemeInformationURI");
	int r = 0;

	for (const xmlNode *u = xml_child(all, NS_TL, "URI"); u && r == 0;
		u = xml_next(u, NS_TL, "URI")) {
		char *text = xml_text(u);

		if (text)
			r = texts_add(&l->information, text, LIST_URIS_MAX);
	}
	return r;
}

static int read_scheme(
	const xmlNode *scheme, struct trusted_list *l, const char **ret_why)
{
	_cleanup_(freep) char *type = list_text(scheme, "TSLType");
	_cleanup_(freep) char *territory = list_text(scheme, "SchemeTerritory");
	int r;

	copy_territory(l->territory, territory);
	l->kind = kind_of(type);
	l->version = (int)number_of(scheme, "TSLVersionIdentifier");
	l->sequence = number_of(scheme, "TSLSequenceNumber");
	l->issued = list_time(scheme, "ListIssueDateTime");
	l->next_update = list_time(xml_child(scheme, NS_TL, "NextUpdate"), "dateTime");
	if (!*l->territory || l->version < 0 || l->sequence < 0) {
		*ret_why = "territory, version or sequence number are missing";
		return -EINVAL;
	}
	r = read_information(scheme, l);
	return r < 0 ? r : read_pointers(scheme, l, ret_why);
}

static void count_certificates(struct trusted_list *l)
{
	for (size_t i = 0; i < l->service_count; i++)
		l->certificates += (size_t)sk_X509_num(l->services[i].identities);
}

static int read_list(const xmlNode *root, struct trusted_list *l, const char **ret_why)
{
	const xmlNode *providers = xml_child(root, NS_TL, "TrustServiceProviderList");
	int r = read_scheme(xml_child(root, NS_TL, "SchemeInformation"), l, ret_why);

	if (r == 0)
		r = list_providers(providers, l, ret_why);
	if (r == 0)
		count_certificates(l);
	return r;
}

int trusted_list_parse(
	const xmlDoc *doc, struct trusted_list **ret_list, const char **ret_why)
{
	const xmlNode *root = xmlDocGetRootElement(doc);
	_cleanup_(trusted_list_freep) struct trusted_list *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	*ret_why = "it is no trusted list";
	if (!xml_is(root, NS_TL, "TrustServiceStatusList"))
		return -EINVAL;
	r = read_list(root, l, ret_why);
	if (r < 0)
		return r;
	*ret_list = TAKE(l);
	return 0;
}

int trusted_list_read(
	struct span octets, struct trusted_list **ret_list, const char **ret_why)
{
	_cleanup_findings_ struct findings refused = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	int r = xml_read(octets, XML_READ_EIDAS, &refused, &doc);

	*ret_why = "it cannot be read";
	if (r <= 0)
		return r < 0 ? r : -EINVAL;
	return trusted_list_parse(doc, ret_list, ret_why);
}

void trusted_list_free(struct trusted_list *l)
{
	if (!l)
		return;
	texts_done(&l->information);
	for (size_t i = 0; i < l->pointer_count; i++) {
		free(l->pointers[i].location);
		sk_X509_pop_free(l->pointers[i].signers, X509_free);
	}
	free(l->pointers);
	for (size_t i = 0; i < l->service_count; i++)
		list_service_done(&l->services[i]);
	free(l->services);
	free(l);
}

const struct list_pointer *trusted_list_own_pointer(const struct trusted_list *l)
{
	for (size_t i = 0; i < l->pointer_count; i++)
		if (l->pointers[i].kind == LIST_OF_LISTS && l->pointers[i].is_xml)
			return &l->pointers[i];
	return NULL;
}
