// SPDX-License-Identifier: Apache-2.0
/* Which packages a package needs. What leaves no choice is taken first, until nothing is left of
 * it; only then is one of several alternatives chosen, and only where none is in the set already:
 * so the result is small, and owes nothing to the order of the names. */
#include <string.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/memory.h"
#include "policy/dpkg_offer.h"
#include "policy/dpkg_relation.h"

struct closure {
	const struct dpkg *dpkg;
	bool *is_in; /* by package index */
	const struct dpkg_package **queue;
	size_t done, count; /* of the queue */
	struct strings *missing;
};

static const char *native(const struct dpkg *dpkg, const char *architecture)
{
	return strcmp(architecture, "all") == 0 ? dpkg->architecture : architecture;
}

/* Policy of multiarch: of the same machine type, unless either side says that any will do. */
static bool fits_architecture(const struct dpkg *dpkg, const struct dpkg_relation *relation,
			      const struct dpkg_package *asking, const struct dpkg_package *offered)
{
	const char *wanted = relation->architecture;

	if (strcmp(wanted, "any") == 0)
		return text_equal(offered->multi_arch, "allowed") ||
		       strcmp(native(dpkg, offered->architecture),
			      native(dpkg, asking->architecture)) == 0;
	if (!wanted[0] && text_equal(offered->multi_arch, "foreign"))
		return true;
	if (!wanted[0] || strcmp(wanted, "native") == 0)
		wanted = native(dpkg, asking->architecture);
	return strcmp(native(dpkg, offered->architecture), wanted) == 0;
}

/* The next offer of the list that satisfies, `offer` itself included. */
static const struct dpkg_offer *satisfying(const struct dpkg *dpkg,
					   const struct dpkg_relation *relation,
					   const struct dpkg_package *asking,
					   const struct dpkg_offer *offer)
{
	while (offer && !(fits_architecture(dpkg, relation, asking, offer->package) &&
			  dpkg_relation_takes(relation, offer->version)))
		offer = offer->next;
	return offer;
}

static void add_package(struct closure *closure, const struct dpkg_package *package)
{
	if (closure->is_in[package->index])
		return;
	closure->is_in[package->index] = true;
	closure->queue[closure->count++] = package;
}

/* What may stand for one group of alternatives, looked at up to its end. */
struct group {
	const struct dpkg_package *first; /* NULL: nothing that is installed */
	unsigned choices;
	bool is_satisfied;
};

static struct group read_group(const struct closure *closure, const struct dpkg_package *asking,
			       const char **cursor, struct dpkg_relation *relation)
{
	struct group group = { 0 };

	do {
		const struct dpkg_offer *offer =
			satisfying(closure->dpkg, relation, asking,
				   map_get(&closure->dpkg->offers, relation->name));

		for (; offer; offer = satisfying(closure->dpkg, relation, asking, offer->next)) {
			group.is_satisfied |= closure->is_in[offer->package->index];
			if (!group.first)
				group.first = offer->package;
			group.choices++;
		}
	} while (relation->has_alternative && dpkg_relation_next(cursor, relation));
	return group;
}

static void note_missing(struct closure *closure, const struct dpkg_package *asking,
			 const char *from, const char *to)
{
	auto_buf text = { 0 };

	from += strspn(from, " ,");
	buf_printf(&text, "%s needs %.*s", asking->name, (int)(to - from), from);
	if (!strings_contains(closure->missing, buf_text(&text)))
		strings_add(closure->missing, buf_text(&text));
}

/* True when a package was added; with `choose` only then for groups that leave a choice. */
static bool follow_field(struct closure *closure, const struct dpkg_package *asking,
			 const char *field, bool choose)
{
	const char *cursor = field ?: "";
	const char *from = cursor;
	struct dpkg_relation relation;
	bool added = false;

	while (dpkg_relation_next(&cursor, &relation)) {
		struct group group = read_group(closure, asking, &cursor, &relation);

		if (!group.first)
			note_missing(closure, asking, from, cursor);
		else if (!group.is_satisfied && (choose || group.choices == 1)) {
			add_package(closure, group.first);
			added = true;
		}
		from = cursor;
	}
	return added;
}

