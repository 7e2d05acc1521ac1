/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/snapshot.h"

#include "common/clock.h"
#include "common/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LOOK_EVERY_MS 1000

/* FNV-1a over what tells two versions of a file apart. */
static uint64_t stamp_file(const char *path)
{
	struct stat st;
	uint64_t parts[5], hash = 14695981039346656037u;

	if (stat(path, &st) < 0)
		return 0;
	parts[0] = (uint64_t)st.st_ino;
	parts[1] = (uint64_t)st.st_size;
	parts[2] = (uint64_t)st.st_mtim.tv_sec;
	parts[3] = (uint64_t)st.st_mtim.tv_nsec;
	parts[4] = (uint64_t)st.st_ctim.tv_nsec;
	for (size_t i = 0; i < 5; i++)
		hash = (hash ^ parts[i]) * 1099511628211u;
	return hash;
}

static uint64_t stamp_files(const struct snapshots *s)
{
	uint64_t parts[4] = { policy_stamp(s->policies), stamp_file(s->authorities),
		policy_stamp(s->revocation), /* any tree of files will do */
		stamp_file(s->customs) };

	return ((parts[0] * 31 + parts[1]) * 31 + parts[2]) * 31 + parts[3];
}

static void snapshot_free(struct snapshot *snapshot)
{
	if (!snapshot)
		return;
	policy_free(snapshot->policy);
	public_part_done(&snapshot->public);
	messages_free(snapshot->messages);
	pki_material_free(snapshot->transport);
	pki_material_free(snapshot->customs);
	known_done(&snapshot->known);
	free(snapshot);
}

static bool self_issued(X509 *x)
{
	return X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0;
}

/* As nginx does: of the file's certificates the self-issued ones are anchors, the others
 * may only stand on the way to one. */
static int split_authorities(struct pki_material *m)
{
	for (int i = 0; i < sk_X509_num(m->certificates); i++) {
		X509 *x = sk_X509_value(m->certificates, i);

		if (!self_issued(x))
			continue;
		if (!X509_up_ref(x) || !sk_X509_push(m->anchors, x))
			return -ENOMEM;
	}
	return sk_X509_num(m->anchors) > 0 ? 0 : -EINVAL;
}

static int load_transport(const struct snapshots *s, const char *authorities,
	struct pki_material **ret, char **ret_error)
{
	_cleanup_(pki_material_freep) struct pki_material *m = pki_material_new();
	int r;

	if (!m)
		return -ENOMEM;
	r = pki_material_load(m, PKI_CERTIFICATES, authorities, ret_error);
	if (r < 0)
		return r;
	r = split_authorities(m);
	if (r < 0) {
		if (asprintf(ret_error, "%s: holds no self-issued authority",
			    authorities) < 0)
			*ret_error = NULL;
		return r;
	}
	/* What is there and cannot be looked at is no reason to do without it. */
	if (access(s->revocation, F_OK) == 0 || errno != ENOENT) {
		r = pki_material_load(m, PKI_REVOCATION, s->revocation, ret_error);
		if (r < 0)
			return r;
	}
	*ret = TAKE(m);
	return 0;
}

/* Without it partners miss a convenience, and nothing else is otherwise. */
static void load_public(const struct snapshots *s, struct snapshot *n)
{
	_cleanup_(freep) char *error = NULL;
	int r = public_part_load(
		&n->public, s->policies, policy_digest(n->policy), &error);

	if (r < 0)
		log_event(LOG_ERR, "intake.policy-public", NULL,
			"partners cannot fetch the policy: %s",
			error ? error : strerror(-r));
}

static void load_messages(const struct snapshots *s, struct snapshot *n)
{
	_cleanup_(freep) char *error = NULL;
	int r = messages_load(s->policies, &n->messages, &error);

	if (r < 0)
		log_event(LOG_ERR, "intake.messages", NULL,
			"partners are answered in English alone: %s",
			error ? error : strerror(-r));
}

static int snapshot_load(struct snapshots *s, struct snapshot **ret, char **ret_error)
{
	struct snapshot *n = calloc(1, sizeof(*n));
	int r;

	*ret_error = NULL;
	if (!n)
		return -ENOMEM;
	atomic_init(&n->holders, 1);
	known_init(&n->known);
	s->fault = "intake.policy-unreadable";
	r = policy_load(s->policies, &n->policy, ret_error);
	if (r >= 0) {
		load_public(s, n);
		load_messages(s, n);
		s->fault = "intake.authorities";
		r = load_transport(s, s->authorities, &n->transport, ret_error);
	}
	if (r >= 0 && *s->customs && access(s->customs, F_OK) == 0) {
		r = load_transport(s, s->customs, &n->customs, ret_error);
	}
	if (r < 0) {
		snapshot_free(n);
		return r;
	}
	*ret = n;
	return 0;
}

int snapshots_init(struct snapshots *s, const struct instance *instance, char **ret_error)
{
	int r;

	*ret_error = NULL;
	*s = (struct snapshots){ .lock = PTHREAD_MUTEX_INITIALIZER,
		.fault = "intake.policy-unreadable" };
	r = instance_path(instance, "policies", s->policies);
	if (r == 0)
		r = instance_path(instance,
			config_string(instance->config, "tls.partner_ca"),
			s->authorities);
	if (r == 0)
		r = instance_path(instance,
			config_string(instance->config, "tls.customs_ca"), s->customs);
	if (r == 0)
		r = instance_path(instance, "state/trust/revocation", s->revocation);
	if (r < 0)
		return r;
	s->checked_ms = clock_monotonic_ms();
	s->stamp = stamp_files(s);
	return snapshot_load(s, &s->now, ret_error);
}

/* Read the files again when they changed; the lock is held. */
static void look(struct snapshots *s)
{
	_cleanup_(freep) char *error = NULL;
	uint64_t stamp = stamp_files(s);
	struct snapshot *next;
	int r;

	s->checked_ms = clock_monotonic_ms();
	if (stamp == s->stamp)
		return;
	s->stamp = stamp; /* a version that cannot be read is reported once */
	r = snapshot_load(s, &next, &error);
	if (r < 0) {
		log_event(LOG_ERR, s->fault, NULL,
			"what was before it stays in force: %s",
			error ? error : strerror(-r));
		return;
	}
	log_event(LOG_NOTICE, "intake.policy", NULL, "policy %s is in force",
		policy_digest(next->policy));
	snapshot_drop(s->now);
	s->now = next;
}

struct snapshot *snapshots_hold(struct snapshots *s, bool fresh)
{
	struct snapshot *held;

	pthread_mutex_lock(&s->lock);
	if (fresh || clock_monotonic_ms() - s->checked_ms >= LOOK_EVERY_MS)
		look(s);
	held = s->now;
	atomic_fetch_add(&held->holders, 1);
	pthread_mutex_unlock(&s->lock);
	return held;
}

void snapshot_drop(struct snapshot *snapshot)
{
	if (snapshot && atomic_fetch_sub(&snapshot->holders, 1) == 1)
		snapshot_free(snapshot);
}

void snapshots_done(struct snapshots *s)
{
	snapshot_drop(s->now);
	s->now = NULL;
	pthread_mutex_destroy(&s->lock);
}
