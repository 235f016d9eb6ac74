// SPDX-License-Identifier: Apache-2.0
/* Which engine runs this box: the cheapest that can, or the one asked for. */
#include <string.h>

#include "base/banned.h"
#include "engine/engine.h"
#include "engine/userns.h"

const struct engine *const engines[] = { &engine_userns, NULL };

static int find_by_name(const char *name, const struct engine **ret_engine, struct err *err)
{
	auto_buf names = { 0 };

	for (size_t i = 0; engines[i]; i++) {
		if (strcmp(engines[i]->name, name) == 0) {
			*ret_engine = engines[i];
			return 0;
		}
		buf_printf(&names, "%s%s", i ? ", " : "", engines[i]->name);
	}
	fail_plain(err, ENOTSUP, "engine '%s' is not available", name);
	err_hint(err, "available: %s", buf_text(&names));
	return -ENOTSUP;
}

static void note(struct buf *why, const struct engine *engine, const char *verdict)
{
	if (why)
		buf_printf(why, "%s: %s\n", engine->name, verdict);
}

int engine_choose(const char *name, const struct box *box, const struct engine **ret_engine,
		  struct buf *ret_why, struct err *err)
{
	bool automatic = !name || strcmp(name, "auto") == 0;
	auto_host host = { 0 };
	int r;

	if (!automatic) {
		r = find_by_name(name, ret_engine, err);
		if (r == 0)
			note(ret_why, *ret_engine, "chosen because it was asked for");
		return r;
	}
	/* With nothing to tell and nothing to fall back to, running is the probe. */
	if (!ret_why && !engines[1]) {
		*ret_engine = engines[0];
		return 0;
	}
	host_init(&host, NULL);
	for (size_t i = 0; engines[i]; i++) {
		r = engines[i]->probe(&host, box, err);
		if (r == 0) {
			note(ret_why, engines[i], "chosen: the cheapest engine that can run this");
			*ret_engine = engines[i];
			return 0;
		}
		note(ret_why, engines[i], err->text);
	}
	return err_wrap(err, "no engine can run this");
}
