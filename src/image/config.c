// SPDX-License-Identifier: Apache-2.0
/* One table names the members. Reading takes known members out of the parsed document; what is
 * left over is kept in `other` and `other_config` and written back after the known members. */
#include "image/config.h"

#include <string.h>

#include "base/banned.h"
#include "base/memory.h"

enum kind {
	TEXT,	/* char *: a string */
	LIST,	/* struct strings: an array of strings */
	SET,	/* struct strings: an object whose values mean nothing, written sorted */
	LABELS, /* struct strings of NAME=VALUE: an object of strings, written sorted */
};

struct member {
	const char *key;
	enum kind kind;
	size_t offset;
};

#define MEMBER(field) offsetof(struct config, field)

static const struct member document_members[] = {
	/* in the order of the specification */
	{ "created", TEXT, MEMBER(created) },
	{ "author", TEXT, MEMBER(author) },
	{ "architecture", TEXT, MEMBER(architecture) },
	{ "variant", TEXT, MEMBER(variant) },
	{ "os", TEXT, MEMBER(os) },
	{ "os.version", TEXT, MEMBER(os_version) },
};

static const struct member config_members[] = {
	{ "User", TEXT, MEMBER(user) },
	{ "ExposedPorts", SET, MEMBER(exposed_ports) },
	{ "Env", LIST, MEMBER(env) },
	{ "Entrypoint", LIST, MEMBER(entrypoint) },
	{ "Cmd", LIST, MEMBER(cmd) },
	{ "Volumes", SET, MEMBER(volumes) },
	{ "WorkingDir", TEXT, MEMBER(working_dir) },
	{ "Labels", LABELS, MEMBER(labels) },
	{ "StopSignal", TEXT, MEMBER(stop_signal) },
	{ "Shell", LIST, MEMBER(shell) },
	{ "OnBuild", LIST, MEMBER(on_build) },
};

static const struct {
	const char *key;
	size_t offset;
} health_members[] = {
	{ "Interval", offsetof(struct healthcheck, interval_ns) },
	{ "Timeout", offsetof(struct healthcheck, timeout_ns) },
	{ "StartPeriod", offsetof(struct healthcheck, start_period_ns) },
	{ "StartInterval", offsetof(struct healthcheck, start_interval_ns) },
	{ "Retries", offsetof(struct healthcheck, retries) },
};

static void *field_of(const struct config *config, size_t offset)
{
	union {
		const struct config *borrowed;
		char *bytes;
	} cast = { .borrowed = config };

	return cast.bytes + offset;
}

/* --- memory --- */

static void members_done(struct config *config, const struct member *member, size_t count)
{
	for (; count > 0; count--, member++) {
		if (member->kind == TEXT)
			free(*(char **)field_of(config, member->offset));
		else
			strings_done(field_of(config, member->offset));
	}
}

static void history_done(struct history *history)
{
	free(history->created);
	free(history->created_by);
	free(history->author);
	free(history->comment);
}

void config_done(struct config *config)
{
	members_done(config, document_members, array_count(document_members));
	members_done(config, config_members, array_count(config_members));
	strings_done(&config->healthcheck.test);
	for (size_t i = 0; i < config->history_count; i++)
		history_done(&config->history[i]);
	free(config->history);
	free(config->diff_ids);
	json_free(config->other);
	json_free(config->other_config);
	memset(config, 0, sizeof(*config));
}

void config_set(char **member, const char *text)
{
	char *copy = text && *text ? memory_copy_text(text) : NULL;

	free(*member);
	*member = copy;
}

void config_init(struct config *config)
{
	struct platform host = platform_host();

	memset(config, 0, sizeof(*config));
	config_set(&config->os, host.os);
	config_set(&config->architecture, host.architecture);
	config_set(&config->variant, host.variant);
}

void config_add_diff_id(struct config *config, const struct digest *diff_id)
{
	size_t count = config->diff_id_count + 1;

	config->diff_ids = memory_resize(config->diff_ids, count, sizeof(*diff_id));
	config->diff_ids[config->diff_id_count++] = *diff_id;
}

void config_add_history(struct config *config, const struct history *history)
{
	struct history *added;

	config->history = memory_resize(config->history, config->history_count + 1,
					sizeof(*history));
	added = &config->history[config->history_count++];
	memset(added, 0, sizeof(*added));
	config_set(&added->created, history->created);
	config_set(&added->created_by, history->created_by);
	config_set(&added->author, history->author);
	config_set(&added->comment, history->comment);
	added->empty_layer = history->empty_layer;
}

struct platform config_platform(const struct config *config)
{
	return (struct platform){ .os = config->os,
				  .architecture = config->architecture,
				  .variant = config->variant,
				  .os_version = config->os_version };
}

/* --- reading --- */

static int read_set(const struct json *object, struct strings *set, struct err *err)
{
	if (!json_is_object(object))
		return fail_plain(err, EINVAL, "not an object");
	json_each(object, member) strings_add(set, json_member_key(member));
	return 0;
}

