/* SPDX-License-Identifier: Apache-2.0 */
/* Giving a file that is complete the name that says what is in it. */
#ifndef STORE_PUBLISH_H
#define STORE_PUBLISH_H

#include "store/store.h"

/* The file `work_name` becomes `name`, both below the store; work_name is gone afterwards. If one
 * with the same bytes is there, that one stays, and is marked (store_mark): others may be reading
 * it, and to replace a file that is open is not done at once everywhere (sys/settled.h). One with
 * other bytes is replaced. 0 or -errno. */
int publish_file(const struct store *store, const char *work_name, const char *name) must_check;

#endif
