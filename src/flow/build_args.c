// SPDX-License-Identifier: Apache-2.0
#include "flow/build_args.h"

#include <string.h>

#include "base/banned.h"
#include "base/number.h"
#include "dockerfile/values.h"

#define EPOCH "SOURCE_DATE_EPOCH"

/* NAME alone takes the environment's value, and is nothing when there is none. */
void build_args_collect(struct build *build)
{
	const struct build_request *request = build->request;
	const struct strings *given = &request->build_args;
	const char *epoch = request->source_date_epoch;

	for (size_t i = 0; i < given->count; i++) {
		if (strchr(given->item[i], '='))
			strings_add(&build->build_args, given->item[i]);
		else if (getenv(given->item[i]))
			strings_printf(&build->build_args, "%s=%s", given->item[i],
				       getenv(given->item[i]));
	}
	if (!epoch && !strings_env_get(&build->build_args, EPOCH))
		epoch = getenv(EPOCH);
	if (epoch && *epoch)
		strings_env_set(&build->build_args, EPOCH, epoch);
}

const char *build_arg(const struct build *build, const char *name)
{
	const char *value = strings_env_get(&build->build_args, name);

	return value && *value ? value : NULL;
}

int build_arg_is_set(const struct build *build, const char *name, bool *ret_yes, struct err *err)
{
	const char *value = build_arg(build, name);

	*ret_yes = false;
	if (value && boolean_parse(value, ret_yes) < 0)
		return fail_plain(err, EINVAL, "build argument %s: '%s' is neither true nor false",
				  name, value);
	return 0;
}

int build_args_choose_epoch(struct build *build, struct err *err)
{
	const char *text = environment_get(&build->platform->plan.globals, EPOCH)
				   ?: build_arg(build, EPOCH);
	uint64_t seconds;

	build->epoch_s = -1;
	if (!text || !*text)
		return 0;
	if (number_parse_u64(text, &seconds) < 0 || seconds > INT64_MAX)
		return fail_plain(err, EINVAL, EPOCH " '%s' is not a number of seconds", text);
	build->epoch_s = (int64_t)seconds;
	return 0;
}
