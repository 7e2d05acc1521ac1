/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/finder.h"

static X509 *at(const STACK_OF(X509) * list, size_t i)
{
	return sk_X509_value(list, (int)i);
}

static int by_subject(const X509 *const *a, const X509 *const *b)
{
	return X509_NAME_cmp(X509_get_subject_name(*a), X509_get_subject_name(*b));
}

void pki_finder_sort(STACK_OF(X509) * list, size_t *ret_sorted)
{
	sk_X509_set_cmp_func(list, by_subject);
	sk_X509_sort(list);
	*ret_sorted = (size_t)sk_X509_num(list);
}

/* The first of the sorted ones that does not come before the subject. */
static size_t lower_bound(const struct pki_finder *f)
{
	size_t low = 0, high = f->sorted;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const X509_NAME *name = X509_get_subject_name(at(f->list, middle));

		if (X509_NAME_cmp(name, f->subject) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void pki_finder_begin(struct pki_finder *f, const STACK_OF(X509) * list, size_t sorted,
	const X509_NAME *subject)
{
	*f = (struct pki_finder){ .list = list, .sorted = sorted, .subject = subject };
	f->next = lower_bound(f);
}

X509 *pki_finder_next(struct pki_finder *f)
{
	size_t count = (size_t)sk_X509_num(f->list);

	while (f->next < count) {
		size_t i = f->next++;
		X509 *x = at(f->list, i);

		if (X509_NAME_cmp(X509_get_subject_name(x), f->subject) == 0)
			return x;
		if (i < f->sorted)
			f->next = f->sorted;
	}
	return NULL;
}

bool pki_finder_has(const STACK_OF(X509) * list, size_t sorted, X509 *x)
{
	struct pki_finder f;
	X509 *found;

	pki_finder_begin(&f, list, sorted, X509_get_subject_name(x));
	while ((found = pki_finder_next(&f)))
		if (found == x || X509_cmp(found, x) == 0)
			return true;
	return false;
}
