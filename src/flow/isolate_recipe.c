// SPDX-License-Identifier: Apache-2.0
/* What rootlet.yaml says becomes part of environment.json as it is used: lines of a list with the
 * number of the line they are from, binds, variables. So the file is needed only when an
 * environment is made, and messages of later still name its lines. */
#include "flow/isolate_recipe.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"
#include "codec/json.h"
#include "codec/yaml_tree.h"

struct recipe {
	const char *path; /* absolute */
	struct isolate_request *request;
	struct json *json;
	struct json *lines;	    /* of it, borrowed */
	const struct yaml *of_host; /* the first key that is for files of this host alone */
};

static int wrong(const struct recipe *recipe, unsigned line, struct err *err, const char *what)
{
	return fail_plain(err, EINVAL, "%s:%u: %s", recipe->path, line, what);
}

/* A path as it is written there: relative to the file. */
static const char *absolute(const struct recipe *recipe, const char *path)
{
	const char *slash = strrchr(recipe->path, '/');

	if (path[0] == '/')
		return path;
	return arena_printf(&recipe->request->arena, "%.*s/%s", (int)(slash - recipe->path),
			    recipe->path, text_starts(path, "./") ? path + 2 : path);
}

static int need_word(const struct recipe *recipe, const struct yaml *node, struct err *err)
{
	if (node->kind != YAML_SCALAR || yaml_is_null(node) || !node->text[0])
		return wrong(recipe, node->line, err, "a word is expected here");
	if (strchr(node->text, '\n'))
		return wrong(recipe, node->line, err, "a single line is expected here");
	return 0;
}

/* ---- lines of a list ---- */

static int add_line(struct recipe *recipe, const struct yaml *word, const char *before,
		    struct err *err)
{
	struct json *line;
	auto_buf text = { 0 };
	int r = need_word(recipe, word, err);

	if (r < 0)
		return r;
	buf_printf(&text, "%s%s", before, word->text);
	line = json_new_object();
	json_set_integer(line, "line", word->line);
	json_set_text(line, "text", text.bytes);
	json_add(recipe->lines, line);
	return 0;
}

/* One word, or a list of them. */
static int add_lines(struct recipe *recipe, const struct yaml *node, const char *before,
		     struct err *err)
{
	int r = 0;

	recipe->of_host = recipe->of_host ?: node;
	if (node->kind == YAML_MAPPING)
		return wrong(recipe, node->line, err, "a list is expected here");
	if (node->kind == YAML_SCALAR)
		return add_line(recipe, node, before, err);
	for (const struct yaml *word = node->first; r == 0 && word; word = word->next)
		r = add_line(recipe, word, before, err);
	return r;
}

static int read_with(struct recipe *recipe, const struct yaml *node, struct err *err)
{
	return add_lines(recipe, node, "pkg:", err);
}

static int read_files(struct recipe *recipe, const struct yaml *node, struct err *err)
{
	return add_lines(recipe, node, "", err);
}

static int read_hide(struct recipe *recipe, const struct yaml *node, struct err *err)
{
	return add_lines(recipe, node, "!", err);
}

/* ---- the others ---- */

static int read_from(struct recipe *recipe, const struct yaml *node, struct err *err)
{
	struct isolate_request *request = recipe->request;
	static const char *const with_path[] = { "files:", "tar:", "dir:" };
	int r = need_word(recipe, node, err);

	if (r < 0 || request->source)
		return r;
	request->where = arena_printf(&request->arena, "%s:%u", recipe->path, node->line);
	request->source = arena_copy(&request->arena, node->text);
	for (size_t i = 0; i < array_count(with_path); i++) {
		const char *path = node->text + strlen(with_path[i]);

		if (text_starts(node->text, with_path[i]) && *path)
			request->source = arena_printf(&request->arena, "%s%s", with_path[i],
						       absolute(recipe, path));
	}
	return 0;
}

