// SPDX-License-Identifier: Apache-2.0
/* What engines without namespaces do not do, by the name of the option that asks for it. */
#include "base/banned.h"
#include "engine/scene.h"
#include "sys/rule.h"
#include "sys/seccomp.h"

/* A size of something in memory, or NULL. */
static const char *sized_mount(const struct box *box)
{
	for (size_t i = 0; i < box->mounts.count; i++) {
		const struct box_mount *mount = &box->mounts.item[i];

		if (mount->size_bytes && mount->kind == BOX_MOUNT_TMPFS)
			return "the size of a --tmpfs";
		if (mount->size_bytes && mount->kind == BOX_MOUNT_DEV)
			return "--shm-size";
	}
	return NULL;
}

static const char *namespace_of(const struct box *box)
{
	const struct box_private *asked = &box->asked_ns;

	if (box->private_ns.network && !box->is_walled)
		return "a network of its own (--network none or private)";
	if (asked->pid)
		return "--pid private";
	if (asked->ipc)
		return "--ipc private";
	return asked->uts ? "--uts private" : NULL;
}

int scene_refuse(const struct box *box, bool drops_capabilities, struct err *err)
{
	const char *needs = "a mount";
	const char *what = sized_mount(box);

	if (!what) {
		needs = "a user namespace";
		what = namespace_of(box);
	}
	if (!what && box->drop_capabilities && !drops_capabilities)
		what = "--cap-drop";
	if (!what && box->emulation == BOX_EMULATION_SECCOMP)
		what = "--root-emulation seccomp";
	if (!what)
		return 0;
	fail_plain(err, ENOTSUP, "%s needs %s, and this engine has none", what, needs);
	err_hint(err, "leave it out, or see rootlet doctor for engine userns");
	return -ENOTSUP;
}

int scene_refuse_second(const char *why, const char *what, struct err *err)
{
	struct rule rule = { 0 };

	fail_plain(err, EBUSY, "%s", why);
	if (rule_set_inside(&rule, what))
		rule_add_hint(&rule, err);
	return -EBUSY;
}

int scene_close_network(const struct box *box, struct err *err)
{
	return box->private_ns.network ? seccomp_close_network(err) : 0;
}