static int read_labels(const struct json *object, struct strings *labels, struct err *err)
{
	if (!json_is_object(object))
		return fail_plain(err, EINVAL, "not an object");
	json_each(object, member)
	{
		const char *value = json_text(json_member_value(member));

		if (!value && !json_is_null(json_member_value(member)))
			return fail_plain(err, EINVAL, "'%.100s' is not a string",
					  json_member_key(member));
		if (strchr(json_member_key(member), '='))
			return fail_plain(err, EINVAL, "'%.100s': '=' in a label's name",
					  json_member_key(member));
		strings_env_set(labels, json_member_key(member), value ? value : "");
	}
	return 0;
}

/* Cmd and Entrypoint were single strings in images of Docker's first years. */
static int read_list(const struct json *object, const char *key, struct strings *list,
		     struct err *err)
{
	const char *text = json_get_text(object, key);

	if (!text)
		return json_read_strings(object, key, list, err);
	strings_add(list, text);
	return 0;
}

static int read_member(const struct json *object, const struct member *member, void *field,
		       struct err *err)
{
	const struct json *value = json_get(object, member->key);
	int r = 0;

	if (!value)
		return 0;
	switch (member->kind) {
	case TEXT:
		if (!json_text(value))
			r = fail_plain(err, EINVAL, "not a string");
		else
			config_set(field, json_text(value));
		break;
	case LIST:
		return read_list(object, member->key, field, err);
	case SET:
		r = read_set(value, field, err);
		break;
	case LABELS:
		r = read_labels(value, field, err);
		break;
	}
	return r < 0 ? err_wrap(err, "'%s'", member->key) : 0;
}

/* Reads the members and takes them out of the object. */
static int read_members(struct json *object, const struct member *member, size_t count,
			struct config *config, struct err *err)
{
	for (; count > 0; count--, member++) {
		int r = read_member(object, member, field_of(config, member->offset), err);

		if (r < 0)
			return r;
		json_remove(object, member->key);
	}
	return 0;
}

static int read_healthcheck(const struct json *object, struct healthcheck *check, struct err *err)
{
	if (!object)
		return 0;
	for (size_t i = 0; i < array_count(health_members); i++) {
		int64_t *number = (int64_t *)((char *)check + health_members[i].offset);
		const struct json *value = json_get(object, health_members[i].key);

		if (value && !json_integer_of(value, number))
			return fail_plain(err, EINVAL, "'Healthcheck': '%s' is not a whole number",
					  health_members[i].key);
	}
	return json_read_strings(object, "Test", &check->test, err);
}

static int read_inner(struct json *object, struct config *config, struct err *err)
{
	int r;

	if (!object)
		return 0;
	if (!json_is_object(object))
		return fail_plain(err, EINVAL, "'config' is not an object");
	r = read_members(object, config_members, array_count(config_members), config, err);
	if (r < 0)
		return err_wrap(err, "'config'");
	r = read_healthcheck(json_get(object, "Healthcheck"), &config->healthcheck, err);
	if (r < 0)
		return err_wrap(err, "'config'");
	json_remove(object, "Healthcheck");
	if (json_count(object))
		config->other_config = json_copy_of(object);
	return 0;
}

static int read_diff_ids(const struct json *rootfs, struct config *config, struct err *err)
{
	auto_strings texts = { 0 };
	int r = json_read_strings(rootfs, "diff_ids", &texts, err);

	if (r < 0)
		return err_wrap(err, "'rootfs'");
	strings_each(&texts, text) {
		struct digest diff_id;

		r = digest_parse(text, &diff_id, err);
		if (r < 0)
			return err_wrap(err, "'rootfs': 'diff_ids'");
		config_add_diff_id(config, &diff_id);
	}
	return 0;
}

/* Pointers into the document; config_add_history copies what they point at. */
static char *borrowed_text(const struct json *object, const char *key)
{
	union {
		const char *text;
		char *unused_write;
	} cast = { .text = json_get_text(object, key) };

	return cast.unused_write;
}

static int read_history(const struct json *array, struct config *config, struct err *err)
{
	if (array && !json_is_array(array))
		return fail_plain(err, EINVAL, "'history' is not an array");
	for (size_t i = 0; i < json_count(array); i++) {
		const struct json *entry = json_at(array, i);
		struct history history = {
			.created = borrowed_text(entry, "created"),
			.created_by = borrowed_text(entry, "created_by"),
			.author = borrowed_text(entry, "author"),
			.comment = borrowed_text(entry, "comment"),
			.empty_layer = json_is_true(json_get(entry, "empty_layer")),
		};

		config_add_history(config, &history);
	}
	return 0;
}

