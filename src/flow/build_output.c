// SPDX-License-Identifier: Apache-2.0
#include "flow/build_output.h"

#include <string.h>

#include "base/banned.h"
#include "base/log.h"
#include "dockerfile/values.h"
#include "flow/push.h"
#include "store/refs.h"

/* ---- what was asked ---- */

struct output_given { /* NULL: not given */
	const char *type;
	const char *dest;
	const char *name;
	const char *push;
	const char *tar;
	const char *split;
};

static const struct output_word {
	const char *key;
	size_t offset;
	const char *types; /* it has a meaning for, with blanks around */
} words[] = {
	{ "type", offsetof(struct output_given, type), NULL },
	{ "dest", offsetof(struct output_given, dest), " local tar squashfs oci docker " },
	{ "name", offsetof(struct output_given, name), " image registry oci docker " },
	{ "push", offsetof(struct output_given, push), " image registry " },
	{ "tar", offsetof(struct output_given, tar), " oci " },
	{ "platform-split", offsetof(struct output_given, split), " local tar squashfs " },
};

static const struct output_type {
	const char *name;
	enum export_format format;
	bool is_image;
	bool is_file;
} types[] = {
	{ "image", 0, true, false },
	{ "registry", 0, true, false },
	{ "local", EXPORT_DIRECTORY, false, true },
	{ "tar", EXPORT_TAR, false, true },
	{ "squashfs", EXPORT_SQUASHFS, false, true },
	{ "oci", EXPORT_OCI_ARCHIVE, false, true },
	{ "docker", EXPORT_DOCKER_ARCHIVE, false, true },
	{ "cacheonly", 0, false, false },
};

static int set_word(const char *field, struct arena *arena, struct output_given *ret_words,
		    struct err *err)
{
	const char *equals = strchr(field, '=');
	size_t length = equals ? (size_t)(equals - field) : strlen(field);

	for (size_t i = 0; i < array_count(words); i++) {
		if (strlen(words[i].key) != length || memcmp(words[i].key, field, length) != 0)
			continue;
		*(const char **)((char *)ret_words + words[i].offset) =
			equals ? arena_copy(arena, equals + 1) : "true";
		return 0;
	}
	return fail_plain(err, ENOTSUP,
			  "'%.*s' is not supported (type, dest, name, push, tar and "
			  "platform-split are)",
			  (int)length, field);
}

static int split_words(const char *text, struct arena *arena, struct output_given *ret_words,
		       struct err *err)
{
	const char *const *field;
	size_t count;
	int r = csv_parse(arena, text, &field, &count, err);