static void follow_all(struct closure *closure)
{
	while (closure->done < closure->count) {
		const struct dpkg_package *package = closure->queue[closure->done++];

		follow_field(closure, package, package->pre_depends, false);
		follow_field(closure, package, package->depends, false);
	}
}

/* One choice at a time, by the order of packages: it may settle others. */
static bool choose_one(struct closure *closure)
{
	for (size_t i = 0; i < closure->dpkg->count; i++) {
		const struct dpkg_package *package = closure->dpkg->package[i];

		if (closure->is_in[i] &&
		    (follow_field(closure, package, package->pre_depends, true) ||
		     follow_field(closure, package, package->depends, true)))
			return true;
	}
	return false;
}

const struct dpkg_package *dpkg_find(const struct dpkg *dpkg, const char *name)
{
	const char *colon = strchr(name, ':');
	const struct dpkg_package asking = { .architecture = "all" };
	struct dpkg_relation relation = { 0 };
	const struct dpkg_offer *offers;
	const struct dpkg_offer *offer;
	auto_buf plain = { 0 };

	buf_add(&plain, name, colon ? (size_t)(colon - name) : strlen(name));
	if (colon)
		snprintf(relation.architecture, sizeof(relation.architecture), "%s", colon + 1);
	offers = map_get(&dpkg->offers, buf_text(&plain));
	for (offer = offers; offer; offer = offer->next) /* its own machine type first */
		if (!colon &&
		    strcmp(native(dpkg, offer->package->architecture), dpkg->architecture) == 0)
			return offer->package;
	offer = satisfying(dpkg, &relation, &asking, offers);
	if (!offer && !colon)
		offer = offers;
	return offer ? offer->package : NULL;
}

static int add_names(struct closure *closure, const struct strings *names, struct err *err)
{
	strings_each(names, name) {
		const struct dpkg_package *package = dpkg_find(closure->dpkg, name);

		if (!package) {
			fail_plain(err, ENOENT, "package '%s' is not installed on this host", name);
			err_hint(err,
				 "dpkg -l '*%s*' lists what is; an image can have what the "
				 "host has not",
				 name);
			return -ENOENT;
		}
		add_package(closure, package);
	}
	return 0;
}

static void collect(const struct closure *closure, struct dpkg_set *set)
{
	set->package = memory_zeroed(closure->count + 1, sizeof(struct dpkg_package *));
	for (size_t i = 0; i < closure->dpkg->count; i++)
		if (closure->is_in[i])
			set->package[set->count++] = closure->dpkg->package[i];
	strings_sort(&set->missing);
}

int dpkg_closure(const struct dpkg *dpkg, const struct strings *names, bool without_essential,
		 struct dpkg_set *ret_set, struct err *err)
{
	auto_free bool *is_in = memory_zeroed(dpkg->count + 1, sizeof(bool));
	auto_free const struct dpkg_package **queue = memory_zeroed(dpkg->count + 1,
								    sizeof(struct dpkg_package *));
	struct dpkg_set set = { 0 };
	struct closure closure = {
		.dpkg = dpkg, .is_in = is_in, .queue = queue, .missing = &set.missing
	};
	int r = add_names(&closure, names, err);

	if (r < 0)
		return r;
	for (size_t i = 0; !without_essential && i < dpkg->count; i++)
		if (dpkg->package[i]->essential)
			add_package(&closure, dpkg->package[i]);
	do
		follow_all(&closure);
	while (choose_one(&closure));
	collect(&closure, &set);
	*ret_set = set;
	return 0;
}

void dpkg_set_done(struct dpkg_set *set)
{
	free(set->package);
	strings_done(&set->missing);
	*set = (struct dpkg_set){ 0 };
}
