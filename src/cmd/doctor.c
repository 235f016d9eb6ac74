// SPDX-License-Identifier: Apache-2.0
/* rootlet doctor: what works here for this user, what does not, which rule forbids it and the line
 * that would change that. The facts come from sys/host; this file chooses, words and prints. */
#include "cmd/doctor.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/reason.h"
#include "base/text.h"
#include "cmd/version.h"
#include "engine/engine.h"
#include "store/store.h"
#include "sys/host.h"
#include "sys/rule.h"

#define TITLE_WIDTH 30

struct request {
	struct common common;
	bool json;
	const char *for_command;
};

#define AT(field) offsetof(struct request, field)

static const struct opt doctor_opts[] = {
	{ OPT_FLAG, 0, "json", AT(json), NULL, "print everything as one JSON object", NULL },
	{ OPT_CHOICE, 0, "for", AT(for_command),
	  "run|shell|verify|root|build|cache|pull|push|images|tag|rmi|inspect|history|df|gc|fsck|"
	  "import|load|export|save|pack|isolate|spack",
	  "only what this command needs; status 1 when it cannot work here", NULL },
	{ OPT_END, 0, NULL, 0, NULL, NULL, NULL },
};

#define UNUSED "nothing is lost: no command of this version uses it"

/* What is lost without a facility that rootlet can do without. */
static const char *const without[HOST_FACT_COUNT] = {
	[HOST_USER_NAMESPACE] = "engines userns and subid are refused; engine tap needs none",
	[HOST_NAMESPACE_PROC] = "the host's /proc is shown, with its processes",
	[HOST_NAMESPACE_NETWORK] = "--network none is refused",
	[HOST_SUBORDINATE_IDS] = "engine subid is refused; engine userns needs none",
	[HOST_ROOT] = "engine root is refused; the others need none",
	[HOST_OVERLAY_STORE] = "writable roots are kept in memory or copied",
	[HOST_OVERLAY_TMPFS] = "writable roots are copied",
	[HOST_FUSE] = UNUSED,
	[HOST_FUSERMOUNT] = UNUSED,
	[HOST_SECCOMP_TRAP] = "root emulation forgets what it pretended",
	[HOST_SECCOMP_NOTIFY] = UNUSED,
	[HOST_LANDLOCK] = UNUSED,
	[HOST_PTRACE] = "engine ptrace is refused; the others need none",
	[HOST_CGROUP] = UNUSED,
	[HOST_OPENAT2] = "paths are walked one component at a time",
	[HOST_NEW_MOUNT_API] = "mount(2) is used",
	[HOST_CLONE3] = "nothing is lost: clone(2) is used anyway",
	[HOST_STORE_XATTR] = "images are run from a merged copy of their layers",
	[HOST_STORE_WHITEOUT] = "images are run from a merged copy of their layers",
	[HOST_STORE_REFLINK] = "copies take space and time",
	[HOST_STORE_HARD_LINK] = "images with hard links are refused",
	[HOST_STORE_LOCK] = "rmi does not notice that a layer is in use",
	[HOST_STORE_TMPFILE] = UNUSED,
	[HOST_PRIVATE_NETWORK] = "--network private is refused",
	[HOST_FOREIGN_PROGRAMS] = UNUSED,
	[HOST_VIRTUAL_MACHINE] = UNUSED,
};

#define NEEDS_MAX 8

/* What each command cannot do without, and what it can make use of. END: no more. */
#define END HOST_FACT_COUNT

static const struct need {
	const char *commands; /* '|' around each */
	bool engine;
	bool emulation; /* of root */
	enum host_fact must[NEEDS_MAX];
	enum host_fact may[NEEDS_MAX];
} needs[] = {
	{ "|run|shell|spack|verify|",
	  true,
	  true,
	  { END },
	  { HOST_USER_NAMESPACE, HOST_NAMESPACE_PROC, HOST_OVERLAY_STORE, HOST_OVERLAY_TMPFS,
	    HOST_SECCOMP_TRAP, HOST_EXEC_MEMORY, END } },
	{ "|root|", false, true, { HOST_SECCOMP_TRAP, HOST_EXEC_MEMORY, END }, { END } },
	{ "|build|",
	  true,
	  true,
	  { HOST_STORE_WRITE, HOST_STORE_EXEC, END },
	  { HOST_USER_NAMESPACE, HOST_OVERLAY_STORE, HOST_SECCOMP_TRAP, HOST_EXEC_MEMORY,
	    HOST_STORE_REFLINK, END } },
	{ "|pull|push|import|load|export|save|pack|isolate|",
	  false,
	  false,
	  { HOST_STORE_WRITE, END },
	  { HOST_STORE_HARD_LINK, HOST_STORE_XATTR, HOST_STORE_REFLINK, END } },
	{ "|images|tag|rmi|inspect|history|cache|df|gc|fsck|",
	  false,
	  false,
	  { HOST_STORE_WRITE, END },
	  { HOST_STORE_LOCK, END } },
};

