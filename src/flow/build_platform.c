// SPDX-License-Identifier: Apache-2.0
/* For which platforms commands can run here. */
#include <string.h>

#include "base/banned.h"
#include "base/log.h"
#include "base/text.h"
#include "dockerfile/source.h"
#include "flow/build_state.h"
#include "sys/binfmt.h"

/* A processor runs programs of its predecessor of 32 bits, where the kernel lets it. */
static bool runs_here(const struct platform *host, const struct platform *platform)
{
	static const char *const also[][2] = { { "amd64", "386" }, { "arm64", "arm" } };

	if (platform_matches(host, platform))
		return true;
	for (size_t i = 0; i < array_count(also); i++)
		if (text_equal(host->os, platform->os) &&
		    text_equal(host->architecture, also[i][0]) &&
		    text_equal(platform->architecture, also[i][1]))
			return true;
	return false;
}

bool build_is_native(const struct build *build, const struct platform *platform)
{
	return !platform->architecture || runs_here(&build->plan.options.build_platform, platform);
}

/* The kernel starts them with an interpreter of the host, of which neither the tap nor a tracer
 * knows: paths must be the kernel's, and the tap cannot be asked for. */
static bool is_interpreted(const struct build *build, const struct platform *platform)
{
	const char *emulation = build->request->emulation;

	return build->engine && build->engine->has_mounts &&
	       !(emulation && strcmp(emulation, "tap") == 0) &&
	       text_equal(build->plan.options.build_platform.os, platform->os) &&
	       binfmt_runs(BINFMT_FOLDER, platform->architecture);
}

int build_check_runs(const struct build *build, const struct platform *platform, struct err *err)
{
	const struct platform *host = &build->plan.options.build_platform;
	char here[64];
	char there[64];

	if (build_is_native(build, platform) || is_interpreted(build, platform))
		return 0;
	fail_plain(err, ENOTSUP, "a command for %s cannot run on this machine (%s)",
		   platform_format(platform, there), platform_format(host, here));
	err_hint(err, "only stages without RUN can be built for another platform; "
		      "FROM --platform=$BUILDPLATFORM makes a stage run here, and so would "
		      "qemu-user, registered in binfmt_misc with flag F");
	return -ENOTSUP;
}

static void warn_of_interpreter(const struct build *build, const struct stage *stage)
{
	char there[64];

	if (build->owners_are_real || build_is_native(build, &stage->platform) ||
	    (build->request->emulation && strcmp(build->request->emulation, "auto") != 0))
		return;
	log_warning("commands for %s run by an interpreter of this machine: under --root-emulation "
		    "seccomp, which does not remember owners",
		    platform_format(&stage->platform, there));
}

/* The first command of a stage decides. */
static int check_stage(struct build *build, const struct stage *stage, struct err *err)
{
	for (size_t i = 0; i < stage->instruction_count; i++) {
		const struct instruction *instruction = stage->instruction[i];
		struct fault fault;

		if (instruction->kind != INSTRUCTION_RUN)
			continue;
		if (build_check_runs(build, &stage->platform, err) == 0) {
			warn_of_interpreter(build, stage);
			return 0;
		}
		fault_wrap(&fault, &build->dockerfile.source, instruction_mark(instruction), err,
			   "RUN");
		source_excerpt(&fault, build->excerpt);
		return -err->code;
	}
	return 0;
}

int build_check_platforms(struct build *build, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < build->plan.stage_count; i++)
		if (build->plan.stage[i].is_needed)
			r = check_stage(build, &build->plan.stage[i], err);
	return r;
}
