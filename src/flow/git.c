// SPDX-License-Identifier: Apache-2.0
#include "flow/git.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/number.h"
#include "flow/build_secrets.h"
#include "sys/process.h"
#include "sys/remove.h"

#define OUTPUT_BYTES_MAX ((size_t)4 << 20)
#define WORDS_MAX	 24
#define DEPTH_MAX	 256
#define TIME_MAX_S	 ((uint64_t)1 << 40)

/* ---- running git ---- */

/* Variables by which git would look at another repository than ours: we may be called by a hook. */
static bool is_of_a_repository(const char *variable)
{
	static const char *const names[] = {
		"GIT_DIR=",	   "GIT_WORK_TREE=",	    "GIT_INDEX_FILE=",
		"GIT_PREFIX=",	   "GIT_OBJECT_DIRECTORY=", "GIT_ALTERNATE_OBJECT_DIRECTORIES=",
		"GIT_COMMON_DIR=", "GIT_NAMESPACE=",	    "GIT_CEILING_DIRECTORIES=",
	};

	for (size_t i = 0; i < array_count(names); i++)
		if (text_starts(variable, names[i]))
			return true;
	return false;
}

static void add_variable(struct strings *env, const char *name, uint32_t number, const char *value)
{
	auto_buf numbered = { 0 };

	buf_printf(&numbered, "%s_%u", name, number);
	strings_env_set(env, numbered.bytes, value);
}

/* A secret is no argument, which everybody on the machine can see. It goes to the server of the
 * repository, not to those of its submodules. */
static int add_authorization(const struct git_access *git, struct strings *env, struct err *err)
{
	const char *remote = git->source->remote;
	const char *given = strings_env_get(env, "GIT_CONFIG_COUNT");
	const char *host = strstr(remote, "://");
	auto_buf header = { 0 };
	auto_buf key = { 0 };
	auto_buf count = { 0 };
	uint32_t number = 0;
	int r;

	buf_add_text(&header, "Authorization: ");
	r = build_secret_for_git(git->secrets, remote, &header, err);
	if (r <= 0)
		return r;
	if (given && number_parse_u32(given, &number) < 0)
		return fail_plain(err, EINVAL, "GIT_CONFIG_COUNT '%s' is not a number", given);
	buf_add_text(&key, "http.");
	buf_add(&key, remote, (size_t)(host + 3 - remote) + strcspn(host + 3, "/"));
	buf_add_text(&key, "/.extraheader");
	add_variable(env, "GIT_CONFIG_KEY", number, key.bytes);
	add_variable(env, "GIT_CONFIG_VALUE", number, header.bytes);
	buf_printf(&count, "%u", number + 1);
	strings_env_set(env, "GIT_CONFIG_COUNT", count.bytes);
	return 0;
}

/* Hooks and line ends are nobody's business here: a commit gives the same files for everyone. */
static int run_git(const struct git_access *git, const char *const *words, struct buf *output,
		   struct err *err)
{
	static const char *const settings[] = { "git",
						"-c",
						"core.hooksPath=/dev/null",
						"-c",
						"core.autocrlf=false",
						"-c",
						"advice.detachedHead=false" };
	const char *argv[WORDS_MAX] = { 0 };
	auto_strings env = { 0 };
	auto_buf ignored = { 0 };
	size_t count = 0;
	int r;

	for (size_t i = 0; i < array_count(settings); i++)
		argv[count++] = settings[i];
	for (size_t i = 0; words[i] && count < WORDS_MAX - 1; i++)
		argv[count++] = words[i];
	for (char *const *variable = environ; *variable; variable++)
		if (!is_of_a_repository(*variable))
			strings_add(&env, *variable);
	strings_env_set(&env, "GIT_TERMINAL_PROMPT", "0");
	r = add_authorization(git, &env, err);
	return r < 0 ? r
		     : process_capture_in(argv, env.item, OUTPUT_BYTES_MAX,
					  output ? output : &ignored, err);
}

/* git in a folder. */
#define git_in(git, path, output, err, ...) \
	run_git(git, (const char *const[]){ "-C", path, __VA_ARGS__, NULL }, output, err)

/* ---- which commit ---- */

static bool is_commit(const char *text)
{
	size_t length = strspn(text, "0123456789abcdef");

	return !text[length] && (length == 40 || length == GIT_COMMIT_MAX);
}

