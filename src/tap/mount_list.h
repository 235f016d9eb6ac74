/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/mounts and mountinfo as the map has it, for the tap and for a tracer. */
#ifndef TAP_MOUNT_LIST_H
#define TAP_MOUNT_LIST_H

#include "tap/session_page.h"

struct tap_mount_list {
	const struct pathmap *map;
	const char *root; /* the process's: what is not below it is not listed */
	bool is_info;	  /* mountinfo */
	void (*add)(void *context, const char *text, size_t length);
	/* major << 32 | minor of the device that a host path is on */
	uint64_t (*device_of)(const char *host);
	void *context;
};

/* Is this path of the guest's (the name in /proc/PID) such a list? */
bool tap_mount_list_is(const char *guest, bool *ret_is_info);
void tap_mount_list_print(const struct tap_mount_list *list);

#endif