	if (r < 0)
		return r;
	if (count == 1 && !strchr(field[0], '=')) {
		*ret_words = (struct output_given){ .type = "local", .dest = field[0] };
		if (strcmp(field[0], "-") == 0)
			ret_words->type = "tar";
		return 0;
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		r = set_word(field[i], arena, ret_words, err);
	if (r == 0 && !ret_words->type)
		return fail_plain(err, EINVAL, "'type' is missing");
	return r;
}

static int check_words(const struct output_given *given, struct err *err)
{
	char type[32];

	snprintf(type, sizeof(type), " %.28s ", given->type);
	for (size_t i = 0; i < array_count(words); i++)
		if (words[i].types && !strstr(words[i].types, type) &&
		    *(const char *const *)((const char *)given + words[i].offset))
			return fail_plain(err, EINVAL, "type=%s has no '%s'", given->type,
					  words[i].key);
	return 0;
}

static int truth(const char *key, const char *text, bool *ret_value, struct err *err)
{
	if (!text)
		return 0;
	if (strcmp(text, "true") != 0 && strcmp(text, "1") != 0 && strcmp(text, "false") != 0 &&
	    strcmp(text, "0") != 0)
		return fail_plain(err, EINVAL, "%s=%s is neither true nor false", key, text);
	*ret_value = *text == 't' || *text == '1';
	return 0;
}

static const struct output_type *find_type(const char *name)
{
	for (size_t i = 0; i < array_count(types); i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

static int add_name(const char *text, struct build_output *output, struct err *err)
{
	struct ref *ref = &output->names[output->name_count];
	int r = ref_parse(text, ref, err);

	if (r == 0 && !digest_is_none(&ref->digest))
		return fail_plain(err, EINVAL, "'%s': a name cannot have a digest", text);
	output->name_count += r == 0;
	return r;
}

/* --tag names every image that comes of the build. */
static int add_names(struct build *build, const char *names, struct build_output *output,
		     struct err *err)
{
	const struct strings *tags = &build->request->tags;
	size_t more = names ? 1 : 0;
	char *copy = names ? arena_copy(&build->arena, names) : NULL;
	int r = 0;

	for (const char *c = names; c && *c; c++)
		more += *c == ',';
	output->names = arena_array(&build->arena, struct ref, tags->count + more);
	for (size_t i = 0; r == 0 && i < tags->count; i++)
		r = add_name(tags->item[i], output, err);
	for (char *next; r == 0 && copy; copy = next) {
		next = strchr(copy, ',');
		if (next)
			*next++ = '\0';
		r = add_name(copy, output, err);
	}
	return r;
}

static struct export_request export_request_of(struct build *build,
					       const struct build_output *output)
{
	return (struct export_request){ .store = &build->store,
					.format = output->format,
					.dest = output->dest,
					.merge = output->format == EXPORT_DIRECTORY };
}

static int check_output(struct build *build, const struct output_given *given,
			struct build_output *output, struct err *err)
{
	struct export_request request = export_request_of(build, output);

	if (output->push && output->name_count == 0)
		return fail_plain(err, EINVAL, "what is pushed needs a name (--tag)");
	if (!output->is_file)
		return 0;
	if (!output->dest)
		return fail_plain(err, EINVAL, "type=%s needs dest=%s", given->type,
				  export_is_directory(output->format) ? "DIRECTORY" : "FILE");
	if (output->format == EXPORT_DOCKER_ARCHIVE && build->makes_index)
		return fail_plain(err, ENOTSUP,
				  "a docker archive holds an image for one platform; type=oci "
				  "holds several");
	if (strcmp(output->dest, "-") == 0) {
		if (build->result.took_stdout)
			return fail_plain(err, EINVAL, "standard output is taken already");
		build->result.took_stdout = true;
	}
	return export_check_dest(&request, err);
}

static int set_flags(const struct output_given *given, struct build_output *output, struct err *err)
{
	bool as_tar = true;
	int r = truth("push", given->push, &output->push, err);

	if (r == 0)
		r = truth("platform-split", given->split, &output->is_split, err);
	if (r == 0)
		r = truth("tar", given->tar, &as_tar, err);
	if (!as_tar)
		output->format = EXPORT_OCI;
	return r;
}

/* docker's own image store is ours; a stream is what the others write without dest. */
static void set_default_dest(struct build_output *output)
{
	if (!output->is_file || output->dest)
		return;
	if (output->format == EXPORT_DOCKER_ARCHIVE) {
		output->is_image = true;
		output->is_file = false;
	} else if (output->format == EXPORT_TAR || output->format == EXPORT_OCI_ARCHIVE) {
		output->dest = "-";
	}
}

static int fill(struct build *build, const struct output_given *given, struct build_output *output,
		struct err *err)
{
	const struct output_type *type = find_type(given->type);
	int r;

	if (!type)
		return fail_plain(err, ENOTSUP,
				  "type '%s' is not one of image, registry, local, tar, "
				  "squashfs, oci, docker and cacheonly",
				  given->type);
	r = check_words(given, err);
	if (r < 0)
		return r;
	*output = (struct build_output){ .is_image = type->is_image,
					 .is_file = type->is_file,
					 .format = type->format,
					 .dest = given->dest,
					 .is_split = build->makes_index,
					 .push = strcmp(type->name, "registry") == 0 };
	r = set_flags(given, output, err);
	if (r < 0)
		return r;
	set_default_dest(output);
	r = add_names(build, given->name, output, err);
	return r < 0 ? r : check_output(build, given, output, err);
}

static int parse_one(struct build *build, const char *text, struct build_output *output,
		     struct err *err)
{
	struct output_given given = { 0 };
	int r = split_words(text, &build->arena, &given, err);

	if (r == 0)
		r = fill(build, &given, output, err);
	return r < 0 ? err_wrap(err, "--output '%s'", text) : 0;
}

int build_outputs_parse(struct build *build, struct err *err)
{
	const struct strings *given = &build->request->outputs;
	struct output_given image = { .type = "image" };
	bool has_image = false;
	int r = 0;

	build->output = arena_array(&build->arena, struct build_output, given->count + 1);
	for (size_t i = 0; r == 0 && i < given->count; i++) {
		struct build_output *output = &build->output[build->output_count++];

		r = parse_one(build, given->item[i], output, err);
		has_image |= output->is_image;
		output->push |= output->is_image && build->request->push;
	}
	if (r < 0 || has_image || (given->count && !build->request->push))
		return r;
	if (build->request->push)
		image.push = "true";
	r = fill(build, &image, &build->output[build->output_count++], err);
	return r < 0 && build->request->push ? err_wrap(err, "--push") : r;
}

/* ---- the build is done ---- */

static int name_image(struct build *build, const struct build_output *output, struct err *err)
{
	int r = 0;

	if (output->name_count == 0)
		return refs_set_untagged(&build->store, &build->root, err);
	for (size_t i = 0; r == 0 && i < output->name_count; i++)
		r = refs_set(&build->store, &output->names[i], &build->root, err);
	return r;
}

static int push_image(struct build *build, const struct build_output *output, struct err *err)
{
	for (size_t i = 0; i < output->name_count; i++) {
		char name[REF_TEXT_MAX];
		struct push_request request = { .image = ref_format(&output->names[i], name),
						.all_platforms = build->makes_index,
						.remote = build->request->remote };
		struct push_result result;
		int r = push(&build->store, &request, environ, &result, err);

		if (r < 0)
			return err_wrap(err, "push");
		log_info("pushed %s", name);
	}
	return 0;
}

/* "linux_arm64": as BuildKit calls it. */
static const char *folder_of(struct build *build, const struct platform *platform)
{
	char text[64];

	platform_format(platform, text);
	for (char *c = text; *c; c++)
		if (*c == '/')
			*c = '_';
	return arena_copy(&build->arena, text);
}

static int write_files(struct build *build, const struct build_output *output, struct err *err)
{
	struct export_request request = export_request_of(build, output);
	struct export_made *made = arena_array(&build->arena, struct export_made,
					       build->platform_count);

	for (size_t i = 0; i < build->platform_count; i++) {
		const struct build_platform *platform = &build->platform[i];

		made[i].root = platform->manifest;
		if (output->is_split)
			made[i].folder = folder_of(build, &platform->platform);
	}
	return export_made(&request, made, build->platform_count, err);
}

static int write_archive(struct build *build, const struct build_output *output, struct err *err)
{
	struct export_request request = export_request_of(build, output);
	struct export_made made = { .root = build->root,
				    .platform = &build->platform->platform,
				    .names = output->names,
				    .name_count = output->name_count };

	return export_made(&request, &made, 1, err);
}

static int write_file(struct build *build, const struct build_output *output, struct err *err)
{
	bool is_root = export_is_root(output->format);
	int r = is_root ? write_files(build, output, err) : write_archive(build, output, err);

	build->result.has_image |= !is_root;
	return r < 0 ? err_wrap(err, "output to '%s'", output->dest) : 0;
}

/* What can fail for want of space comes before a name changes, and both before others see it. */
int build_outputs_write(struct build *build, struct err *err)
{
	size_t count = build->output_count;
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		if (build->output[i].is_file)
			r = write_file(build, &build->output[i], err);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (!build->output[i].is_image)
			continue;
		build->result.has_image = true;
		r = name_image(build, &build->output[i], err);
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		if (build->output[i].push)
			r = push_image(build, &build->output[i], err);
	return r;
}

void build_output_names(const struct build *build, struct buf *names)
{
	auto_strings seen = { 0 };

	for (size_t i = 0; i < build->output_count; i++) {
		for (size_t j = 0; j < build->output[i].name_count; j++) {
			char name[REF_TEXT_MAX];

			ref_format(&build->output[i].names[j], name);
			if (strings_contains(&seen, name))
				continue;
			strings_add(&seen, name);
			buf_printf(names, "%s%s", names->size_bytes ? "," : "", name);
		}
	}
}
