// SPDX-License-Identifier: Apache-2.0
#include "remote/credentials.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/log.h"
#include "base/memory.h"
#include "remote/helper.h"
#include "sys/settled.h"

#define DOCKER_HUB_KEY "https://index.docker.io/v1/"

/* Not there, or below a directory that is somebody else's: no file of the caller's. One that is
 * there and may not be read is told. */
static bool is_absent(const char *path, int r)
{
	return r == -ENOENT || r == -ENOTDIR || (r == -EACCES && access(path, F_OK) < 0);
}

static bool is_legacy(const char *path)
{
	return text_ends(path, "/" AUTHFILE_LEGACY);
}

/* As the other files have it. */
static void wrap_legacy(struct json **file)
{
	struct json *wrapped = json_new_object();

	json_set(wrapped, "auths", *file);
	*file = wrapped;
}

/* An object without members when the file is absent or empty. */
static int read_file(const char *path, struct json **ret_file, struct err *err)
{
	auto_buf text = { 0 };
	int r;

	if (is_legacy(path)) /* among all there is in a home directory; tools of today leave it */
		r = io_read_file_at(AT_FDCWD, path, AUTHFILE_SIZE_MAX, &text, err);
	else
		r = settled_read_file_at(AT_FDCWD, path, AUTHFILE_SIZE_MAX, &text, err);
	if (is_absent(path, r)) {
		err_clear(err);
		*ret_file = json_new_object();
		return 0;
	}
	if (r < 0)
		return err_wrap(err, "auth file");
	if (text.size_bytes == 0) {
		*ret_file = json_new_object();
		return 0;
	}
	r = json_parse(text.bytes, text.size_bytes, ret_file, err);
	if (r < 0)
		return err_wrap(err, "auth file '%s'", path);
	if (json_is_object(*ret_file)) {
		if (is_legacy(path))
			wrap_legacy(ret_file);
		return 0;
	}
	json_free(*ret_file);
	*ret_file = NULL;
	return fail_plain(err, EINVAL, "auth file '%s': not a JSON object", path);
}

/* ---- finding ---- */

/* As helper_get, but nothing known is no error. */
static int ask_helper(const char *helper, const char *server, struct credential *ret_credential,
		      struct err *err)
{
	int r = helper_get(helper, server, ret_credential, err);

	if (r != -ENOENT)
		return r;
	err_clear(err);
	return 0;
}

static int find_in_file(const char *path, const char *host, const char *name,
			struct credential *ret_credential, struct err *err)
{
	auto_json *file = NULL;
	const char *helper;
	const char *server;
	int r;

	r = read_file(path, &file, err);
	if (r < 0)
		return r;
	r = authfile_find(file, host, name, ret_credential, &helper, &server, err);
	if (r < 0)
		return err_wrap(err, "auth file '%s'", path);
	if (helper)
		r = ask_helper(helper, server, ret_credential, err);
	if (r >= 0 && !credential_is_none(ret_credential))
		log_verbose("credentials for '%s' from '%s'%s%s", host, path,
			    helper ? ", helper " : "", helper ? helper : "");
	return r;
}

static int find_in_files(const struct remote_paths *paths, const char *host, const char *name,
			 struct credential *ret_credential, struct err *err)
{
	strings_each(&paths->auth, path) {
		int r = find_in_file(path, host, name, ret_credential, err);

		if (r < 0 || !credential_is_none(ret_credential))
			return r;
	}
	return 0;
}

int credentials_find(const struct remote_paths *paths, const struct strings *helpers,
		     const char *host, const char *name, struct credential *ret_credential,
		     struct err *err)
{
	auto_free char *key = authfile_key(host);

	*ret_credential = (struct credential){ 0 };
	if (helpers->count == 0)
		return find_in_files(paths, key, name, ret_credential, err);
	strings_each(helpers, helper) {
		int r;

		if (strcmp(helper, CREDENTIALS_AUTH_FILES) == 0)
			r = find_in_files(paths, key, name, ret_credential, err);
		else
			r = ask_helper(helper, key, ret_credential, err);
		if (r < 0 || !credential_is_none(ret_credential))
			return r;
	}
	return 0;
}

/* ---- changing ---- */