static const struct need *need_of(const char *command)
{
	char word[32];

	snprintf(word, sizeof(word), "|%s|", command);
	for (size_t i = 0; i < array_count(needs); i++)
		if (strstr(needs[i].commands, word))
			return &needs[i];
	return NULL;
}

static bool lists(const enum host_fact *facts, enum host_fact which)
{
	for (size_t i = 0; i < NEEDS_MAX && facts[i] != END; i++)
		if (facts[i] == which)
			return true;
	return false;
}

/* What is shown: everything, or what --for asks about. */
static bool shown(const struct need *need, enum host_fact which)
{
	return !need || lists(need->must, which) || lists(need->may, which);
}

/* An engine and what it says to an ordinary box. */
struct verdict {
	const struct engine *engine;
	bool usable;
	struct err why_not;
};

static void ask_engine(struct host *host, const struct engine *engine, struct verdict *ret_verdict)
{
	auto_box box;

	box_init(&box);
	box.private_ns = (struct box_private){ .pid = true, .ipc = true, .uts = true };
	*ret_verdict = (struct verdict){ .engine = engine };
	ret_verdict->usable = engine->probe(host, &box, &ret_verdict->why_not) == 0;
}

static bool any_engine_usable(struct host *host)
{
	struct verdict verdict;

	for (size_t i = 0; engines[i]; i++) {
		ask_engine(host, engines[i], &verdict);
		if (verdict.usable)
			return true;
	}
	return false;
}

static bool can_work(struct host *host, const struct need *need)
{
	if ((!need || need->engine) && !any_engine_usable(host))
		return false;
	for (size_t i = 0; need && need->must[i] != END; i++)
		if (!host_fact(host, need->must[i])->usable)
			return false;
	return true;
}

/* Kernel settings that decide what is above; those this kernel lacks are left out. */
static const char *const sysctls[] = {
	"user.max_user_namespaces",	    "user.max_mnt_namespaces",
	"kernel.unprivileged_userns_clone", "kernel.apparmor_restrict_unprivileged_userns",
	"kernel.yama.ptrace_scope",	    "vm.mmap_min_addr",
};

/* ---- for people */

static void add_line(struct buf *out, const char *label, const char *text)
{
	if (*text)
		buf_printf(out, "  %*s  %s: %s\n", TITLE_WIDTH, "", label, text);
}

static void add_verdict(struct buf *out, const char *title, bool usable, const char *detail)
{
	buf_printf(out, "  %-*s  %s%s%s\n", TITLE_WIDTH, title, usable ? "usable" : "refused",
		   *detail ? ": " : "", detail);
}

static void add_fact(struct buf *out, struct host *host, enum host_fact which)
{
	const struct fact *fact = host_fact(host, which);

	add_verdict(out, host_fact_title(which), fact->usable, fact->detail);
	if (fact->usable)
		return;
	add_line(out, "rule", fact->rule.forbids);
	add_line(out, "administrator", fact->rule.admin);
	add_line(out, "you", fact->rule.user);
	if (without[which])
		add_line(out, "without it", without[which]);
}

static void add_engines(struct buf *out, struct host *host)
{
	struct verdict verdict;

	buf_add_text(out, "\nengines\n");
	for (size_t i = 0; engines[i]; i++) {
		ask_engine(host, engines[i], &verdict);
		add_verdict(out, engines[i]->name, verdict.usable,
			    verdict.usable ? engines[i]->summary : verdict.why_not.text);
		add_line(out, "hint", verdict.why_not.hint);
	}
}

/* What makes each kind of root emulation possible (--root-emulation). */
static const struct emulation_kind {
	const char *name, *summary;
	enum host_fact needs[3];
} emulations[] = {
	{ "tap",
	  "calls appear to succeed and later ones agree",
	  { HOST_SECCOMP_TRAP, HOST_EXEC_MEMORY, END } },
	{ "seccomp", "calls appear to succeed and are forgotten", { HOST_SECCOMP_FILTER, END } },
};