static int parse(struct json *json, struct config *config, struct err *err)
{
	int r;

	if (!json_is_object(json))
		return fail_plain(err, EINVAL, "not a JSON object");
	r = read_members(json, document_members, array_count(document_members), config, err);
	if (r < 0)
		return r;
	r = read_inner(json_get(json, "config"), config, err);
	if (r < 0)
		return r;
	r = read_diff_ids(json_get(json, "rootfs"), config, err);
	if (r < 0)
		return r;
	r = read_history(json_get(json, "history"), config, err);
	if (r < 0)
		return r;
	json_remove(json, "config");
	json_remove(json, "rootfs");
	json_remove(json, "history");
	if (json_count(json))
		config->other = json_copy_of(json);
	return 0;
}

int config_parse(const void *bytes, size_t size_bytes, struct config *ret_config, struct err *err)
{
	struct config config = { 0 };
	auto_json *json = NULL;
	int r;

	if (size_bytes > CONFIG_SIZE_MAX)
		return fail_plain(err, EFBIG, "image config: larger than %zu bytes",
				  CONFIG_SIZE_MAX);
	r = json_parse(bytes, size_bytes, &json, err);
	if (r == 0)
		r = parse(json, &config, err);
	if (r < 0) {
		config_done(&config);
		return err_wrap(err, "image config");
	}
	*ret_config = config;
	return 0;
}

/* --- writing --- */

static struct json *set_to_json(const struct strings *set, enum kind kind)
{
	struct json *object = json_new_object();
	auto_strings sorted = { 0 };

	strings_add_all(&sorted, set->item);
	strings_sort(&sorted);
	strings_each(&sorted, text) {
		char *equals = kind == LABELS ? strchr(text, '=') : NULL;

		if (equals)
			*equals = '\0';
		if (kind == LABELS)
			json_set_text(object, text, equals ? equals + 1 : "");
		else
			json_set(object, text, json_new_object());
	}
	return object;
}

static void write_member(struct json *object, const struct member *member, const void *field)
{
	const struct strings *list = field;

	if (member->kind == TEXT)
		json_set_text(object, member->key, *(char *const *)field);
	else if (list->count == 0)
		return;
	else if (member->kind == LIST)
		json_set_strings(object, member->key, list);
	else
		json_set(object, member->key, set_to_json(list, member->kind));
}

static void write_members(struct json *object, const struct member *member, size_t count,
			  const struct config *config)
{
	for (; count > 0; count--, member++)
		write_member(object, member, field_of(config, member->offset));
}

static void write_others(struct json *object, const struct json *other)
{
	json_each(other, member)
		json_set(object, json_member_key(member), json_copy_of(json_member_value(member)));
}

static void write_healthcheck(struct json *object, const struct healthcheck *check)
{
	struct json *json;

	if (check->test.count == 0)
		return;
	json = json_new_object();
	json_set_strings(json, "Test", &check->test);
	for (size_t i = 0; i < array_count(health_members); i++) {
		const void *at = (const char *)check + health_members[i].offset;
		int64_t number = *(const int64_t *)at;

		if (number)
			json_set_integer(json, health_members[i].key, number);
	}
	json_set(object, "Healthcheck", json);
}

static struct json *write_inner(const struct config *config)
{
	struct json *object = json_new_object();

	write_members(object, config_members, array_count(config_members), config);
	write_healthcheck(object, &config->healthcheck);
	write_others(object, config->other_config);
	return object;
}

static struct json *write_rootfs(const struct config *config)
{
	struct json *object = json_new_object();
	struct json *array = json_new_array();

	for (size_t i = 0; i < config->diff_id_count; i++)
		json_add_text(array, config->diff_ids[i].text);
	json_set_text(object, "type", "layers");
	json_set(object, "diff_ids", array);
	return object;
}

static struct json *write_history(const struct config *config)
{
	struct json *array = json_new_array();

	for (size_t i = 0; i < config->history_count; i++) {
		const struct history *history = &config->history[i];
		struct json *entry = json_new_object();

		json_set_text(entry, "created", history->created);
		json_set_text(entry, "created_by", history->created_by);
		json_set_text(entry, "author", history->author);
		json_set_text(entry, "comment", history->comment);
		if (history->empty_layer)
			json_set_bool(entry, "empty_layer", true);
		json_add(array, entry);
	}
	return array;
}

void config_print(const struct config *config, struct buf *buf)
{
	auto_json *json = json_new_object();

	write_members(json, document_members, array_count(document_members), config);
	json_set(json, "config", write_inner(config));
	json_set(json, "rootfs", write_rootfs(config));
	if (config->history_count)
		json_set(json, "history", write_history(config));
	write_others(json, config->other);
	json_print(json, JSON_ONE_LINE, buf);
}

void config_copy(const struct config *config, struct config *ret_config)
{
	auto_buf text = { 0 };
	struct err err = { 0 };

	config_print(config, &text);
	memset(ret_config, 0, sizeof(*ret_config));
	if (config_parse(text.bytes, text.size_bytes, ret_config, &err) < 0)
		abort(); /* what config_print wrote, config_parse reads: anything else is our bug */
}
