// SPDX-License-Identifier: Apache-2.0
#include "flow/cdi.h"

#include <fcntl.h>
#include <string.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/log.h"
#include "codec/yaml_tree.h"
#include "rootfs/level.h"

#define SPEC_BYTES_MAX	 ((size_t)4 << 20)
#define CLASS_ANNOTATION "org.mobyproject.buildkit.device.class"

struct spec {
	const char *path;
	const char *kind; /* VENDOR/CLASS */
	const struct yaml *root;
	unsigned folder;
	bool is_used; /* its own edits were made */
	struct spec *next;
};

struct search {
	struct arena arena;
	const char *name;
	struct spec *first, **end; /* as they were found */
	struct box *box;
	struct err *err;
};

static const struct yaml *member(const struct yaml *mapping, const char *key)
{
	yaml_each(mapping, node)
	{
		if (node->key && strcmp(node->key, key) == 0)
			return node;
	}
	return NULL;
}

static const char *text_of(const struct yaml *mapping, const char *key)
{
	const struct yaml *node = member(mapping, key);

	return node && node->kind == YAML_SCALAR && !yaml_is_null(node) ? node->text : NULL;
}

static int refuse(const struct search *search, const struct spec *spec, const struct yaml *node,
		  const char *why)
{
	return fail_plain(search->err, EINVAL, "%s:%u: %s", spec->path, node ? node->line : 1, why);
}

/* --- the files --- */

static int read_spec(struct search *search, const char *path, unsigned folder)
{
	struct spec *spec = arena_new(&search->arena, struct spec);
	auto_buf text = { 0 };
	int r;

	*spec = (struct spec){ .path = path, .folder = folder };
	r = io_read_file_at(AT_FDCWD, path, SPEC_BYTES_MAX, &text, search->err);
	if (r == 0)
		r = yaml_parse(&search->arena, path,
			       arena_copy_bytes(&search->arena, text.bytes, text.size_bytes),
			       text.size_bytes, &spec->root, search->err);
	if (r < 0)
		return r;
	spec->kind = text_of(spec->root, "kind");
	if (!text_of(spec->root, "cdiVersion") || !spec->kind || !strchr(spec->kind, '/'))
		return refuse(search, spec, spec->root, "no cdiVersion, or no kind VENDOR/CLASS");
	*search->end = spec;
	search->end = &spec->next;
	return 0;
}

