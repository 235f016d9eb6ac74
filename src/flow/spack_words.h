/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody asks Spack for: which of the words is its command, where that has to run, and what
 * to fetch before it. Pure. */
#ifndef FLOW_SPACK_WORDS_H
#define FLOW_SPACK_WORDS_H

#include "base/strings.h"

enum spack_place {
	SPACK_INSIDE,	    /* without network */
	SPACK_WITH_NETWORK, /* inside, and it fetches */
	SPACK_FETCH_FIRST,  /* inside without network, after fetching with */
	SPACK_ON_HOST,	    /* its editor, settings and output are the host's */
};

struct spack_words {
	size_t command; /* index of the command's name; the number of words when there is none */
	enum spack_place place;
	bool has_specs;	 /* SPACK_FETCH_FIRST: says what, beside an active Spack environment */
	bool configures; /* writes Spack's site settings */
	bool publishes;	 /* writes mirrors */
};

/* `words` are those after "spack". */
void spack_words_parse(const struct strings *words, struct spack_words *ret_words);

/* What goes before the command: Spack's own options. */
void spack_words_options(const struct strings *words, const struct spack_words *parsed,
			 struct strings *ret_options);
/* The `fetch` that goes before an `install`: specs, and options that both know. */
void spack_words_fetch(const struct strings *words, const struct spack_words *parsed,
		       struct strings *ret_fetch);

#endif
