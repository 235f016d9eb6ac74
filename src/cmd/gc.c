// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/banned.h"
#include "base/log.h"
#include "base/number.h"
#include "cmd/age.h"
#include "cmd/housekeeping.h"
#include "flow/gc.h"

struct gc_command {
	struct common common;
	int64_t unused_s;
	uint64_t keep_bytes;
	bool dry_run;
	bool dedup;
};

#define GC(field) offsetof(struct gc_command, field)

static int on_until(void *request, const char *name, const char *value, struct err *err)
{
	struct gc_command *gc = request;

	return age_parse(name, value, &gc->unused_s, err);
}

static const struct opt gc_opts[] = {
	{ OPT_CALL, 0, "until", 0, "AGE",
	  "also what builds keep and none used for AGE: 90m, 24h, 7d", on_until },
	{ OPT_CALL, 0, "older-than", 0, "AGE", "the same as --until", on_until },
	{ OPT_SIZE, 0, "keep-storage", GC(keep_bytes), "SIZE",
	  "also what builds keep, used longest ago first, until the store takes no more than SIZE",
	  NULL },
	{ OPT_FLAG, 0, "dedup", GC(dedup), NULL,
	  "let equal files of all layers share their blocks on disk", NULL },
	{ OPT_FLAG, 'n', "dry-run", GC(dry_run), NULL, "only say what would go", NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

static void print_removed(void *context, enum gc_kind kind, const char *name, uint64_t bytes)
{
	static const char *const names[] = { [GC_LAYER] = "layer",
					     [GC_BLOB] = "blob",
					     [GC_ROOT] = "merged root",
					     [GC_RECORD] = "record" };
	char size[16];

	(void)context;
	printf("Deleted: %s %s (%s)\n", names[kind], name, number_format_size(bytes, size));
}

static void print_entry(void *context, const struct cache_entry *entry)
{
	char size[16];

	(void)context;
	printf("Deleted: cache %s %.12s (%s) %s\n", entry->kind == CACHE_STEP ? "step" : "mount",
	       entry->id, number_format_size(entry->size_bytes, size), entry->text);
}

static void tell(const struct gc_request *request, const struct gc_result *result)
{
	char size[16];
	char limit[16];

	if (result->busy_count)
		log_info("%zu that nothing leads to are left alone: other commands are at work",
			 result->busy_count);
	log_info("%s %s", request->dry_run ? "this would free" : "freed",
		 number_format_size(result->freed_bytes, size));
	if (request->dedup)
		log_info("%s of %llu files%s", number_format_size(result->dedup.shared_bytes, size),
			 (unsigned long long)result->dedup.files,
			 request->dry_run ? " could be shared" : ", now shared with others");
	if (!request->dry_run && request->keep_bytes && result->left_bytes > request->keep_bytes)
		log_warning("the store takes %s, more than %s: the rest is images, or in use",
			    number_format_size(result->left_bytes, size),
			    number_format_size(request->keep_bytes, limit));
}

static int gc_main(const struct command *command, const struct common *common, int argc,
		   char **argv)
{
	struct gc_command gc = { .common = *common, .unused_s = GC_KEEPS_CACHE };
	auto_store store = STORE_NONE;
	struct gc_request request = { .store = &store,
				      .removed = print_removed,
				      .removed_entry = print_entry };
	struct gc_result result;
	struct err err = { 0 };
	int operand;
	int r = opt_parse(command, argc, argv, &gc, &operand, &err);

	if (r > 0)
		return 0;
	if (r == 0 && operand < argc)
		r = fail_plain(&err, EINVAL, "'%s': no operand is taken", argv[operand]);
	if (r == 0)
		r = store_open(gc.common.store, &store, &err);
	request.unused_s = gc.unused_s;
	request.keep_bytes = gc.keep_bytes;
	request.dry_run = gc.dry_run;
	request.dedup = gc.dedup;
	if (r == 0)
		r = gc_run(&request, &result, &err);
	if (r == 0 && fflush(stdout) < 0)
		r = fail(&err, errno, "write to stdout");
	if (r < 0)
		return command_fail(command, &err);
	tell(&request, &result);
	return 0;
}

const struct command command_gc = {
	.name = "gc",
	.summary = "delete from the store what nothing leads to",
	.synopsis = "[OPTIONS]",
	.opts = gc_opts,
	.run = gc_main,
	.group = "Images",
};
