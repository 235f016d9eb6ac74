/* SPDX-License-Identifier: Apache-2.0 */
/* rootlet rmi: names go, then what nothing else leads to. */
#ifndef FLOW_RMI_H
#define FLOW_RMI_H

#include "store/image.h"

struct rmi_request {
	const struct store *store;
	bool force; /* also an id with several names */
	/* What docker prints: a name that went, an image (its id) that went with its last name. */
	void (*untagged)(void *context, const struct ref *ref);
	void (*deleted)(void *context, const struct digest *id);
	void *context;
};

/* `text` is a name or an id. A name goes even if the image has others. An id goes with all its
 * names, -EBUSY when there are several and force is not set. Blobs and layers that neither another
 * name nor the build cache leads to are deleted, unless another process is at work in the store:
 * then they stay for gc. */
int rmi_run(const struct rmi_request *request, const char *text, struct err *err) must_check;

#endif
