// SPDX-License-Identifier: Apache-2.0
/* Later files win: a rule replaces the whole rule of the same prefix, an alias the alias of the
 * same name, a list the whole list (containers-registries.conf.d(5)). */
#include "remote/registries.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "base/banned.h"
#include "base/buf.h"
#include "base/io.h"
#include "codec/toml.h"

enum pull_by { PULL_ALL, PULL_BY_DIGEST, PULL_BY_TAG };

struct registry_mirror {
	const char *location;
	bool insecure;
	enum pull_by pull_by;
	struct registry_mirror *next;
};

struct registry_rule {
	const char *prefix;   /* host[/path][:tag|@digest] or *.domain */
	const char *location; /* "" under a wildcard: no rewriting */
	bool insecure;
	bool blocked;
	struct registry_mirror *mirrors;
	struct registry_rule *next;
};

struct registry_alias {
	const char *name;
	const char *value; /* "": erased by a later file */
	struct registry_alias *next;
};

void registries_done(struct registries *registries)
{
	strings_done(&registries->search);
	strings_done(&registries->helpers);
	arena_done(&registries->arena);
	*registries = (struct registries){ 0 };
}

/* ---- reading ---- */

static int wrong(const struct toml *node, struct err *err, const char *what)
{
	return fail_plain(err, EINVAL, "line %u: %s", node->line, what);
}

static int check_location(const struct toml *table, const char *location, struct err *err)
{
	if (strstr(location, "://"))
		return wrong(table, err, "a location has no scheme: write host[:port][/path]");
	if (text_ends(location, "/"))
		return wrong(table, err, "a location does not end in '/'");
	return 0;
}

static int read_pull_by(const struct toml *table, bool digest_only, enum pull_by *ret_pull_by,
			struct err *err)
{
	const char *text = "";
	int r = toml_get_text(table, "pull-from-mirror", &text, err);

	if (r < 0)
		return r;
	if (digest_only && *text)
		return wrong(table, err,
			     "pull-from-mirror contradicts the registry's mirror-by-digest-only");
	if (!*text || strcmp(text, "all") == 0)
		*ret_pull_by = digest_only ? PULL_BY_DIGEST : PULL_ALL;
	else if (strcmp(text, "digest-only") == 0)
		*ret_pull_by = PULL_BY_DIGEST;
	else if (strcmp(text, "tag-only") == 0)
		*ret_pull_by = PULL_BY_TAG;
	else
		return wrong(table, err, "pull-from-mirror is all, digest-only or tag-only");
	return 0;
}

static int read_mirror(struct arena *arena, const struct toml *table, bool digest_only,
		       struct registry_mirror **ret_mirror, struct err *err)
{
	struct registry_mirror *mirror = arena_new(arena, struct registry_mirror);
	int r;

	r = toml_get_text(table, "location", &mirror->location, err);
	if (r < 0)
		return r;
	if (!mirror->location || !*mirror->location)
		return wrong(table, err, "a mirror needs a location");
	r = check_location(table, mirror->location, err);
	if (r < 0)
		return r;
	r = toml_get_bool(table, "insecure", &mirror->insecure, err);
	if (r < 0)
		return r;
	r = read_pull_by(table, digest_only, &mirror->pull_by, err);
	if (r < 0)
		return r;
	*ret_mirror = mirror;
	return 0;
}

static int read_mirrors(struct arena *arena, const struct toml *table, struct registry_rule *rule,
			struct err *err)
{
	struct registry_mirror **end = &rule->mirrors;
	const struct toml *mirrors = NULL;
	bool digest_only = false;
	size_t count = 0;
	int r;

	r = toml_get_bool(table, "mirror-by-digest-only", &digest_only, err);
	if (r < 0)
		return r;
	r = toml_get_array(table, "mirror", TOML_TABLE, &mirrors, err);
	if (r < 0)
		return r;
	toml_each(mirrors, mirror)
	{
		if (++count >= ENDPOINTS_MAX)
			return wrong(mirror, err, "too many mirrors");
		r = read_mirror(arena, mirror, digest_only, end, err);
		if (r < 0)
			return r;
		end = &(*end)->next;
	}
	return 0;
}

