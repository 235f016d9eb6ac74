// SPDX-License-Identifier: Apache-2.0
/* Which engine runs this box: the cheapest that can, or the one asked for. */
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"
#include "engine/engine.h"
#include "engine/ptrace.h"
#include "engine/root.h"
#include "engine/subid.h"
#include "engine/tap.h"
#include "engine/userns.h"

const struct engine *const engines[] = { &engine_userns, &engine_subid,	 &engine_root,
					 &engine_tap,	 &engine_ptrace, NULL };

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

static void note(struct buf *why, const struct engine *engine, const char *verdict,
		 struct err *said)
{
	if (why)
		buf_printf(why, "%s: %s\n", engine->name, verdict);
	if (why && said->hint[0])
		buf_printf(why, "  hint: %s\n", said->hint);
	err_clear(said);
}

static bool is_automatic(const char *wanted)
{
	return !wanted || !*wanted || strcmp(wanted, "auto") == 0;
}

bool engine_is_automatic(const char *name)
{
	return is_automatic(name ?: getenv("ROOTLET_ENGINE"));
}

/* The one asked for: obeyed, or refused with what is in its way. Nothing stands behind the first
 * engine, so there running is the probe, and saves one. */
static int use_named(const char *name, const struct box *box, const struct engine **ret_engine,
		     struct err *err)
{
	const struct engine *engine = NULL;
	auto_host host = { 0 };
	int r = find_by_name(name, &engine, err);

	if (r == 0 && engine != engines[0]) {
		host_init(&host, NULL);
		r = engine->probe(&host, box, err);
		if (r < 0)
			return err_wrap(err, "engine '%s' cannot run this", name);
	}
	if (r == 0)
		*ret_engine = engine;
	return r;
}

static int use_cheapest(const struct box *box, const struct engine **ret_engine,
			struct buf *ret_why, struct err *err)
{
	auto_host host = { 0 };

	host_init(&host, NULL);
	for (size_t i = 0; engines[i]; i++) {
		if (engines[i]->probe(&host, box, err) == 0) {
			note(ret_why, engines[i], "chosen: the cheapest engine that can run this",
			     err);
			*ret_engine = engines[i];
			return 0;
		}
		note(ret_why, engines[i], err->text, err);
	}
	fail_plain(err, ENOTSUP, "no engine can run this");
	err_hint(err, "rootlet doctor says what each of them needs");
	return -ENOTSUP;
}

int engine_choose(const char *name, const struct box *box, const struct engine **ret_engine,
		  struct buf *ret_why, struct err *err)
{
	const char *wanted = name ?: getenv("ROOTLET_ENGINE");
	int r;

	if (is_automatic(wanted)) {
		if (ret_why)
			return use_cheapest(box, ret_engine, ret_why, err);
		*ret_engine = engines[0]; /* with nothing to tell, running is the probe */
		return 0;
	}
	r = use_named(wanted, box, ret_engine, err);
	if (r == 0)
		note(ret_why, *ret_engine,
		     name ? "chosen because it was asked for"
			  : "chosen because ROOTLET_ENGINE asks for it",
		     err);
	return r;
}
