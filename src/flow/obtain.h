/* SPDX-License-Identifier: Apache-2.0 */
/* An image to make something from: the store's, else pulled from where its name leads. */
#ifndef FLOW_OBTAIN_H
#define FLOW_OBTAIN_H

#include <stdbool.h>

#include "base/progress.h"
#include "remote/remote.h"
#include "store/image.h"

struct obtain_request {
	const char *name;		 /* as the user typed it; short names are looked up */
	const struct platform *platform; /* NULL: this machine's */
	bool refresh;			 /* pull also what the store has, unless it is an id */
	struct remote_settings remote;
	struct progress *progress; /* may be NULL */
	/* Called before the registry is asked; may be NULL. */
	void (*pulling)(void *context, const char *name);
	void *context;
};

/* The image, every layer of it unpacked. environ_list: as for remote_init. */
int obtain_image(const struct store *store, const struct obtain_request *request,
		 char *const *environ_list, struct image *ret_image, struct err *err) must_check;

#endif