static int check_rule(const struct toml *table, struct registry_rule *rule, struct err *err)
{
	const char *star;

	if (!rule->prefix || !*rule->prefix)
		rule->prefix = rule->location;
	if (!rule->prefix || !*rule->prefix)
		return wrong(table, err, "a registry needs a prefix or a location");
	star = strchr(rule->prefix, '*');
	if (star && (!text_starts(rule->prefix, "*.") || strpbrk(rule->prefix + 1, "*/:@")))
		return wrong(table, err, "a prefix with '*' has the form *.domain");
	if (!rule->location)
		rule->location = star ? "" : rule->prefix;
	if (!*rule->location && !star)
		return wrong(table, err, "a registry needs a location");
	return check_location(table, rule->location, err);
}

static int read_rule(struct arena *arena, const struct toml *table, struct registry_rule **ret_rule,
		     struct err *err)
{
	struct registry_rule *rule = arena_new(arena, struct registry_rule);
	int r;

	r = toml_get_text(table, "prefix", &rule->prefix, err);
	if (r < 0)
		return r;
	r = toml_get_text(table, "location", &rule->location, err);
	if (r < 0)
		return r;
	r = check_rule(table, rule, err);
	if (r < 0)
		return r;
	r = toml_get_bool(table, "insecure", &rule->insecure, err);
	if (r < 0)
		return r;
	r = toml_get_bool(table, "blocked", &rule->blocked, err);
	if (r < 0)
		return r;
	r = read_mirrors(arena, table, rule, err);
	if (r < 0)
		return r;
	*ret_rule = rule;
	return 0;
}

static void put_rule(struct registries *registries, struct registry_rule *rule)
{
	struct registry_rule **at = &registries->rules;

	for (; *at; at = &(*at)->next) {
		if (strcmp((*at)->prefix, rule->prefix) != 0)
			continue;
		rule->next = (*at)->next;
		break;
	}
	*at = rule;
}

static int read_rules(struct registries *registries, const struct toml *root, struct err *err)
{
	const struct toml *tables = NULL;
	int r = toml_get_array(root, "registry", TOML_TABLE, &tables, err);

	if (r < 0)
		return r;
	toml_each(tables, table)
	{
		struct registry_rule *rule;

		r = read_rule(&registries->arena, table, &rule, err);
		if (r < 0)
			return r;
		put_rule(registries, rule);
	}
	return 0;
}

static int read_aliases(struct registries *registries, const struct toml *root, struct err *err)
{
	const struct toml *aliases = toml_get(root, "aliases");

	if (aliases && aliases->kind != TOML_TABLE)
		return wrong(aliases, err, "'aliases' is not a table");
	toml_each(aliases, node)
	{
		struct registry_alias *alias;

		if (node->kind != TOML_STRING)
			return wrong(node, err, "an alias has the form \"name\" = \"host/name\"");
		alias = arena_new(&registries->arena, struct registry_alias);
		alias->name = node->key;
		alias->value = node->text;
		alias->next = registries->aliases; /* later ones are found first */
		registries->aliases = alias;
	}
	return 0;
}

static int read_list(const struct toml *root, const char *key, struct strings *list,
		     struct err *err)
{
	const struct toml *array = NULL;
	int r = toml_get_array(root, key, TOML_STRING, &array, err);

	if (r < 0)
		return r;
	if (array)
		strings_clear(list);
	toml_each(array, node) strings_add(list, node->text);
	return 0;
}

static int read_short_name_mode(struct registries *registries, const struct toml *root,
				struct err *err)
{
	const char *mode = NULL;
	int r = toml_get_text(root, "short-name-mode", &mode, err);

	if (r < 0 || !mode)
		return r;
	if (strcmp(mode, "enforcing") != 0 && strcmp(mode, "permissive") != 0 &&
	    strcmp(mode, "disabled") != 0 && *mode)
		return wrong(toml_get(root, "short-name-mode"), err,
			     "short-name-mode is enforcing, permissive or disabled");
	registries->enforce_short_names = strcmp(mode, "enforcing") == 0;
	return 0;
}

int registries_add(struct registries *registries, const char *text, size_t size_bytes,
		   struct err *err)
{
	const struct toml *root;
	int r;

