/* SPDX-License-Identifier: Apache-2.0 */
/* The fields that relate packages: "libc6 (>= 2.34), gcc | c-compiler, python3:any". */
#ifndef POLICY_DPKG_RELATION_H
#define POLICY_DPKG_RELATION_H

#include <stdbool.h>
#include <stddef.h>

#define DPKG_NAME_MAX 256

/* One package of a field; the texts are copies. */
struct dpkg_relation {
	char name[DPKG_NAME_MAX];
	char architecture[64]; /* "" unless written after ':' */
	char comparison[3];    /* "<<" "<=" "=" ">=" ">>", "" without a version */
	char version[DPKG_NAME_MAX];
	bool has_alternative; /* '|' follows */
};

/* Read one and move *cursor behind it; false at the end of the field. What is no relation at all is
 * skipped. */
bool dpkg_relation_next(const char **cursor, struct dpkg_relation *ret_relation);

/* Is `version` one that the relation takes? NULL, of a name provided without one, only where no
 * version is asked for. */
bool dpkg_relation_takes(const struct dpkg_relation *relation, const char *version);

#endif