/* 0, or why not: what the fact that is in the way says. */
static int ask_emulation(struct host *host, const struct emulation_kind *kind,
			 struct err *ret_why_not)
{
	*ret_why_not = (struct err){ 0 };
	for (size_t i = 0; i < array_count(kind->needs) && kind->needs[i] != END; i++)
		if (!host_fact(host, kind->needs[i])->usable)
			return host_refuse(host, kind->needs[i], ret_why_not);
	return 0;
}

static void add_emulations(struct buf *out, struct host *host)
{
	buf_add_text(out, "\nroot emulation\n");
	for (size_t i = 0; i < array_count(emulations); i++) {
		const struct emulation_kind *kind = &emulations[i];
		struct err why_not;
		bool usable = ask_emulation(host, kind, &why_not) == 0;

		add_verdict(out, kind->name, usable, usable ? kind->summary : why_not.text);
		add_line(out, "hint", why_not.hint);
	}
}

static void add_facts(struct buf *out, struct host *host, const struct need *need)
{
	const char *group = "";

	for (enum host_fact which = 0; which < HOST_FACT_COUNT; which++) {
		if (!shown(need, which))
			continue;
		if (!text_equal(group, host_fact_group(which)))
			buf_printf(out, "\n%s\n", host_fact_group(which));
		group = host_fact_group(which);
		add_fact(out, host, which);
	}
}

static void add_sysctls(struct buf *out)
{
	buf_add_text(out, "\nkernel settings\n");
	for (size_t i = 0; i < array_count(sysctls); i++) {
		long number = rule_sysctl(sysctls[i]);

		if (number >= 0)
			buf_printf(out, "  %s = %ld\n", sysctls[i], number);
	}
}

static void add_head(struct buf *out, const struct host *host, const struct utsname *kernel)
{
	const char *container = rule_container();

	buf_printf(out, "rootlet %s on %s %s %s, user %s (%u)", version_text, kernel->sysname,
		   kernel->release, kernel->machine, host->user.name, host->user.uid);
	if (container)
		buf_printf(out, ", in a container (%s)", container);
	if (rule_in_chroot())
		buf_add_text(out, ", in a chroot");
	if (rule_has_seccomp_filter())
		buf_add_text(out, ", under a seccomp filter");
	if (rule_has_no_new_privs())
		buf_add_text(out, ", with no_new_privs");
	buf_add_char(out, '\n');
}

static void report_text(struct buf *out, struct host *host, const struct need *need,
			const struct utsname *kernel)
{
	add_head(out, host, kernel);
	if (!need || need->engine)
		add_engines(out, host);
	if (!need || need->emulation)
		add_emulations(out, host);
	add_facts(out, host, need);
	if (!need)
		add_sysctls(out);
}

/* ---- for programs */

static void json_string(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "\"%s\": ", name);
	if (value && *value)
		text_add_json_string(out, value);
	else
		buf_add_text(out, "null");
}

static void json_errno(struct buf *out, int error)
{
	json_string(out, "errno", error ? reason_name(error) : NULL);
	buf_add_text(out, ", ");
}

/* One engine, or one kind of root emulation. */
static void json_verdict(struct buf *out, bool is_first, const char *name, bool usable,
			 const struct err *why_not)
{
	buf_printf(out, "%s\n    { \"name\": \"%s\", \"usable\": %s, ", is_first ? "" : ",", name,
		   usable ? "true" : "false");
	json_errno(out, usable ? 0 : why_not->code);
	json_string(out, "reason", usable ? NULL : why_not->text);
	buf_add_text(out, ", ");
	json_string(out, "hint", why_not->hint);
	buf_add_text(out, " }");
}

static void json_engines(struct buf *out, struct host *host)
{
	buf_add_text(out, "  \"engines\": [");
	for (size_t i = 0; engines[i]; i++) {
		struct verdict verdict;

		ask_engine(host, engines[i], &verdict);
		json_verdict(out, i == 0, engines[i]->name, verdict.usable, &verdict.why_not);
	}
	buf_add_text(out, "\n  ],\n");
}

static void json_emulations(struct buf *out, struct host *host)
{
	buf_add_text(out, "  \"root_emulation\": [");
	for (size_t i = 0; i < array_count(emulations); i++) {
		struct err why_not;
		bool usable = ask_emulation(host, &emulations[i], &why_not) == 0;

		json_verdict(out, i == 0, emulations[i].name, usable, &why_not);
	}
	buf_add_text(out, "\n  ],\n");
}

