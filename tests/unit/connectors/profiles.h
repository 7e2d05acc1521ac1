/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A policies folder with destination profiles, made in a temporary folder for a test.
 */
#ifndef SEALGATE_TEST_PROFILES_H
#define SEALGATE_TEST_PROFILES_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char SOAP_PROFILE[] =
	"protocol = \"soap\"; url = \"https://127.0.0.1:1/ws\"; credentials = "
	"\"traces\";\n"
	"namespaces = ( { prefix = \"t\"; uri = \"urn:test:t\"; },\n"
	"  { prefix = \"s\"; uri = \"http://schemas.xmlsoap.org/soap/envelope/\"; },\n"
	"  { prefix = \"e\"; uri = \"http://ec.europa.eu/sanco/tracesnt/error/v01\"; } "
	");\n"
	"submit = { action = \"submit\"; template = \"submit.xml\";\n"
	"  id = \"string(//t:Ref)\"; status = \"string(//t:Status)\"; };\n"
	"find = { action = \"find\"; template = \"submit.xml\"; found = \"//t:Found = "
	"'true'\";\n"
	"  absent = \"//t:Found = 'false'\";\n"
	"  id = \"string(//t:Ref)\"; };\n"
	"permanent = \"boolean(//s:Fault/detail/*/e:Error)\";\n"
	"already = \"//e:Error/e:ID = 'DUPLICATE'\";\n";

static const char PUSH_PROFILE[] =
	"protocol = \"push\"; url = \"https://127.0.0.1:1/v1\"; information = "
	"\"advance\";\n"
	"submit = { id_member = \"acknowledgement\"; };\n";

static void put_file(const char *folder, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/routes/destinations/%s", folder, name);
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

/* The folder; free with free(). */
static char *make_policies(void)
{
	char template[] = "/tmp/sealgate-profiles-XXXXXX", path[512];
	char *folder = mkdtemp(template);

	if (!folder)
		abort();
	snprintf(path, sizeof(path), "%s/routes", folder);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/routes/destinations", folder);
	mkdir(path, 0755);
	return strdup(folder);
}

static void remove_policies(char *folder)
{
	char command[600];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (system(command) != 0)
		abort();
	free(folder);
}

#endif