/* The directories above `path`, private to the user where they are new. */
static int make_parents(const char *path, struct err *err)
{
	auto_free char *copy = memory_copy_text(path);

	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return fail(err, errno, "make directory '%s'", copy);
		*slash = '/';
	}
	return 0;
}

static int write_file(const char *path, const struct json *file, struct err *err)
{
	auto_buf text = { 0 };
	int r;

	json_print(is_legacy(path) ? json_get(file, "auths") ?: file : file, JSON_PRETTY, &text);
	buf_add_char(&text, '\n');
	r = make_parents(path, err);
	if (r < 0)
		return r;
	r = io_replace_file_at(AT_FDCWD, path, text.bytes, text.size_bytes, 0600, err);
	if (r < 0)
		return err_wrap(err, "auth file '%s'", path);
	return 0;
}

/* Docker itself looks for its own name of the Hub in its own file. */
static const char *key_for(const char *path, const char *key)
{
	return strcmp(key, "docker.io") == 0 && text_ends(path, "/config.json") ? DOCKER_HUB_KEY
										: key;
}

static int need_a_file(const struct remote_paths *paths, struct err *err)
{
	if (paths->auth.count > 0)
		return 0;
	fail_plain(err, ENOENT, "no place for credentials");
	err_hint(err, "set HOME or XDG_RUNTIME_DIR, or name a file with --authfile");
	return -ENOENT;
}

int credentials_store(const struct remote_paths *paths, const char *host,
		      const struct credential *credential, struct buf *where, struct err *err)
{
	auto_free char *key = authfile_key(host);
	auto_credential ignored = { 0 };
	auto_json *file = NULL;
	const char *helper;
	const char *server;
	int r = need_a_file(paths, err);

	if (r < 0)
		return r;
	const char *path = paths->auth.item[0];

	r = read_file(path, &file, err);
	if (r < 0)
		return r;
	(void)authfile_remove(file, key);
	r = authfile_find(file, key, "", &ignored, &helper, &server, err);
	if (r < 0)
		return err_wrap(err, "auth file '%s'", path);
	if (helper) {
		buf_printf(where, "docker-credential-%s", helper);
		return helper_store(helper, server, credential, err);
	}
	buf_add_text(where, path);
	authfile_set(file, key_for(path, key), credential);
	return write_file(path, file, err);
}

static int erase_in_file(const char *path, const char *key, unsigned *count, struct err *err)
{
	auto_credential ignored = { 0 };
	auto_json *file = NULL;
	const char *helper = NULL;
	const char *server;
	int r;

	r = read_file(path, &file, err);
	if (r < 0)
		return r;
	if (authfile_remove(file, key)) {
		(*count)++;
		r = write_file(path, file, err);
		if (r < 0)
			return r;
	}
	r = authfile_find(file, key, "", &ignored, &helper, &server, err);
	if (r < 0)
		return err_wrap(err, "auth file '%s'", path);
	if (!helper)
		return 0;
	r = helper_erase(helper, server, err);
	if (r >= 0)
		(*count)++;
	if (r == -ENOENT) {
		err_clear(err);
		r = 0;
	}
	return r;
}

static int erase_all(const char *path, unsigned *count, struct err *err)
{
	auto_strings keys = { 0 };
	auto_json *file = NULL;
	int r;

	r = read_file(path, &file, err);
	if (r < 0)
		return r;
	json_each(json_get(file, "auths"), member) strings_add(&keys, json_member_key(member));
	strings_each(&keys, written) {
		auto_free char *key = authfile_key(written);

		r = erase_in_file(path, key, count, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int credentials_erase(const struct remote_paths *paths, const char *host, unsigned *ret_count,
		      struct err *err)
{
	auto_free char *key = NULL;
	unsigned count = 0;
	int r = need_a_file(paths, err);

	if (r < 0)
		return r;
	if (!host)
		r = erase_all(paths->auth.item[0], &count, err);
	else
		key = authfile_key(host);
	for (size_t i = 0; host && r >= 0 && i < paths->auth.count; i++)
		r = erase_in_file(paths->auth.item[i], key, &count, err);
	if (r < 0)
		return r;
	*ret_count = count;
	return 0;
}