static int read_network(struct recipe *recipe, const struct yaml *node, struct err *err)
{
	bool network;

	if (!yaml_is_bool(node, &network))
		return wrong(recipe, node->line, err, "network is true (the host's) or false");
	recipe->request->network |= network;
	return 0;
}

static int read_bind_key(const struct recipe *recipe, const struct yaml *member, struct json *bind,
			 struct err *err)
{
	bool writable;
	int r;

	if (strcmp(member->key, "write") == 0) {
		if (!yaml_is_bool(member, &writable))
			return wrong(recipe, member->line, err, "write is true or false");
		json_set_bool(bind, "write", writable);
		return 0;
	}
	r = need_word(recipe, member, err);
	if (r < 0)
		return r;
	if (strcmp(member->key, "path") == 0)
		json_set_text(bind, "source", absolute(recipe, member->text));
	else if (strcmp(member->key, "at") != 0)
		return fail_plain(err, EINVAL, "%s:%u: '%s' is none of path, at, write",
				  recipe->path, member->key_line, member->key);
	else if (member->text[0] != '/')
		return wrong(recipe, member->line, err, "'at' is no absolute path");
	else
		json_set_text(bind, "target", member->text);
	return 0;
}

static int read_bind(const struct recipe *recipe, const struct yaml *node, struct json *binds,
		     struct err *err)
{
	struct json *bind = json_new_object();
	int r = 0;

	json_add(binds, bind);
	if (node->kind != YAML_MAPPING) {
		r = need_word(recipe, node, err);
		if (r == 0)
			json_set_text(bind, "source", absolute(recipe, node->text));
	}
	for (const struct yaml *member = node->kind == YAML_MAPPING ? node->first : NULL;
	     r == 0 && member; member = member->next)
		r = read_bind_key(recipe, member, bind, err);
	if (r == 0 && !json_get(bind, "source"))
		r = wrong(recipe, node->line, err, "a bind lacks its path");
	if (r == 0 && !json_get(bind, "target"))
		json_set_text(bind, "target", json_get_text(bind, "source"));
	return r;
}

static int read_binds(struct recipe *recipe, const struct yaml *node, struct err *err)
{
	struct json *binds = json_new_array();
	int r = 0;

	json_set(recipe->json, "bind", binds);
	if (node->kind != YAML_LIST)
		return wrong(recipe, node->line, err, "bind is a list");
	for (const struct yaml *bind = node->first; r == 0 && bind; bind = bind->next)
		r = read_bind(recipe, bind, binds, err);
	return r;
}

static int read_env(struct recipe *recipe, const struct yaml *node, struct err *err)
{
	auto_strings env = { 0 };

	if (node->kind != YAML_MAPPING)
		return wrong(recipe, node->line, err, "env is a mapping of names to values");
	yaml_each(node, member)
	{
		if (!member->key[0] || strchr(member->key, '='))
			return wrong(recipe, member->key_line, err, "no name of a variable");
		if (member->kind != YAML_SCALAR || yaml_is_null(member))
			return wrong(recipe, member->line, err, "a variable lacks its value");
		strings_env_set(&env, member->key, member->text);
	}
	json_set_strings(recipe->json, "env", &env);
	return 0;
}

static int read_pass(struct recipe *recipe, const struct yaml *node, struct err *err)
{
	struct json *pass = json_new_array();
	int r = 0;

	json_set(recipe->json, "pass", pass);
	if (node->kind != YAML_LIST)
		return wrong(recipe, node->line, err, "pass is a list of names");
	for (const struct yaml *word = node->first; r == 0 && word; word = word->next) {
		r = need_word(recipe, word, err);
		if (r == 0)
			json_add_text(pass, word->text);
	}
	return r;
}

/* ---- all of it ---- */

static const struct key {
	const char *name;
	int (*read)(struct recipe *recipe, const struct yaml *node, struct err *err);
} keys[] = {
	{ "from", read_from }, { "with", read_with },	    { "files", read_files },
	{ "hide", read_hide }, { "network", read_network }, { "bind", read_binds },
	{ "env", read_env },   { "pass", read_pass },
};
#define KEYS "from, with, files, hide, network, bind, env, pass"

