// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/ignore.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/strings.h"
#include "dockerfile/glob.h"
#include "dockerfile/list.h"
#include "dockerfile/path.h"

/* Most patterns are names, "dir/" + "**" or "**" + "/name"; those are compared without a walk. A
 * "**" that begins a pattern and has no wildcard after it compares ends of paths, so that a leading
 * star-star also ends within a name ("**.txt"). */
enum match_kind { MATCH_EXACT, MATCH_PREFIX, MATCH_SUFFIX, MATCH_GLOB };

struct ignore_pattern {
	const char *text; /* clean, without '!' */
	size_t size_bytes;
	const struct glob *glob;
	size_t literal_bytes;
	enum match_kind kind;
	bool is_exception;
};

static enum match_kind kind_of(const char *text)
{
	size_t literal = glob_literal_prefix(text);
	const char *rest = text + literal;

	if (!*rest)
		return MATCH_EXACT;
	if (!strcmp(rest, "**"))
		return literal ? MATCH_PREFIX : MATCH_SUFFIX;
	if (text_starts(text, "**") && !strpbrk(text + 2, "*?[]\\"))
		return MATCH_SUFFIX;
	return MATCH_GLOB;
}

static bool pattern_matches(const struct ignore_pattern *pattern, const char *path,
			    size_t size_bytes)
{
	const char *suffix;
	size_t suffix_bytes;

	switch (pattern->kind) {
	case MATCH_EXACT:
		return size_bytes == pattern->size_bytes &&
		       !memcmp(path, pattern->text, size_bytes);
	case MATCH_PREFIX:
		return size_bytes >= pattern->literal_bytes &&
		       !memcmp(path, pattern->text, pattern->literal_bytes);
	case MATCH_SUFFIX:
		suffix = pattern->text + 2;
		suffix_bytes = pattern->size_bytes - 2;
		if (size_bytes >= suffix_bytes &&
		    !memcmp(path + size_bytes - suffix_bytes, suffix, suffix_bytes))
			return true;
		return *suffix == '/' && size_bytes == suffix_bytes - 1 &&
		       !memcmp(path, suffix + 1, size_bytes);
	default:
		return glob_matches(pattern->glob, path, size_bytes);
	}
}

/* The text between blanks; NULL when there is none. */
static const char *trimmed(struct arena *arena, const char *text, size_t size_bytes)
{
	static const char blanks[] = " \t\v\f\r\n";

	while (size_bytes && strchr(blanks, text[size_bytes - 1]))
		size_bytes--;
	while (size_bytes && strchr(blanks, *text)) {
		text++;
		size_bytes--;
	}
	return size_bytes ? arena_copy_bytes(arena, text, size_bytes) : NULL;
}

int ignore_add(struct ignore *ignore, const char *pattern, struct err *err)
{
	const char *text = trimmed(ignore->arena, pattern, strlen(pattern));
	struct ignore_pattern added = { 0 };
	int r;

	if (!text)
		return 0;
	if (ignore->count == IGNORE_PATTERNS_MAX)
		return fail_plain(err, EINVAL, "more than %d patterns", IGNORE_PATTERNS_MAX);
	if (*text == '!') {
		added.is_exception = true;
		text++;
		text += strspn(text, " \t");
		if (!*text)
			return fail_plain(err, EINVAL, "illegal exclusion pattern: \"!\"");
	}
	text = path_clean(ignore->arena, text);
	if (text[0] == '/' && text[1])
		text++;
	r = glob_parse(ignore->arena, text, GLOB_STAR_STAR, &added.glob, err);
	if (r < 0)
		return r;
	added.text = text;
	added.size_bytes = strlen(text);
	added.literal_bytes = glob_literal_prefix(text);
	added.kind = kind_of(text);
	ignore->has_exceptions |= added.is_exception;
	*list_add(ignore->arena, ignore->pattern, ignore->count) = added;
	return 0;
}

int ignore_parse(struct arena *arena, const struct source *source, struct ignore *ret_ignore,
		 struct fault *fault, struct err *err)
{
	const char *at = source->text;
	const char *end = at + source->size_bytes;
	struct mark mark = { .line = 1 };

	*ret_ignore = (struct ignore){ .arena = arena };
	if (memchr(at, '\0', source->size_bytes))
		return fail_plain(err, EINVAL, "%s: holds a NUL byte: not a text file",
				  source->name);
	if (text_starts(at, "\xef\xbb\xbf"))
		at += 3; /* a byte order mark */
	for (; at < end; mark.line++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *line_end = newline ? newline : end;
		const char *pattern = *at == '#' ? NULL
						 : trimmed(arena, at, (size_t)(line_end - at));

		if (pattern && ignore_add(ret_ignore, pattern, err) < 0)
			return fault_wrap(fault, source, mark, err, "'%s'", pattern);
		at = line_end + 1;
	}
	return 0;
}

static bool parent_matches(const struct ignore_pattern *pattern, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
		if (pattern_matches(pattern, path, (size_t)(slash - path)))
			return true;
	return false;
}

const char *ignore_reason(const struct ignore *ignore, const char *path)
{
	size_t size_bytes = strlen(path);
	const char *reason = NULL;

	for (size_t i = 0; i < ignore->count; i++) {
		const struct ignore_pattern *pattern = &ignore->pattern[i];

		/* a pattern that would change nothing is not asked */
		if (pattern->is_exception == (reason != NULL) &&
		    (pattern_matches(pattern, path, size_bytes) || parent_matches(pattern, path)))
			reason = pattern->is_exception ? NULL : pattern->text;
	}
	return reason;
}

bool ignore_matches(const struct ignore *ignore, const char *path)
{
	return ignore_reason(ignore, path) != NULL;
}

/* Could the exception match anything below the directory? */
static bool may_match_below(const struct ignore_pattern *pattern, const char *dir)
{
	size_t dir_bytes = strlen(dir);
	size_t literal = pattern->literal_bytes;

	if (literal > dir_bytes)
		return !memcmp(pattern->text, dir, dir_bytes) && pattern->text[dir_bytes] == '/';
	return literal < pattern->size_bytes && !memcmp(pattern->text, dir, literal);
}

static bool must_descend(const struct ignore *ignore, const char *dir)
{
	for (size_t i = 0; ignore->has_exceptions && i < ignore->count; i++)
		if (ignore->pattern[i].is_exception && may_match_below(&ignore->pattern[i], dir))
			return true;
	return false;
}

struct ignore_verdict ignore_check(const struct ignore *ignore, const struct ignore_dir *parent,
				   const char *path, struct ignore_dir *ret_dir)
{
	struct ignore_verdict verdict = { 0 };
	size_t size_bytes = strlen(path);

	if (ret_dir)
		ret_dir->matched = memory_zeroed(ignore->count + 1, sizeof(*ret_dir->matched));
	for (size_t i = 0; i < ignore->count; i++) {
		const struct ignore_pattern *pattern = &ignore->pattern[i];
		bool matches = parent->matched && parent->matched[i];

		if (!matches && pattern->is_exception == verdict.ignored)
			matches = pattern_matches(pattern, path, size_bytes);
		if (matches)
			verdict.ignored = !pattern->is_exception;
		if (ret_dir)
			ret_dir->matched[i] = matches;
	}
	verdict.descend = ret_dir && verdict.ignored && must_descend(ignore, path);
	return verdict;
}

void ignore_dir_done(struct ignore_dir *dir)
{
	free(dir->matched);
	dir->matched = NULL;
}