static int read_folder(struct search *search, const char *folder, unsigned number)
{
	auto_fd fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_strings names = { 0 };
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : fail(search->err, errno, "open '%s'", folder);
	r = directory_names(fd, &names, search->err);
	if (r < 0)
		return err_wrap(search->err, "'%s'", folder);
	strings_sort(&names);
	strings_each(&names, name) {
		if (!text_ends(name, ".json") && !text_ends(name, ".yaml"))
			continue;
		r = read_spec(search, arena_printf(&search->arena, "%s/%s", folder, name), number);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_all(struct search *search, const struct strings *folders)
{
	static const char *const usual[] = { "/etc/cdi", "/var/run/cdi" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < folders->count; i++)
		r = read_folder(search, folders->item[i], (unsigned)i);
	for (size_t i = 0; r == 0 && folders->count == 0 && i < array_count(usual); i++)
		r = read_folder(search, usual[i], (unsigned)i);
	return r;
}

/* --- what is to be seen --- */

static int check_edits(const struct search *search, const struct spec *spec,
		       const struct yaml *edits)
{
	static const char *const impossible[] = { "hooks", "netDevices", "intelRdt" };

	for (size_t i = 0; i < array_count(impossible); i++) {
		const struct yaml *node = member(edits, impossible[i]);

		if (node && node->first)
			return fail_plain(search->err, ENOTSUP,
					  "%s:%u: the device needs %s, which are not supported",
					  spec->path, node->line, impossible[i]);
	}
	return 0;
}

static int add_variables(const struct search *search, const struct spec *spec,
			 const struct yaml *list)
{
	yaml_each(list, node)
	{
		const char *equals = node->kind == YAML_SCALAR ? strchr(node->text, '=') : NULL;

		if (!equals || equals == node->text)
			return refuse(search, spec, node, "a variable is NAME=VALUE");
		if (search->box)
			strings_env_set(&search->box->env,
					arena_copy_bytes(&search->box->arena, node->text,
							 (size_t)(equals - node->text)),
					equals + 1);
	}
	return 0;
}

static bool is_option(const struct yaml *list, const char *option)
{
	yaml_each(list, node)
	{
		if (node->kind == YAML_SCALAR && strcmp(node->text, option) == 0)
			return true;
	}
	return false;
}

/* A node of the host's, or a directory or file of it. */
static int add_bind(const struct search *search, const struct spec *spec, const struct yaml *node,
		    const char *from, const char *to)
{
	struct box *box = search->box;
	struct box_mount *mount;

	if (!from || !to || *from != '/' || *to != '/')
		return refuse(search, spec, node, "a path is missing or not absolute");
	if (!box)
		return 0;
	mount = box_mounts_add(&box->mounts, BOX_MOUNT_BIND, arena_copy(&box->arena, to));
	mount->source = arena_copy(&box->arena, from);
	mount->read_only = is_option(member(node, "options"), "ro");
	return 0;
}

static int add_edits(const struct search *search, const struct spec *spec, const struct yaml *edits)
{
	int r = check_edits(search, spec, edits);

	if (r == 0)
		r = add_variables(search, spec, member(edits, "env"));
	yaml_each(r == 0 ? member(edits, "deviceNodes") : NULL, node)
	{
		const char *path = text_of(node, "path");

		r = add_bind(search, spec, node, text_of(node, "hostPath") ?: path, path);
		if (r < 0)
			return r;
	}
	yaml_each(r == 0 ? member(edits, "mounts") : NULL, node)
	{
		r = add_bind(search, spec, node, text_of(node, "hostPath"),
			     text_of(node, "containerPath"));
		if (r < 0)
			return r;
	}
	return r;
}

static int add_device(const struct search *search, struct spec *spec, const struct yaml *device)
{
	int r = 0;

	if (!spec->is_used)
		r = add_edits(search, spec, member(spec->root, "containerEdits"));
	spec->is_used = true;
	return r == 0 ? add_edits(search, spec, member(device, "containerEdits")) : r;
}

/* --- which it is --- */

/* The same device in a later folder counts instead; twice in one folder is a mistake. */
static int is_overridden(const struct search *search, const struct spec *spec, const char *device)
{
	for (const struct spec *other = spec->next; other; other = other->next) {
		if (strcmp(other->kind, spec->kind) != 0)
			continue;
		yaml_each(member(other->root, "devices"), node)
		{
			const char *name = text_of(node, "name");

			if (!name || strcmp(name, device) != 0)
				continue;
			return other->folder > spec->folder
				       ? 1
				       : refuse(search, other, node,
						"another file has a device of this name");
		}
	}
	return 0;
}

static bool has_class(const struct spec *spec, const struct yaml *device, const char *class)
{
	const char *text = text_of(member(device, "annotations"), CLASS_ANNOTATION)
				   ?: text_of(member(spec->root, "annotations"), CLASS_ANNOTATION);

	return text && strcmp(text, class) == 0;
}

static bool is_meant(const struct search *search, const struct spec *spec,
		     const struct yaml *device, const char *device_name)
{
	size_t kind = strlen(spec->kind);
	const char *rest = search->name + kind;

	if (!strchr(search->name, '/'))
		return has_class(spec, device, search->name);
	if (strncmp(search->name, spec->kind, kind) != 0)
		return false;
	return !*rest || strcmp(rest, "=*") == 0 ||
	       (*rest == '=' && strcmp(rest + 1, device_name) == 0);
}

/* How many devices were added. */
static int add_meant(struct search *search)
{
	bool only_first = strchr(search->name, '/') && !strchr(search->name, '=');
	int found = 0;

	for (struct spec *spec = search->first; spec; spec = spec->next) {
		yaml_each(member(spec->root, "devices"), device)
		{
			const char *name = text_of(device, "name");
			int r;

			if (!name)
				return refuse(search, spec, device, "a device has no name");
			if (!is_meant(search, spec, device, name))
				continue;
			r = is_overridden(search, spec, name);
			if (r == 0)
				r = add_device(search, spec, device);
			else if (r > 0)
				continue;
			if (r < 0)
				return r;
			found++;
			if (only_first)
				return found;
		}
	}
	return found;
}

int cdi_add(const struct strings *folders, const char *name, struct box *box, struct err *err)
{
	struct search search = { .name = name, .box = box, .err = err };
	int r;

	search.end = &search.first;
	r = read_all(&search, folders);
	if (r == 0)
		r = add_meant(&search);
	arena_done(&search.arena);
	return r < 0 ? err_wrap(err, "device '%s'", name) : r > 0;
}
