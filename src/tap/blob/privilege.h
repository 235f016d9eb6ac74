/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that only root may make: in its user namespace, or as the user who owns it, the kernel lets
 * everybody of a session make them, also who has given up being root. */
#ifndef TAP_BLOB_PRIVILEGE_H
#define TAP_BLOB_PRIVILEGE_H

#include "tap/blob/blob.h"
#include "tap/table.h"

/* Does the call ask for the capability that its row names, while the process lacks it? Only of rows
 * that name one (struct tap_trap, needs). */
bool privilege_is_missing(const struct tap_row *row, const struct tap_call *call);

#endif
