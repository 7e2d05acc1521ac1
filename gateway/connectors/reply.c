/* SPDX-License-Identifier: EUPL-1.2 */
#include "connectors/reply.h"

#include "common/json.h"
#include "common/limits.h"
#include "xml/node.h"
#include "xml/reader.h"

#include <errno.h>
#include <libxml/xpathInternals.h>
#include <stdio.h>
#include <string.h>

#define SOAP "http://schemas.xmlsoap.org/soap/envelope/"
#define TRACES_MESSAGE "http://ec.europa.eu/sanco/tracesnt/message/v1"
#define TRACES_ERROR "http://ec.europa.eu/sanco/tracesnt/error/v01"
#define ERRORS_MAX 20
#define VALUE_MAX 500

static int set_text(json_t *reply, const char *key, const char *text)
{
	char value[VALUE_MAX + 1];

	if (!text || !*text)
		return 0;
	snprintf(value, sizeof(value), "%s", text);
	return json_object_set_new(reply, key, json_text(value));
}

static xmlXPathContext *context_of(const struct profile *p, xmlDoc *doc)
{
	xmlXPathContext *x = xmlXPathNewContext(doc);

	for (size_t i = 0; x && i < p->namespace_count; i++)
		xmlXPathRegisterNs(x, (const xmlChar *)p->namespaces[i].prefix,
			(const xmlChar *)p->namespaces[i].uri);
	if (x)
		x->opLimit = 200000; /* the reply is hostile, the expression is not */
	return x;
}

static void set_string(
	json_t *reply, const char *key, xmlXPathContext *x, xmlXPathCompExpr *expression)
{
	xmlXPathObject *o = expression ? xmlXPathCompiledEval(expression, x) : NULL;
	xmlChar *text = o ? xmlXPathCastToString(o) : NULL;

	set_text(reply, key, (const char *)text);
	xmlFree(text);
	xmlXPathFreeObject(o);
}

/* Return: 1 true, 0 false or no expression, -1 it cannot be evaluated. */
static int truth(xmlXPathContext *x, xmlXPathCompExpr *expression)
{
	return expression ? xmlXPathCompiledEvalToBoolean(expression, x) : 0;
}

static void set_child_text(
	json_t *reply, const char *key, const xmlNode *parent, const char *name)
{
	_cleanup_(freep) char *text = xml_text(xml_child(parent, NULL, name));

	set_text(reply, key, text);
}

static void add_error(json_t *errors, const xmlNode *e)
{
	_cleanup_(freep) char *id = xml_text(xml_child(e, TRACES_ERROR, "ID"));
	_cleanup_(freep) char *message = xml_text(xml_child(e, TRACES_ERROR, "Message"));
	char line[VALUE_MAX + 1];

	snprintf(line, sizeof(line), "%.100s: %.380s", id ? id : "?",
		message ? message : "");
	json_array_append_new(errors, json_text(line));
}

/* Errors of a business fault stand one level below an element of the detail. */
static void set_errors(json_t *reply, const xmlNode *fault)
{
	json_t *errors = json_array();

	for (xmlNode *d = xml_child(xml_child(fault, NULL, "detail"), NULL, NULL); d;
		d = xml_next(d, NULL, NULL))
		for (xmlNode *e = xml_child(d, TRACES_ERROR, "Error");
			e && json_array_size(errors) < ERRORS_MAX;
			e = xml_next(e, TRACES_ERROR, "Error"))
			add_error(errors, e);
	json_object_set_new(reply, "errors", errors);
}

/* Return: false when the profile's expressions fail on it. */
static bool read_fault(
	const struct profile *p, xmlXPathContext *x, const xmlNode *fault, json_t *reply)
{
	int already = truth(x, p->already), permanent = truth(x, p->permanent);

	if (already < 0 || permanent < 0)
		return false;
	set_text(reply, "kind", "fault");
	set_child_text(reply, "fault_code", fault, "faultcode");
	set_child_text(reply, "fault_text", fault, "faultstring");
	set_errors(reply, fault);
	json_object_set_new(reply, "already", json_boolean(already));
	json_object_set_new(reply, "permanent", json_boolean(permanent));
	return true;
}

