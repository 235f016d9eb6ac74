/* SPDX-License-Identifier: Apache-2.0 */
/* What the program was refused for want of a privilege is told to whoever started the session
 * (tap_session_refusal): a command that fails then says little, and often something else. */
#ifndef TAP_BLOB_REFUSED_H
#define TAP_BLOB_REFUSED_H

#include "tap/table.h"

/* The call came to `error`, -EPERM or -EACCES. Only some of those are about privileges. */
void refused_note(const struct tap_row *row, long nr, long error);

#endif
