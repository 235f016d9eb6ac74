/* SPDX-License-Identifier: Apache-2.0 */
/* Who answers to the name of a package: the file's readers share it, nobody else. */
#ifndef POLICY_DPKG_OFFER_H
#define POLICY_DPKG_OFFER_H

#include "policy/dpkg.h"

struct dpkg_offer {
	const struct dpkg_package *package;
	const char *version; /* NULL: provided without one */
	bool is_real;	     /* the package's own name */
	struct dpkg_offer *next;
};

#endif