/* Neither, or both, is no decision yet. Return: false when an expression fails. */
static bool read_decision(const struct profile *p, xmlXPathContext *x, json_t *reply)
{
	int good = truth(x, p->decision.favourable),
	    bad = truth(x, p->decision.unfavourable);

	if (good < 0 || bad < 0)
		return false;
	if (good != bad)
		set_text(reply, "decision", good ? "favourable" : "unfavourable");
	return true;
}

/* Neither there nor absent, or both: nothing is said about it.
 * Return: false when the profile's expressions fail on it. */
static bool read_values(const struct profile *p, xmlXPathContext *x, json_t *reply)
{
	int found = truth(x, p->find.found), absent = truth(x, p->find.absent);

	if (found < 0 || absent < 0)
		return false;
	set_text(reply, "kind", "ok");
	set_string(reply, "id", x, p->submit.id);
	set_string(reply, "status", x, p->submit.status);
	if (found == absent)
		return true;
	json_object_set_new(reply, "found", json_boolean(found));
	if (found) {
		set_string(reply, "id", x, p->find.id);
		set_string(reply, "status", x, p->find.status);
	}
	return !found || read_decision(p, x, reply);
}

static void read_request_id(const xmlNode *header, json_t *reply)
{
	_cleanup_(freep) char *id = NULL;
	const xmlNode *message = xml_child(header, TRACES_MESSAGE, "Message");

	for (const xmlNode *n = xml_child(message, NULL, NULL); n && !id;
		n = xml_next(n, NULL, NULL))
		if (strcmp((const char *)n->name, "WS_REQUEST_ID") == 0)
			id = xml_text(n);
	if (!id)
		id = xml_text(message);
	set_text(reply, "request_id", id);
}

static int read_soap(const struct profile *p, struct span octets, json_t *reply)
{
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	const xmlNode *envelope, *body, *fault;
	xmlXPathContext *x;
	int r = xml_read(octets, XML_READ_EIDAS, &findings, &doc);

	if (r <= 0)
		return r;
	envelope = xmlDocGetRootElement(doc);
	body = xml_child(envelope, SOAP, "Body");
	if (!xml_is(envelope, SOAP, "Envelope") || !body)
		return 0;
	x = context_of(p, doc);
	if (!x)
		return -ENOMEM;
	read_request_id(xml_child(envelope, SOAP, "Header"), reply);
	fault = xml_child(body, SOAP, "Fault");
	if (fault ? !read_fault(p, x, fault, reply) : !read_values(p, x, reply))
		set_text(reply, "kind", "unreadable");
	xmlXPathFreeContext(x);
	return 0;
}

static int read_push(const struct profile *p, struct span octets, json_t *reply)
{
	_cleanup_json_ json_t *answer = json_read(octets, LIMIT_REPLY);
	const char *id = answer ? json_string_of(answer, p->submit.id_text) : NULL;

	if (!answer)
		return 0;
	set_text(reply, "kind", id ? "ok" : "fault");
	if (!id) {
		set_text(reply, "fault_code", json_string_of(answer, "code"));
		set_text(reply, "fault_text", json_string_of(answer, "title"));
		return 0;
	}
	set_text(reply, "id", id);
	set_text(reply, "status", json_string_of(answer, "status"));
	return 0;
}

int reply_read(const struct profiles *profiles, const char *destination,
	struct span octets, json_t **ret_reply)
{
	const struct profile *p = profile_find(profiles, destination);
	_cleanup_json_ json_t *reply = json_pack("{s:s}", "kind", "unreadable");
	int r;

	if (!p || octets.len > LIMIT_REPLY)
		return -EINVAL;
	if (!reply)
		return -ENOMEM;
	r = p->protocol == PROFILE_SOAP ? read_soap(p, octets, reply)
					: read_push(p, octets, reply);
	if (r == 0)
		*ret_reply = TAKE(reply);
	return r;
}
