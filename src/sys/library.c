// SPDX-License-Identifier: Apache-2.0
#include "sys/library.h"

#include <dlfcn.h>
#include <string.h>

#include "base/banned.h"

static int find_all(const struct library *library, void *handle, struct err *err)
{
	for (size_t i = 0; i < library->symbol_count; i++) {
		const struct library_symbol *symbol = &library->symbol[i];
		void *found = dlsym(handle, symbol->name);

		if (!found)
			return fail_plain(err, ELIBACC, "%s has no %s", library->name,
					  symbol->name);
		memcpy(symbol->slot, &found, sizeof(found));
	}
	return 0;
}

/* Called with the lock. */
static int load(struct library *library, struct err *err)
{
	void *handle = dlopen(library->name, RTLD_NOW | RTLD_LOCAL);
	int r;

	if (!handle)
		return fail_plain(err, ELIBACC, "load a library: %s", dlerror());
	r = find_all(library, handle, err);
	if (r < 0) {
		dlclose(handle);
		return r;
	}
	if (library->ready)
		library->ready();
	library->is_loaded = true;
	return 0;
}

int library_load(struct library *library, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&library->lock);
	if (!library->is_loaded)
		r = load(library, err);
	pthread_mutex_unlock(&library->lock);
	return r;
}