static int check_keys(const struct recipe *recipe, const struct yaml *root, struct err *err)
{
	yaml_each(root, member)
	{
		size_t i = 0;

		while (i < array_count(keys) && strcmp(keys[i].name, member->key) != 0)
			i++;
		if (i == array_count(keys))
			return fail_plain(err, EINVAL, "%s:%u: '%s' is none of " KEYS, recipe->path,
					  member->key_line, member->key);
		if (yaml_is_null(member))
			return fail_plain(err, EINVAL, "%s:%u: '%s' lacks its value", recipe->path,
					  member->key_line, member->key);
	}
	return 0;
}

/* In the order of the table: what is hidden is hidden, wherever it stands. */
static int read_keys(struct recipe *recipe, const struct yaml *root, struct err *err)
{
	int r = check_keys(recipe, root, err);

	for (size_t i = 0; r == 0 && i < array_count(keys); i++)
		for (const struct yaml *member = root->first; r == 0 && member;
		     member = member->next)
			if (strcmp(keys[i].name, member->key) == 0)
				r = keys[i].read(recipe, member, err);
	return r;
}

static int finish(struct recipe *recipe, struct err *err)
{
	struct isolate_request *request = recipe->request;
	const char *source = request->source;

	if (!source && recipe->of_host)
		request->source = "files";
	else if (!source)
		return fail_plain(err, EINVAL, "%s: says neither 'from' nor 'files'", recipe->path);
	else if (recipe->of_host && !isolate_is_of_host_files(source))
		return fail_plain(
			err, EINVAL, "%s:%u: '%s' is for files of this host, and from '%s' is none",
			recipe->path, recipe->of_host->key_line, recipe->of_host->key, source);
	return 0;
}

int isolate_recipe_read(const char *path, struct isolate_request *request, struct err *err)
{
	struct recipe recipe = { .request = request };
	auto_json *json = json_new_object();
	const struct yaml *root = NULL;
	auto_arena arena = { 0 };
	auto_buf text = { 0 };
	char real[PATH_MAX];
	int r;

	if (!realpath(path, real))
		return fail(err, errno, "'%s'", path);
	recipe.path = real;
	recipe.json = json;
	recipe.lines = json_new_array();
	json_set_text(json, "file", real);
	json_set(json, "lines", recipe.lines);
	r = io_read_file_at(AT_FDCWD, real, RECIPE_MAX_BYTES, &text, err);
	if (r == 0)
		r = yaml_parse(&arena, real, buf_text(&text), text.size_bytes, &root, err);
	if (r == 0 && (!root || root->kind != YAML_MAPPING))
		r = wrong(&recipe, root ? root->line : 1, err, "a mapping is expected: " KEYS);
	if (r == 0)
		r = read_keys(&recipe, root, err);
	if (r == 0)
		r = finish(&recipe, err);
	if (r == 0)
		request->recipe = take_ptr(json);
	return r;
}

int isolate_recipe_show(const struct json *recipe, const struct filelist_sources *sources,
			struct err *err)
{
	const struct json *lines = json_get(recipe, "lines");
	const char *file = json_get_text(recipe, "file");
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_count(lines); i++) {
		const struct json *line = json_at(lines, i);
		const char *text = json_get_text(line, "text");
		uint64_t number;

		r = json_need_u64(line, "line", &number, err);
		if (r == 0 && text)
			r = filelist_show_line(sources, file ?: "rootlet.yaml", (unsigned)number,
					       text, err);
	}
	return r;
}

bool isolate_recipe_equals(const struct json *a, const struct json *b)
{
	auto_buf text_a = { 0 };
	auto_buf text_b = { 0 };

	if (!a || !b)
		return a == b;
	json_print(a, JSON_ONE_LINE, &text_a);
	json_print(b, JSON_ONE_LINE, &text_b);
	return strcmp(buf_text(&text_a), buf_text(&text_b)) == 0;
}