	r = toml_parse(&registries->arena, text, size_bytes, &root, err);
	if (r < 0)
		return r;
	if (toml_get(root, "registries"))
		return wrong(
			toml_get(root, "registries"), err,
			"[registries.*] is version 1 of the format; version 2 has [[registry]]");
	r = read_rules(registries, root, err);
	if (r < 0)
		return r;
	r = read_aliases(registries, root, err);
	if (r < 0)
		return r;
	r = read_list(root, "unqualified-search-registries", &registries->search, err);
	if (r < 0)
		return r;
	r = read_list(root, "credential-helpers", &registries->helpers, err);
	if (r < 0)
		return r;
	return read_short_name_mode(registries, root, err);
}

/* 0 also when the file is not there; *ret_found says which. */
static int load_file(struct registries *registries, const char *path, bool *ret_found,
		     struct err *err)
{
	auto_buf text = { 0 };
	int r;

	r = io_read_file_at(AT_FDCWD, path, REGISTRIES_FILE_MAX, &text, err);
	*ret_found = r >= 0;
	if (r == -ENOENT || r == -ENOTDIR) {
		err_clear(err);
		return 0;
	}
	if (r < 0)
		return r;
	r = registries_add(registries, buf_text(&text), text.size_bytes, err);
	if (r < 0)
		return err_wrap(err, "'%s'", path);
	return 0;
}

/* By name within one directory; the directories keep their order. */
static void list_drop_ins(const char *directory, struct strings *paths)
{
	auto_strings found = { 0 };
	DIR *dir = opendir(directory);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (text_ends(entry->d_name, ".conf"))
			strings_printf(&found, "%s/%s", directory, entry->d_name);
	closedir(dir);
	strings_sort(&found);
	strings_add_all(paths, found.item);
}

static int load_all(const struct remote_paths *paths, struct registries *registries,
		    struct err *err)
{
	auto_strings drop_ins = { 0 };
	bool found = false;
	int r;

