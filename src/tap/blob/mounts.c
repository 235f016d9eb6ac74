// SPDX-License-Identifier: Apache-2.0
/* What is mounted under the tap, or entered by it, may be an overlay whose lower layers are younger
 * than the session: then any file may change its identity when it is written to (lies_settle). And
 * what was writable may be so no longer (owner.c). */
#include "sys/file_system.h"
#include "tap/blob/blob.h"
#include "tap/blob/handlers.h"
#include "tap/blob/memory.h"

#define TYPE_ROOM 64

static long unless_refused(long r)
{
	if (r >= 0)
		lies_settle(&tap.lies, LIES_UNSETTLED);
	return r;
}

long on_remount(struct tap_call *call)
{
	long r = pass(call);

	if (r >= 0)
		lies_note_remount(&tap.lies);
	return r;
}

static long with_type(struct tap_call *call, long type_address)
{
	char type[TYPE_ROOM];

	if (type_address &&
	    memory_read_string(type, (const char *)type_address, sizeof(type), 1) >= 0 &&
	    file_system_copies_up(type))
		return unless_refused(on_remount(call));
	return on_remount(call);
}

long on_mount(struct tap_call *call)
{
	return with_type(call, call->arg[2]);
}

long on_fsopen(struct tap_call *call)
{
	return with_type(call, call->arg[0]);
}

long on_setns(struct tap_call *call)
{
	return unless_refused(pass(call));
}
