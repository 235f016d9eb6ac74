// SPDX-License-Identifier: Apache-2.0
/* The box as JSON, written by hand in a fixed order: the text is for people and diffs, and the
 * lean program needs no JSON tree for it. */
#include "base/banned.h"
#include "base/text.h"
#include "box/box.h"
#include "box/capabilities.h"

struct writer {
	struct buf *out;
	unsigned depth;
	bool first;
};

static void begin_value(struct writer *writer, const char *key)
{
	buf_add_text(writer->out, writer->first ? "\n" : ",\n");
	writer->first = false;
	for (unsigned i = 0; i < writer->depth; i++)
		buf_add_text(writer->out, "  ");
	if (key) {
		text_add_json_string(writer->out, key);
		buf_add_text(writer->out, ": ");
	}
}

static void open_group(struct writer *writer, const char *key, char bracket)
{
	begin_value(writer, key);
	buf_add_char(writer->out, bracket);
	writer->depth++;
	writer->first = true;
}

static void close_group(struct writer *writer, char bracket)
{
	writer->depth--;
	if (!writer->first) {
		buf_add_char(writer->out, '\n');
		for (unsigned i = 0; i < writer->depth; i++)
			buf_add_text(writer->out, "  ");
	}
	buf_add_char(writer->out, bracket);
	writer->first = false;
}

static void put_text(struct writer *writer, const char *key, const char *value)
{
	if (!value)
		return;
	begin_value(writer, key);
	text_add_json_string(writer->out, value);
}

static void put_flag(struct writer *writer, const char *key, bool value)
{
	begin_value(writer, key);
	buf_add_text(writer->out, value ? "true" : "false");
}

static void put_number(struct writer *writer, const char *key, uint64_t value)
{
	begin_value(writer, key);
	buf_printf(writer->out, "%llu", (unsigned long long)value);
}

static void put_list(struct writer *writer, const char *key, const struct strings *list)
{
	open_group(writer, key, '[');
	for (size_t i = 0; i < list->count; i++)
		put_text(writer, NULL, list->item[i]);
	close_group(writer, ']');
}

static void put_groups(struct writer *writer, const struct box *box)
{
	if (!box->group_count)
		return;
	open_group(writer, "groups", '[');
	for (size_t i = 0; i < box->group_count; i++)
		put_number(writer, NULL, box->groups[i]);
	close_group(writer, ']');
}

static void put_root(struct writer *writer, const struct box_root *root)
{
	open_group(writer, "root", '{');
	if (root->kind == BOX_ROOT_DIRECTORY) {
		put_text(writer, "type", "directory");
		put_text(writer, "path", root->path);
	} else {
		put_text(writer, "type", "overlay");
		put_list(writer, "lower", &root->lower);
		put_text(writer, "upper", root->upper ? root->upper : "memory");
		put_text(writer, "work", root->work);
	}
	put_flag(writer, "readOnly", root->read_only);
	close_group(writer, '}');
}

static void put_mount(struct writer *writer, const struct box_mount *mount)
{
	static const char *const kinds[] = {
		[BOX_MOUNT_BIND] = "bind", [BOX_MOUNT_TMPFS] = "tmpfs",
		[BOX_MOUNT_PROC] = "proc", [BOX_MOUNT_SYS] = "sys",
		[BOX_MOUNT_DEV] = "dev",   [BOX_MOUNT_LAYERS] = "layers",
		[BOX_MOUNT_FILE] = "file",
	};

	open_group(writer, NULL, '{');
	put_text(writer, "type", kinds[mount->kind]);
	put_text(writer, "target", mount->target);
	put_text(writer, "source", mount->source);
	put_text(writer, "content", mount->content);
	if (mount->layers)
		put_list(writer, "layers", mount->layers);
	if (mount->size_bytes)
		put_number(writer, "sizeBytes", mount->size_bytes);
	if (mount->mode) {
		char mode[16];

		snprintf(mode, sizeof(mode), "%04o", mount->mode);
		put_text(writer, "mode", mode);
	}
	if (mount->read_only)
		put_flag(writer, "readOnly", true);
	if (mount->is_kept)
		put_flag(writer, "kept", true);
	if (mount->optional)
		put_flag(writer, "optional", true);
	close_group(writer, '}');
}

static void put_mounts(struct writer *writer, const struct box *box)
{
	open_group(writer, "mounts", '[');
	for (size_t i = 0; i < box->mounts.count; i++)
		put_mount(writer, &box->mounts.item[i]);
	close_group(writer, ']');
}

static void put_private(struct writer *writer, const struct box_private *private_ns)
{
	open_group(writer, "private", '{');
	put_flag(writer, "pid", private_ns->pid);
	put_flag(writer, "ipc", private_ns->ipc);
	put_flag(writer, "uts", private_ns->uts);
	put_flag(writer, "network", private_ns->network);
	close_group(writer, '}');
}

/* Only what was asked for. */
static void put_confinement(struct writer *writer, const struct box *box)
{
	auto_strings limits = { 0 };
	auto_strings capabilities = { 0 };

	for (size_t i = 0; i < box->limits.count; i++) {
		auto_buf text = { 0 };

		limit_to_text(&box->limits.item[i], &text);
		strings_add(&limits, buf_text(&text));
	}
	capabilities_to_names(box->drop_capabilities, &capabilities);
	if (box->hidden.count)
		put_list(writer, "hidden", &box->hidden);
	if (limits.count)
		put_list(writer, "limits", &limits);
	if (capabilities.count)
		put_list(writer, "dropCapabilities", &capabilities);
	if (box->seccomp)
		put_number(writer, "seccompInstructions", box->seccomp_count);
	if (box->timeout_s)
		put_number(writer, "timeoutSeconds", box->timeout_s);
	if (box->preserve_fds)
		put_number(writer, "preserveFds", box->preserve_fds);
}

void box_to_json(const struct box *box, struct buf *ret_text)
{
	struct writer writer = { .out = ret_text, .depth = 1, .first = true };

	buf_add_char(ret_text, '{');
	put_root(&writer, &box->root);
	put_mounts(&writer, box);
	put_list(&writer, "argv", &box->argv);
	put_list(&writer, "env", &box->env);
	put_text(&writer, "cwd", box->cwd);
	put_flag(&writer, "makeCwd", box->make_cwd);
	put_text(&writer, "hostname", box->hostname);
	put_number(&writer, "uid", box->uid);
	put_number(&writer, "gid", box->gid);
	put_number(&writer, "ownUid", box->own_uid);
	put_number(&writer, "ownGid", box->own_gid);
	put_groups(&writer, box);
	put_private(&writer, &box->private_ns);
	if (box->kernel_release)
		put_text(&writer, "kernelRelease", box->kernel_release);
	if (box->network_program)
		put_text(&writer, "networkProgram", box->network_program);
	put_text(&writer, "rootEmulation", box_emulation_name(box->emulation));
	put_flag(&writer, "ownersAreReal", box->owners_are_real);
	if (box->is_walled)
		put_flag(&writer, "walled", true);
	put_flag(&writer, "terminal", box->terminal);
	put_confinement(&writer, box);
	close_group(&writer, '}');
	buf_add_char(ret_text, '\n');
}