	strings_each(&paths->registries, path) {
		r = load_file(registries, path, &found, err);
		if (r < 0)
			return r;
		if (found)
			break;
	}
	strings_each(&paths->registries_dirs, directory)
		list_drop_ins(directory, &drop_ins);
	strings_add_all(&drop_ins, paths->aliases.item);
	strings_each(&drop_ins, path) {
		r = load_file(registries, path, &found, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int registries_load(const struct remote_paths *paths, struct registries *ret_registries,
		    struct err *err)
{
	struct registries registries = { 0 };
	int r = load_all(paths, &registries, err);

	if (r < 0) {
		registries_done(&registries);
		return r;
	}
	*ret_registries = registries;
	return 0;
}

/* ---- choosing ---- */

/* Length of the part of `name` that `prefix` covers, 0 when it does not match. */
static size_t match(const char *prefix, const char *name)
{
	size_t length = strlen(prefix);
	size_t host = strcspn(name, ":/@");

	if (*prefix == '*') {
		const char *domain = prefix + 1;

		length--;
		return host > length && strncmp(name + host - length, domain, length) == 0
			       ? strcspn(name, "/")
			       : 0;
	}
	if (strncmp(name, prefix, length) != 0)
		return 0;
	/* "host" is not "host:5000", but "host/name" is "host/name:tag" */
	return name[length] == '\0' || strchr(strchr(prefix, '/') ? "/:@" : "/", name[length])
		       ? length
		       : 0;
}

static const struct registry_rule *find_rule(const struct registries *registries, const char *name)
{
	const struct registry_rule *best = NULL;

	for (const struct registry_rule *rule = registries->rules; rule; rule = rule->next)
		if (match(rule->prefix, name) &&
		    (!best || strlen(rule->prefix) > strlen(best->prefix)))
			best = rule;
	return best;
}

/* Put `location` where `prefix` stood and read the result as a reference. */
static int rewrite(const char *name, size_t covered, const char *location, struct ref *ret_ref,
		   struct err *err)
{
	auto_buf text = { 0 };
	struct ref ref;
	int r;

	buf_printf(&text, "%s%s", location, name + covered);
	r = ref_parse(text.bytes, &ref, err);
	if (r < 0)
		return err_wrap(err, "registries.conf: location '%s' gives '%s'", location,
				text.bytes);
	if (strlen(ref.host) != strcspn(text.bytes, "/") ||
	    strncmp(ref.host, text.bytes, strlen(ref.host)) != 0)
		return fail_plain(err, EINVAL,
				  "registries.conf: location '%s' does not begin with a host "
				  "(host.domain, host:port or localhost)",
				  location);
	*ret_ref = ref;
	return 0;
}

static int add_endpoint(const char *name, size_t covered, const char *location,
			struct endpoint *endpoint, struct err *err)
{
	if (*location)
		return rewrite(name, covered, location, &endpoint->ref, err);
	return ref_parse(name, &endpoint->ref, err);
}

static int blocked(const struct registry_rule *rule, const char *name, struct err *err)
{
	fail_plain(err, EACCES, "'%s' is blocked by registries.conf (prefix '%s')", name,
		   rule->prefix);
	return -EACCES;
}

int registries_push(const struct registries *registries, const struct ref *ref,
		    struct endpoint *ret_endpoint, struct err *err)
{
	char name[REF_TEXT_MAX];
	const struct registry_rule *rule = find_rule(registries, ref_format(ref, name));
	struct endpoint endpoint = { .ref = *ref };
	int r;

	if (rule && rule->blocked)
		return blocked(rule, name, err);
	if (rule) {
		endpoint.insecure = rule->insecure;
		r = add_endpoint(name, match(rule->prefix, name), rule->location, &endpoint, err);
		if (r < 0)
			return r;
	}
	*ret_endpoint = endpoint;
	return 0;
}

static bool mirror_serves(const struct registry_mirror *mirror, const struct ref *ref)
{
	bool by_digest = ref->digest.text[0] != '\0';

	return mirror->pull_by == PULL_ALL || (mirror->pull_by == PULL_BY_DIGEST) == by_digest;
}

int registries_pull(const struct registries *registries, const struct ref *ref,
		    struct endpoint ret_list[ENDPOINTS_MAX], size_t *ret_count, struct err *err)
{
	char name[REF_TEXT_MAX];
	const struct registry_rule *rule = find_rule(registries, ref_format(ref, name));
	size_t count = 0;
	int r;

	for (const struct registry_mirror *mirror = rule ? rule->mirrors : NULL; mirror;
	     mirror = mirror->next) {
		if (rule->blocked || !mirror_serves(mirror, ref))
			continue;
		ret_list[count] = (struct endpoint){ .insecure = mirror->insecure,
						     .is_mirror = true };
		r = rewrite(name, match(rule->prefix, name), mirror->location, &ret_list[count].ref,
			    err);
		if (r < 0)
			return r;
		count++;
	}
	r = registries_push(registries, ref, &ret_list[count], err);
	if (r < 0)
		return r;
	*ret_count = count + 1;
	return 0;
}

/* ---- short names ---- */

/* As in image/ref.h: a first component with '.', ':' or equal to localhost is a host. */
static bool has_host(const char *text)
{
	size_t length = strcspn(text, "/");

	if (text[length] != '/')
		return false;
	return memchr(text, '.', length) || memchr(text, ':', length) ||
	       (length == 9 && strncmp(text, "localhost", 9) == 0);
}

static const char *find_alias(const struct registries *registries, const char *name, size_t length)
{
	for (const struct registry_alias *alias = registries->aliases; alias; alias = alias->next)
		if (strlen(alias->name) == length && strncmp(alias->name, name, length) == 0)
			return *alias->value ? alias->value : NULL;
	return NULL;
}

static int ambiguous(const struct registries *registries, const char *text, struct err *err)
{
	auto_buf hosts = { 0 };

	strings_each(&registries->search, host)
		buf_printf(&hosts, "%s%s/%s", hosts.size_bytes ? ", " : "", host, text);
	fail_plain(err, EINVAL, "short name '%s' is ambiguous: short-name-mode is enforcing", text);
	err_hint(err, "say which: %s", buf_text(&hosts));
	return -EINVAL;
}

int registries_expand(const struct registries *registries, const char *text,
		      struct strings *ret_names, struct err *err)
{
	const char *slash = strrchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : 0;
	const char *alias;

	length += strcspn(text + length, ":@"); /* the name without tag and digest */
	if (has_host(text)) {
		strings_add(ret_names, text);
		return 0;
	}
	alias = find_alias(registries, text, length);
	if (alias) {
		strings_printf(ret_names, "%s%s", alias, text + length);
		return 0;
	}
	if (registries->enforce_short_names && registries->search.count > 1)
		return ambiguous(registries, text, err);
	strings_each(&registries->search, host)
		strings_printf(ret_names, "%s/%s", host, text);
	if (registries->search.count == 0)
		strings_add(ret_names, text);
	return 0;
}
