// SPDX-License-Identifier: Apache-2.0
#include "flow/seccomp_profile.h"

#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"
#include "box/capabilities.h"
#include "codec/json.h"

#define PROGRAM_BYTES_MAX ((size_t)1 << 20)
#define ARGUMENTS_MAX	  6 /* of a system call */

struct profile {
	scmp_filter_ctx filter;
	uint32_t default_action;
	uint64_t dropped;
	unsigned kernel_major, kernel_minor;
};

static void filter_cleanup(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

/* ---- words ---- */

static int parse_action(const char *name, uint32_t error_number, uint32_t *ret_action,
			struct err *err)
{
	const struct {
		const char *name;
		uint32_t action;
	} actions[] = {
		{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
		{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(error_number) },
		{ "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD },
		{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
		{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
		{ "SCMP_ACT_LOG", SCMP_ACT_LOG },
		{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
	};

	for (size_t i = 0; name && i < array_count(actions); i++)
		if (strcmp(actions[i].name, name) == 0) {
			*ret_action = actions[i].action;
			return 0;
		}
	if (name && (strcmp(name, "SCMP_ACT_NOTIFY") == 0 || strcmp(name, "SCMP_ACT_TRACE") == 0))
		return fail_plain(err, ENOTSUP, "action '%s' needs a supervisor, and there is none",
				  name);
	return fail_plain(err, EINVAL, "action '%s' is not known", name ? name : "");
}

static int read_action(const struct json *object, const char *key, const char *errno_key,
		       uint32_t *ret_action, struct err *err)
{
	int64_t error_number = EPERM;
	const struct json *given = json_get(object, errno_key);

	if (given &&
	    (!json_integer_of(given, &error_number) || error_number < 0 || error_number > 4095))
		return fail_plain(err, EINVAL, "'%s' is not an error number", errno_key);
	return parse_action(json_get_text(object, key), (uint32_t)error_number, ret_action, err);
}

static int parse_operator(const char *name, enum scmp_compare *ret_operator, struct err *err)
{
	static const char *const names[] = {
		[SCMP_CMP_NE] = "SCMP_CMP_NE",
		[SCMP_CMP_LT] = "SCMP_CMP_LT",
		[SCMP_CMP_LE] = "SCMP_CMP_LE",
		[SCMP_CMP_EQ] = "SCMP_CMP_EQ",
		[SCMP_CMP_GE] = "SCMP_CMP_GE",
		[SCMP_CMP_GT] = "SCMP_CMP_GT",
		[SCMP_CMP_MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
	};

	for (size_t i = 0; name && i < array_count(names); i++)
		if (names[i] && strcmp(names[i], name) == 0) {
			*ret_operator = (enum scmp_compare)i;
			return 0;
		}
	return fail_plain(err, EINVAL, "operator '%s' is not known", name ? name : "");
}

/* ---- architectures ---- */

static int add_architecture(struct profile *profile, const char *name, struct err *err)
{
	auto_buf lower = { 0 };
	uint32_t token;
	int r;

	if (!name || strncmp(name, "SCMP_ARCH_", 10) != 0)
		return fail_plain(err, EINVAL, "architecture '%s' is not known", name ? name : "");
	for (const char *c = name + 10; *c; c++)
		buf_add_char(&lower, *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c);
	token = seccomp_arch_resolve_name(buf_text(&lower));
	if (!token)
		return fail_plain(err, EINVAL, "architecture '%s' is not known", name);
	r = seccomp_arch_add(profile->filter, token);
	return r < 0 && r != -EEXIST ? fail(err, -r, "architecture '%s'", name) : 0;
}

static bool is_native(const char *name)
{
	return name && strcmp(name,
#ifdef __x86_64__
			      "SCMP_ARCH_X86_64"
#else
			      "SCMP_ARCH_AARCH64"
#endif
			      ) == 0;
}

/* The specification lists them; docker gives those that go with each native one. */
static int add_architectures(struct profile *profile, const struct json *root, struct err *err)
{
	const struct json *list = json_get(root, "architectures");
	const struct json *maps = json_get(root, "archMap");
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_count(list); i++)
		r = add_architecture(profile, json_text(json_at(list, i)), err);
	for (size_t i = 0; r == 0 && i < json_count(maps); i++) {
		const struct json *map = json_at(maps, i);
		const struct json *more = json_get(map, "subArchitectures");

		if (!is_native(json_get_text(map, "architecture")))
			continue;
		for (size_t j = 0; r == 0 && j < json_count(more); j++)
			r = add_architecture(profile, json_text(json_at(more, j)), err);
	}
	return r;
}

/* ---- which rules count here ---- */

static bool has_capability(const struct profile *profile, const char *name)
{
	struct err ignored = { 0 };
	uint64_t set = 0;

	return name && capabilities_add(&set, name, &ignored) == 0 && !(profile->dropped & set);
}

static bool is_this_architecture(const char *name)
{
	return name && (strcmp(name,
#ifdef __x86_64__
			       "amd64"
#else
			       "arm64"
#endif
			       ) == 0);
}

static bool kernel_is_at_least(const struct profile *profile, const char *version)
{
	unsigned major = 0;
	unsigned minor = 0;

	if (!version || sscanf(version, "%u.%u", &major, &minor) != 2)
		return true;
	return profile->kernel_major > major ||
	       (profile->kernel_major == major && profile->kernel_minor >= minor);
}

/* docker: of `includes` everything must hold (one architecture is enough), of `excludes` nothing
 * may. */
static bool counts(const struct profile *profile, const struct json *rule)
{
	const struct json *includes = json_get(rule, "includes");
	const struct json *excludes = json_get(rule, "excludes");
	const struct json *list = json_get(includes, "arches");
	bool here = json_count(list) == 0;

	for (size_t i = 0; i < json_count(list); i++)
		here = here || is_this_architecture(json_text(json_at(list, i)));
	list = json_get(excludes, "arches");
	for (size_t i = 0; i < json_count(list); i++)
		here = here && !is_this_architecture(json_text(json_at(list, i)));
	list = json_get(includes, "caps");
	for (size_t i = 0; i < json_count(list); i++)
		here = here && has_capability(profile, json_text(json_at(list, i)));
	list = json_get(excludes, "caps");
	for (size_t i = 0; i < json_count(list); i++)
		here = here && !has_capability(profile, json_text(json_at(list, i)));
	if (json_get_text(excludes, "minKernel"))
		here = here && !kernel_is_at_least(profile, json_get_text(excludes, "minKernel"));
	return here && kernel_is_at_least(profile, json_get_text(includes, "minKernel"));
}

/* ---- rules ---- */

static int need_number(const struct json *object, const char *key, bool needed,
		       uint64_t *ret_number, struct err *err)
{
	int64_t number = 0;
	const struct json *value = json_get(object, key);

	if ((!value && needed) || (value && !json_integer_of(value, &number)))
		return fail_plain(err, EINVAL, "argument: '%s' is not a number", key);
	*ret_number = (uint64_t)number;
	return 0;
}

static int read_argument(const struct json *json, struct scmp_arg_cmp *ret_argument,
			 struct err *err)
{
	uint64_t index;
	uint64_t value;
	uint64_t second;
	enum scmp_compare compare = SCMP_CMP_EQ;
	int r = need_number(json, "index", true, &index, err);

	if (r == 0)
		r = need_number(json, "value", true, &value, err);
	if (r == 0)
		r = need_number(json, "valueTwo", false, &second, err);
	if (r == 0)
		r = parse_operator(json_get_text(json, "op"), &compare, err);
	if (r == 0 && index >= ARGUMENTS_MAX)
		r = fail_plain(err, EINVAL, "a call has no argument %llu",
			       (unsigned long long)index);
	if (r == 0)
		*ret_argument = (struct scmp_arg_cmp){
			.arg = (unsigned)index, .op = compare, .datum_a = value, .datum_b = second
		};
	return r;
}

struct rule {
	uint32_t action;
	struct scmp_arg_cmp argument[ARGUMENTS_MAX];
	unsigned count;
	bool alternatives; /* an argument is there twice: each comparison is a rule, as in runc */
};

static int read_rule(const struct json *json, struct rule *ret_rule, struct err *err)
{
	const struct json *list = json_get(json, "args");
	struct rule rule = { .count = 0 };
	int r = read_action(json, "action", "errnoRet", &rule.action, err);

	if (r == 0 && json_count(list) > ARGUMENTS_MAX)
		r = fail_plain(err, E2BIG, "more than %d arguments", ARGUMENTS_MAX);
	for (size_t i = 0; r == 0 && i < json_count(list); i++) {
		r = read_argument(json_at(list, i), &rule.argument[i], err);
		for (size_t j = 0; r == 0 && j < i; j++)
			rule.alternatives |= rule.argument[j].arg == rule.argument[i].arg;
		rule.count++;
	}
	if (r == 0)
		*ret_rule = rule;
	return r;
}

static int add_rule(struct profile *profile, const struct rule *rule, const char *name,
		    struct err *err)
{
	int number = seccomp_syscall_resolve_name(name);
	int r = 0;

	if (number == __NR_SCMP_ERROR) {
		log_verbose("seccomp: no such call: %s", name);
		return 0;
	}
	if (rule->alternatives)
		for (unsigned i = 0; r == 0 && i < rule->count; i++)
			r = seccomp_rule_add_array(profile->filter, rule->action, number, 1,
						   &rule->argument[i]);
	else
		r = seccomp_rule_add_array(profile->filter, rule->action, number, rule->count,
					   rule->argument);
	return r < 0 && r != -EEXIST ? fail(err, -r, "rule for '%s'", name) : 0;
}

static int add_rules(struct profile *profile, const struct json *json, struct err *err)
{
	const struct json *names = json_get(json, "names");
	const char *single = json_get_text(json, "name");
	struct rule rule;
	int r = read_rule(json, &rule, err);

	/* libseccomp refuses what is the default anyway */
	if (r < 0 || rule.action == profile->default_action)
		return r;
	if (single)
		r = add_rule(profile, &rule, single, err);
	for (size_t i = 0; r == 0 && i < json_count(names); i++) {
		const char *name = json_text(json_at(names, i));

		r = name ? add_rule(profile, &rule, name, err)
			 : fail_plain(err, EINVAL, "a name of a call is no text");
	}
	return r;
}

/* ---- all of it ---- */

static int export(const struct profile *profile, struct buf *ret_program, struct err *err)
{
	auto_fd fd = memfd_create("filter", MFD_CLOEXEC);
	int r = fd < 0 ? fail(err, errno, "memory for the filter") : 0;

	if (r == 0) {
		r = seccomp_export_bpf(profile->filter, fd);
		if (r < 0)
			return fail(err, -r, "compile the filter");
	}
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = fail(err, errno, "read the filter");
	return r < 0 ? r : io_read_to_end(fd, PROGRAM_BYTES_MAX, ret_program, err);
}

static int check_flags(const struct json *root, struct err *err)
{
	const struct json *flags = json_get(root, "flags");

	for (size_t i = 0; i < json_count(flags); i++) {
		const char *flag = json_text(json_at(flags, i));

		/* of no meaning for a filter loaded before the only thread execs */
		if (!flag || strcmp(flag, "SECCOMP_FILTER_FLAG_TSYNC") != 0)
			return fail_plain(err, ENOTSUP, "flag '%s' is not supported",
					  flag ? flag : "");
	}
	return 0;
}

static int compile(struct profile *profile, const struct json *root, struct buf *ret_program,
		   struct err *err)
{
	const struct json *rules = json_get(root, "syscalls");
	int r = add_architectures(profile, root, err);

	for (size_t i = 0; r == 0 && i < json_count(rules); i++) {
		if (!counts(profile, json_at(rules, i)))
			continue;
		r = add_rules(profile, json_at(rules, i), err);
		if (r < 0)
			return err_wrap(err, "syscalls[%zu]", i);
	}
	return r < 0 ? r : export(profile, ret_program, err);
}

int seccomp_profile_compile(const char *text, size_t size_bytes, uint64_t dropped,
			    struct buf *ret_program, struct err *err)
{
	cleanup(filter_cleanup) scmp_filter_ctx filter = NULL;
	struct profile profile = { .dropped = dropped };
	auto_json *root = NULL;
	struct utsname kernel;
	int r = json_parse(text, size_bytes, &root, err);

	if (r == 0 && !json_is_object(root))
		r = fail_plain(err, EINVAL, "a profile is an object");
	if (r == 0)
		r = check_flags(root, err);
	if (r == 0)
		r = read_action(root, "defaultAction", "defaultErrnoRet", &profile.default_action,
				err);
	if (r < 0)
		return r;
	if (uname(&kernel) == 0)
		(void)!sscanf(kernel.release, "%u.%u", &profile.kernel_major,
			      &profile.kernel_minor);
	filter = seccomp_init(profile.default_action);
	if (!filter)
		return fail(err, ENOMEM, "seccomp");
	profile.filter = filter;
	return compile(&profile, root, ret_program, err);
}
