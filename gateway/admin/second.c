/* SPDX-License-Identifier: EUPL-1.2 */
#include "admin/admin.h"

#include "common/clock.h"

#include <stdio.h>
#include <string.h>

#define WAITING_MAX 32
#define WAITING_OF_ONE 2 /* so that nobody's requests take the places of the others' */
#define WAITING_MS (15 * 60 * 1000)

/* Who has asked for what and waits for another person; gone with the process. */
static struct waiting {
	char digest[SHA256_TEXT_SIZE]; /* of the command; "": free */
	char person[sizeof(((struct operator_person *)0)->name)];
	int64_t since;
} waiting[WAITING_MAX];

static struct waiting *find(const char *digest)
{
	int64_t now = clock_monotonic_ms();
	struct waiting *found = NULL;

	for (size_t i = 0; i < WAITING_MAX; i++) {
		if (now - waiting[i].since > WAITING_MS)
			waiting[i].digest[0] = '\0';
		if (strcmp(waiting[i].digest, digest) == 0)
			found = &waiting[i];
	}
	return found;
}

/* That of the person's oldest who has too many, else a free place, else that of who has
 * waited longest. */
static struct waiting *place(const char *person)
{
	struct waiting *oldest = &waiting[0], *vacant = NULL, *own = NULL;
	size_t count = 0;

	for (size_t i = 0; i < WAITING_MAX; i++) {
		struct waiting *w = &waiting[i];

		if (!w->digest[0]) {
			vacant = w;
			continue;
		}
		if (w->since < oldest->since)
			oldest = w;
		if (strcmp(w->person, person) != 0)
			continue;
		count++;
		if (!own || w->since < own->since)
			own = w;
	}
	if (count >= WAITING_OF_ONE)
		return own;
	return vacant ? vacant : oldest;
}

bool second_person(const char *digest, const char *person, char *ret_first, size_t size)
{
	struct waiting *w = find(digest);

	if (w && strcmp(w->person, person) != 0) {
		snprintf(ret_first, size, "%s", w->person);
		w->digest[0] = '\0';
		return true;
	}
	if (!w)
		w = place(person);
	snprintf(w->digest, sizeof(w->digest), "%s", digest);
	snprintf(w->person, sizeof(w->person), "%s", person);
	w->since = clock_monotonic_ms();
	return false;
}