static void json_fact(struct buf *out, struct host *host, enum host_fact which)
{
	const struct fact *fact = host_fact(host, which);

	buf_printf(out, "{ \"name\": \"%s\", \"group\": \"%s\", \"usable\": %s, ",
		   host_fact_name(which), host_fact_group(which), fact->usable ? "true" : "false");
	json_errno(out, fact->error);
	json_string(out, "detail", fact->detail);
	buf_add_text(out, ", ");
	json_string(out, "rule", fact->rule.forbids);
	buf_add_text(out, ", ");
	json_string(out, "administrator", fact->rule.admin);
	buf_add_text(out, ", ");
	json_string(out, "user", fact->rule.user);
	buf_add_text(out, ", ");
	json_string(out, "without", fact->usable ? NULL : without[which]);
	buf_add_text(out, " }");
}

static void json_facts(struct buf *out, struct host *host, const struct need *need)
{
	const char *separator = "";

	buf_add_text(out, "  \"facts\": [");
	for (enum host_fact which = 0; which < HOST_FACT_COUNT; which++) {
		if (!shown(need, which))
			continue;
		buf_printf(out, "%s\n    ", separator);
		json_fact(out, host, which);
		separator = ",";
	}
	buf_add_text(out, "\n  ],\n");
}

static void json_sysctls(struct buf *out)
{
	const char *separator = "";

	buf_add_text(out, "  \"sysctls\": {");
	for (size_t i = 0; i < array_count(sysctls); i++) {
		long number = rule_sysctl(sysctls[i]);

		if (number < 0)
			continue;
		buf_printf(out, "%s \"%s\": %ld", separator, sysctls[i], number);
		separator = ",";
	}
	buf_add_text(out, " }\n");
}

static void report_json(struct buf *out, struct host *host, const struct need *need,
			const struct utsname *kernel)
{
	buf_add_text(out, "{\n  ");
	json_string(out, "rootlet", version_text);
	buf_add_text(out, ",\n  ");
	json_string(out, "kernel", kernel->release);
	buf_add_text(out, ",\n  ");
	json_string(out, "machine", kernel->machine);
	buf_printf(out, ",\n  \"uid\": %u,\n  ", host->user.uid);
	json_string(out, "user", host->user.name);
	buf_add_text(out, ",\n  ");
	json_string(out, "container", rule_container());
	buf_printf(
		out, ",\n  \"chroot\": %s,\n  \"seccomp_filter\": %s,\n  \"no_new_privs\": %s,\n",
		rule_in_chroot() ? "true" : "false", rule_has_seccomp_filter() ? "true" : "false",
		rule_has_no_new_privs() ? "true" : "false");
	json_engines(out, host);
	json_emulations(out, host);
	json_facts(out, host, need);
	json_sysctls(out);
	buf_add_text(out, "}\n");
}

/* ---- the command */

static int report(const struct command *command, const struct request *request)
{
	const struct need *need = request->for_command ? need_of(request->for_command) : NULL;
	auto_host host;
	auto_buf store = { 0 };
	auto_buf out = { 0 };
	struct utsname kernel;
	struct err err = { 0 };

	/* without a default store there are no facts about it, and they say so */
	if (request->common.store)
		buf_add_text(&store, request->common.store);
	else if (store_default_path(&store, &err) < 0)
		err_clear(&err);
	host_init(&host, store.size_bytes ? store.bytes : NULL);
	uname(&kernel);
	if (request->json)
		report_json(&out, &host, need, &kernel);
	else
		report_text(&out, &host, need, &kernel);
	if (command_write(&out, &err) < 0)
		return command_fail(command, &err);
	return can_work(&host, need) ? 0 : 1;
}

static int doctor_main(const struct command *command, const struct common *common, int argc,
		       char **argv)
{
	struct request request = { .common = *common };
	struct err err = { 0 };
	int operand;
	int r = opt_parse(command, argc, argv, &request, &operand, &err);

	if (r > 0)
		return 0;
	if (r == 0 && operand < argc)
		r = fail_plain(&err, EINVAL, "unexpected '%s'", argv[operand]);
	if (r < 0)
		return command_fail(command, &err);
	return report(command, &request);
}

const struct command command_doctor = {
	.name = "doctor",
	.summary = "say what works on this machine, what does not, why, and what would change it",
	.synopsis = "[OPTIONS]",
	.opts = doctor_opts,
	.run = doctor_main,
	.group = "Help",
};