/* The line "HEX<tab>NAME" of ls-remote for this name; false when there is none. */
static bool find_line(const char *lines, const char *name, struct git_commit *ret_commit)
{
	for (const char *line = lines; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t length = strspn(line, "0123456789abcdef");
		const char *at = line + length + 1;
		size_t name_length = strcspn(at, "\n");

		if (length == 0 || length > GIT_COMMIT_MAX || line[length] != '\t' ||
		    name_length != strlen(name) || strncmp(at, name, name_length) != 0)
			continue;
		memcpy(ret_commit->hex, line, length);
		ret_commit->hex[length] = '\0';
		return true;
	}
	return false;
}

/* As git checkout chooses: a branch before a tag; of an annotated tag the commit. */
static bool choose(const char *lines, const char *ref, struct git_commit *ret_commit)
{
	static const char *const forms[] = { "refs/heads/%s", "refs/tags/%s^{}", "refs/tags/%s",
					     "%s^{}", "%s" };

	for (size_t i = 0; i < array_count(forms); i++) {
		const char *at = strchr(forms[i], '%');
		auto_buf name = { 0 };

		buf_add(&name, forms[i], (size_t)(at - forms[i]));
		buf_printf(&name, "%s%s", ref, at + 2);
		if (find_line(lines, name.bytes, ret_commit))
			return true;
	}
	return false;
}

static int ask_remote(const struct git_access *git, struct git_commit *ret_commit, struct err *err)
{
	const char *ref = git->source->ref ?: "HEAD";
	auto_buf lines = { 0 };
	auto_buf peeled = { 0 };
	int r;

	buf_printf(&peeled, "%s^{}", ref);
	r = run_git(git,
		    (const char *const[]){ "ls-remote", "--", git->source->remote, ref,
					   peeled.bytes, NULL },
		    &lines, err);
	if (r < 0)
		return r;
	if (choose(buf_text(&lines), ref, ret_commit))
		return 0;
	fail_plain(err, ENOENT, "there is no branch or tag '%s'", ref);
	if (!ref[strspn(ref, "0123456789abcdef")])
		err_hint(err, "a commit must be given with all of its 40 digits");
	return -ENOENT;
}

int git_resolve(const struct git_access *git, const char *checksum, struct git_commit *ret_commit,
		struct err *err)
{
	const char *ref = git->source->ref;
	struct git_commit commit;
	int r = 0;

	if (ref && ref[0] == '-')
		return fail_plain(err, EINVAL, "'%s' cannot be a branch or tag", ref);
	if (ref && is_commit(ref))
		memcpy(commit.hex, ref, strlen(ref) + 1);
	else
		r = ask_remote(git, &commit, err);
	if (r == 0 && checksum && !text_starts(commit.hex, checksum))
		r = fail_plain(err, EUCLEAN, "'%s' is commit %s, the checksum says %s",
			       ref ?: "HEAD", commit.hex, checksum);
	if (r < 0)
		return err_wrap(err, "git repository '%s'", git->source->remote);
	*ret_commit = commit;
	return 0;
}

/* ---- its files ---- */

static bool has_commit(const struct git_access *git, const char *path,
		       const struct git_commit *commit)
{
	auto_buf object = { 0 };

	buf_printf(&object, "%s^{commit}", commit->hex);
	return git_in(git, path, NULL, NULL, "cat-file", "-e", object.bytes) == 0;
}

/* The commit alone, where the server gives single commits; else the branch or tag alone; else all
 * of them. */
static int fetch(const char *path, const struct git_access *git, const struct git_commit *commit,
		 struct err *err)
{
	const char *ref = git->source->ref;
	struct err ignored = { 0 };
	int r = git_in(git, path, NULL, &ignored, "fetch", "-q", "--no-tags", "--depth=1", "origin",
		       commit->hex);

	if (r == 0 && has_commit(git, path, commit))
		return 0;
	log_verbose("git fetch of a single commit: %s", ignored.text);
	err_clear(&ignored);
	if (ref && !is_commit(ref)) {
		r = git_in(git, path, NULL, &ignored, "fetch", "-q", "--no-tags", "--depth=1",
			   "origin", ref);
		if (r == 0 && has_commit(git, path, commit))
			return 0;
		log_verbose("git fetch of '%s' alone: %s", ref, ignored.text);
	}
	r = git_in(git, path, NULL, err, "fetch", "-q", "--tags", "origin",
		   "+refs/heads/*:refs/remotes/origin/*");
	if (r < 0)
		return r;
	return has_commit(git, path, commit)
		       ? 0
		       : fail_plain(err, ENOENT, "no branch or tag leads to commit %s",
				    commit->hex);
}

