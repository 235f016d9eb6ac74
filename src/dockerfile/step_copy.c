// SPDX-License-Identifier: Apache-2.0
/* COPY and ADD: where files come from, where they go, and what becomes of them on the way. */
#include <string.h>

#include "base/buf.h"
#include "base/strings.h"
#include "dockerfile/check.h"
#include "dockerfile/eval_word.h"
#include "dockerfile/glob.h"
#include "dockerfile/list.h"
#include "dockerfile/path.h"
#include "image/digest.h"

struct copying {
	struct making *making;
	struct step_copy *copy;
	size_t heredocs_used;
};

static bool is_url(const char *text)
{
	return text_starts(text, "http://") || text_starts(text, "https://");
}

/* The file's name is the last of the URL's path. */
static const char *url_name(struct arena *arena, const char *url)
{
	const char *path = strchr(strstr(url, "://") + 3, '/');
	size_t length = path ? strcspn(path, "?#") : 0;
	const char *name = path_base(arena_copy_bytes(arena, path ? path : "", length));

	return *name && strcmp(name, ".") != 0 ? name : "__unnamed__";
}

static const char *below_root(struct arena *arena, const char *path)
{
	const char *clean = path_resolve(arena, "/", path) + 1;

	return *clean ? clean : ".";
}

/* --parents: what follows "/./" keeps its directories, all of it when there is none. */
static void set_pattern(struct copying *copying, struct copy_source *source)
{
	struct arena *arena = copying->making->arena;
	const char *pivot = strstr(source->text, "/./");
	const char *pattern = pivot ? pivot + 3 : source->text;

	source->path = below_root(
		arena,
		pivot ? arena_copy_bytes(arena, source->text, (size_t)(pivot - source->text)) : "");
	source->pattern = below_root(arena, pattern);
	source->has_wildcards = glob_has_wildcards(source->path) ||
				glob_has_wildcards(source->pattern);
}

static int refuse_remote(struct copying *copying, const struct word *word, const char *what)
{
	return make_refuse(copying->making, word, "source can't be a %s for COPY", what);
}

/* What a word without a heredoc names. */
static int classify(struct copying *copying, const struct word *word, struct copy_source *source)
{
	struct making *making = copying->making;
	bool local = copying->copy->from.kind !=
		     ORIGIN_CONTEXT; /* --from: a path, whatever it is */
	int r = 0;

	if (!local)
		r = git_source_parse(making->arena, source->text, &source->git, making->err);
	if (r < 0)
		return make_wrap(making, word);
	if (r == 1) {
		source->kind = COPY_GIT;
		return copying->copy->is_add ? 0 : refuse_remote(copying, word, "git ref");
	}
	if (!local && is_url(source->text)) {
		source->kind = COPY_URL;
		source->name = url_name(making->arena, source->text);
		return copying->copy->is_add ? 0 : refuse_remote(copying, word, "URL");
	}
	source->kind = COPY_PATH;
	source->path = below_root(making->arena, source->text);
	source->has_wildcards = glob_has_wildcards(source->path);
	if (copying->copy->parents)
		set_pattern(copying, source);
	return 0;
}

static int set_heredoc(struct copying *copying, struct copy_source *source)
{
	struct making *making = copying->making;
	const struct heredoc *heredoc = &making->instruction->heredoc[copying->heredocs_used++];
	int r;

	source->kind = COPY_TEXT;
	source->name = heredoc->name;
	source->text = arena_printf(making->arena, "<<%s", heredoc->name);
	r = make_contents(making, heredoc, &source->content);
	if (r == 0)
		source->content_bytes = strlen(source->content);
	return r;
}

/* Do these words start the next heredoc? "<< EOF" is two words here. Gives how many they are. */
static size_t heredoc_words(struct copying *copying, size_t at)
{
	const struct instruction *instruction = copying->making->instruction;
	struct arena *arena = copying->making->arena;
	const char *text = instruction->arg[at].text;
	struct heredoc start;

	if (copying->heredocs_used == instruction->heredoc_count)
		return 0;
	if (heredoc_parse(arena, text, &start, NULL) == 1)
		return 1;
	if (at + 2 < instruction->arg_count && (!strcmp(text, "<<") || !strcmp(text, "<<-")) &&
	    heredoc_parse(arena, arena_printf(arena, "%s%s", text, instruction->arg[at + 1].text),
			  &start, NULL) == 1)
		return 2;
	return 0;
}

static int add_sources(struct copying *copying)
{
	const struct instruction *instruction = copying->making->instruction;
	struct arena *arena = copying->making->arena;
	struct step_copy *copy = copying->copy;
	int r = 0;

	for (size_t i = 0; r == 0 && i + 1 < instruction->arg_count; i++) {
		struct copy_source *source = list_add(arena, copy->source, copy->source_count);
		size_t words = heredoc_words(copying, i);

		if (words) {
			r = set_heredoc(copying, source);
			i += words - 1;
			continue;
		}
		r = make_text(copying->making, &instruction->arg[i], &source->text);
		if (r == 0)
			r = classify(copying, &instruction->arg[i], source);
	}
	return r;
}

static int set_dest(struct copying *copying)
{
	struct making *making = copying->making;
	const struct instruction *instruction = making->instruction;
	const char *dir = making->evaluation->config->working_dir;
	struct step_copy *copy = copying->copy;
	const char *text;
	const char *clean;
	int r;

	r = make_text(making, &instruction->arg[instruction->arg_count - 1], &text);
	if (r < 0)
		return r;
	copy->dest_is_dir = !*text || !strcmp(text, ".") || text_ends(text, "/") ||
			    text_ends(text, "/.");
	clean = path_resolve(making->arena, dir ? dir : "/", text);
	copy->dest = copy->dest_is_dir && strcmp(clean, "/") != 0
			     ? arena_printf(making->arena, "%s/", clean)
			     : clean;
	return 0;
}

