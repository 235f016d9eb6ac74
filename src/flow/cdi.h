/* SPDX-License-Identifier: Apache-2.0 */
/* Devices by name: what the files of the Container Device Interface say that a process must see to
 * use one. They are YAML or JSON, in folders of which a later one overrides an earlier; installed
 * by whoever installed the device. Source: github.com/cncf-tags/container-device-interface,
 * SPEC.md; names as in the Dockerfile reference, "RUN --device". */
#ifndef FLOW_CDI_H
#define FLOW_CDI_H

#include <stdbool.h>

#include "base/strings.h"
#include "box/box.h"

/* What to give for a name:
 *     VENDOR/CLASS=DEVICE	that one
 *     VENDOR/CLASS=*		all of the class
 *     VENDOR/CLASS		the first
 *     NAME			those with the annotation org.mobyproject.buildkit.device.class NAME
 * Adds variables, nodes and mounts to the box, whose arena keeps them; box may be NULL. `folders`:
 * where to look, in that order; none: /etc/cdi, /var/run/cdi.
 * 1: there is such a device; 0: there is none. -ENOTSUP: it needs what cannot be given (programs to
 * be run on the host, network devices); -EINVAL names the line of a file that makes no sense. */
int cdi_add(const struct strings *folders, const char *name, struct box *box,
	    struct err *err) must_check;

#endif