static int read_time(struct git_tree *tree, const struct git_access *git, struct err *err)
{
	auto_buf text = { 0 };
	uint64_t seconds;
	int r = git_in(git, tree->path, &text, err, "show", "-s", "--format=%ct", "HEAD");

	if (r < 0)
		return r;
	buf_truncate(&text, strcspn(buf_text(&text), "\n"));
	if (number_parse_u64(buf_text(&text), &seconds) < 0 || seconds > TIME_MAX_S)
		return fail_plain(err, EUCLEAN, "the commit has no time");
	tree->committed = (struct timespec){ .tv_sec = (time_t)seconds };
	return 0;
}

static int fetch_submodules(const char *path, const struct git_access *git, struct err *err)
{
	auto_buf modules = { 0 };
	int r;

	buf_printf(&modules, "%s/.gitmodules", path);
	if (access(modules.bytes, F_OK) < 0)
		return 0;
	r = git_in(git, path, NULL, err, "submodule", "-q", "update", "--init", "--recursive",
		   "--depth=1");
	return r < 0 ? err_wrap(err, "submodules") : 0;
}

static int check_out(struct git_tree *tree, const struct git_access *git,
		     const struct git_commit *commit, struct err *err)
{
	const char *path = tree->path;
	int r = run_git(git, (const char *const[]){ "init", "-q", "--template=", "--", path, NULL },
			NULL, err);

	if (r == 0)
		r = git_in(git, path, NULL, err, "remote", "add", "--", "origin",
			   git->source->remote);
	if (r == 0)
		r = fetch(path, git, commit, err);
	if (r == 0)
		r = git_in(git, path, NULL, err, "checkout", "-q", "--detach", commit->hex);
	if (r == 0)
		r = read_time(tree, git, err);
	if (r == 0 && git->source->submodules != CHOICE_NO)
		r = fetch_submodules(path, git, err);
	return r;
}

/* ---- modes and times ---- */

struct settling {
	struct timespec time;
	bool keep_git_dir;
	struct err *err;
};

static int settle(const struct settling *settling, int dirfd, const char *name, unsigned depth);

/* Everything in an open directory, which is closed. */
static int settle_names(const struct settling *settling, int fd, unsigned depth)
{
	DIR *directory = fdopendir(fd);
	struct dirent *entry;
	int r = 0;

	if (!directory) {
		close(fd);
		return fail(settling->err, ENOMEM, "read a directory");
	}
	while (r == 0 && (entry = readdir(directory))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (strcmp(entry->d_name, ".git") != 0)
			r = settle(settling, fd, entry->d_name, depth + 1);
		else if (!settling->keep_git_dir)
			r = remove_tree(fd, ".git", settling->err);
	}
	closedir(directory);
	return r;
}

/* git knows of a file's mode only whether it can be executed; the rest is the caller's umask. */
static int settle(const struct settling *settling, int dirfd, const char *name, unsigned depth)
{
	const struct timespec times[2] = { settling->time, settling->time };
	struct stat st;
	int r = 0;

	if (depth > DEPTH_MAX)
		return fail_plain(settling->err, ELOOP, "directories nested more than %d deep",
				  DEPTH_MAX);
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(settling->err, errno, "'%s'", name);
	if (S_ISDIR(st.st_mode)) {
		int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		r = fd < 0 ? fail(settling->err, errno, "'%s'", name)
			   : settle_names(settling, fd, depth);
	}
	if (r == 0 && !S_ISLNK(st.st_mode) &&
	    fchmodat(dirfd, name, st.st_mode & 0100 ? 0755 : 0644, 0) < 0)
		r = fail(settling->err, errno, "set the mode of '%s'", name);
	if (r == 0 && utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		r = fail(settling->err, errno, "set the time of '%s'", name);
	return r;
}

int git_tree_open(struct git_tree *tree, const struct store *store, const struct git_access *git,
		  const struct git_commit *commit, bool keep_git_dir, struct err *err)
{
	auto_buf path = { 0 };
	int r;

	*tree = (struct git_tree){ .store = store };
	r = store_work_name(store, tree->work_name, err);
	if (r < 0)
		return r;
	buf_printf(&path, "%s/%s", store->path, tree->work_name);
	tree->path = buf_take(&path);
	r = check_out(tree, git, commit, err);
	if (r == 0) {
		const struct settling settling = { tree->committed, keep_git_dir, err };

		r = settle(&settling, store->dirfd, tree->work_name, 0);
	}
	if (r < 0) {
		git_tree_close(tree);
		return err_wrap(err, "git repository '%s'", git->source->remote);
	}
	return 0;
}

void git_tree_close(struct git_tree *tree)
{
	struct err err = { 0 };

	if (tree->work_name[0] && remove_tree(tree->store->dirfd, tree->work_name, &err) < 0)
		log_verbose("left in the store: %s", err.text);
	free(tree->path);
	*tree = (struct git_tree){ 0 };
}