static int set_origin(struct copying *copying)
{
	struct making *making = copying->making;
	const struct evaluation *evaluation = making->evaluation;
	const struct flag *flag = flag_find(making->instruction, "from");

	copying->copy->from.kind = ORIGIN_CONTEXT;
	if (!flag || !*flag->value)
		return 0;
	if (plan_origin(evaluation->plan, evaluation->stage->number, flag->value,
			&copying->copy->from, making->err) < 0)
		return make_wrap(making, &flag->word);
	return 0;
}

static int add_excludes(struct copying *copying)
{
	struct making *making = copying->making;
	const struct instruction *instruction = making->instruction;

	for (size_t i = 0; i < instruction->flag_count; i++) {
		const struct flag *flag = &instruction->flag[i];
		struct word word = { flag->value, 0, flag->word.offset, 0 };
		const char *text;
		int r;

		if (strcmp(flag->name, "exclude") != 0)
			continue;
		r = make_text(making, &word, &text);
		if (r < 0)
			return r;
		texts_add(making->arena, &copying->copy->excludes, text);
	}
	return 0;
}

static int set_flags(struct copying *copying)
{
	struct making *making = copying->making;
	const struct instruction *instruction = making->instruction;
	struct step_copy *copy = copying->copy;
	int r;

	r = make_flag(making, "chown", &copy->chown);
	if (r == 0)
		r = make_flag(making, "chmod", &copy->chmod);
	if (r == 0)
		r = make_flag(making, "checksum", &copy->checksum);
	if (r == 0)
		r = add_excludes(copying);
	if (r < 0)
		return r;
	if (copy->chmod && chmod_parse(making->arena, copy->chmod, &copy->mode, making->err) < 0)
		return make_wrap(making, &flag_find(instruction, "chmod")->word);
	copy->link = flag_is_set(instruction, "link", false);
	copy->parents = flag_is_set(instruction, "parents", false);
	copy->keep_git_dir = flag_is_set(instruction, "keep-git-dir", false);
	copy->unpack = flag_is_set(instruction, "unpack", copy->is_add);
	copy->unpack_urls = flag_is_set(instruction, "unpack", false);
	return 0;
}

static int check_checksum(struct copying *copying)
{
	struct making *making = copying->making;
	struct step_copy *copy = copying->copy;
	const struct flag *flag = flag_find(making->instruction, "checksum");
	struct digest digest;

	if (!copy->checksum)
		return 0;
	if (copy->source_count != 1)
		return make_refuse(making, &flag->word,
				   "checksum can't be specified for multiple sources");
	if (copy->source[0].kind != COPY_URL && copy->source[0].kind != COPY_GIT)
		return make_refuse(making, &flag->word, "checksum requires HTTP(S) or Git sources");
	if (copy->source[0].kind == COPY_URL &&
	    digest_parse(copy->checksum, &digest, making->err) < 0)
		return make_wrap(making, &flag->word);
	return 0;
}

/* --keep-git-dir and --checksum hold for a repository whose URL says neither; where both do, they
 * must agree. */
static int settle_git(struct copying *copying, struct copy_source *source)
{
	struct making *making = copying->making;
	const struct flag *keep = flag_find(making->instruction, "keep-git-dir");
	const struct step_copy *copy = copying->copy;
	struct git_source *git = &source->git;

	if (source->kind != COPY_GIT)
		return 0;
	if (git->keep_git_dir == CHOICE_NONE)
		git->keep_git_dir = copy->keep_git_dir ? CHOICE_YES : CHOICE_NO;
	else if (keep && copy->keep_git_dir != (git->keep_git_dir == CHOICE_YES))
		return make_refuse(making, &keep->word, "inconsistent keep-git-dir configuration");
	if (!git->checksum)
		git->checksum = copy->checksum;
	else if (copy->checksum && strcmp(copy->checksum, git->checksum) != 0)
		return make_refuse(making, &flag_find(making->instruction, "checksum")->word,
				   "checksum mismatch: %s in the flag, %s in the URL",
				   copy->checksum, git->checksum);
	return 0;
}

static const char *created_by(struct copying *copying)
{
	const struct step_copy *copy = copying->copy;
	auto_buf text = { 0 };

	buf_add_text(&text, copy->is_add ? "ADD" : "COPY");
	if (copy->parents)
		buf_add_text(&text, " --parents");
	if (copy->chown)
		buf_printf(&text, " --chown=%s", copy->chown);
	if (copy->chmod)
		buf_printf(&text, " --chmod=%s", copy->chmod);
	for (size_t i = 0; i < copy->source_count; i++)
		buf_printf(&text, " %s", copy->source[i].text);
	buf_printf(&text, " %s", copy->dest);
	return arena_copy_bytes(copying->making->arena, text.bytes, text.size_bytes);
}

int make_copy(struct making *making)
{
	struct copying copying = { .making = making, .copy = &making->step->copy };
	int r;

	copying.copy->is_add = making->instruction->kind == INSTRUCTION_ADD;
	r = set_origin(&copying);
	if (r == 0)
		r = set_flags(&copying);
	if (r == 0)
		r = add_sources(&copying);
	if (r == 0)
		r = check_checksum(&copying);
	for (size_t i = 0; r == 0 && i < copying.copy->source_count; i++)
		r = settle_git(&copying, &copying.copy->source[i]);
	if (r == 0)
		r = set_dest(&copying);
	if (r < 0)
		return r;
	making->step->created_by = created_by(&copying);
	making->step->makes_layer = true;
	return 0;
}
