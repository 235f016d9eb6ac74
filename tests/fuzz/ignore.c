// SPDX-License-Identifier: Apache-2.0
/* A .dockerignore, an empty line, and paths to ask it about, one a line. */
#include <assert.h>
#include <string.h>

#include "fuzz.h"

#include "dockerfile/ignore.h"
#include "dockerfile/path.h"

/* Ask about a path's directories on the way down, as a walk does. */
static void walk(const struct ignore *ignore, struct arena *arena, const char *path)
{
	struct ignore_dir above = { 0 };

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		struct ignore_dir dir = { 0 };
		const char *parent = arena_copy_bytes(arena, path, (size_t)(slash - path));

		ignore_check(ignore, &above, parent, &dir);
		ignore_dir_done(&above);
		above = dir;
	}
	assert(!ignore_check(ignore, &above, path, NULL).descend);
	ignore_dir_done(&above);
}

static void ask(const struct ignore *ignore, struct arena *arena, char *paths)
{
	char *save;

	for (char *line = strtok_r(paths, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *path = path_clean(arena, line);

		assert(!strcmp(path_clean(arena, path), path));
		ignore_matches(ignore, line);
		walk(ignore, arena, path);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	auto_arena arena = { 0 };
	char *text = arena_copy_bytes(&arena, data, size_bytes);
	char *paths = strstr(text, "\n\n");
	struct source source = { ".dockerignore", text, size_bytes };
	struct ignore ignore;
	struct fault fault = { 0 };
	struct err err = { 0 };

	if (paths) {
		source.size_bytes = (size_t)(paths + 1 - text);
		paths[1] = '\0';
		paths += 2;
	}
	if (ignore_parse(&arena, &source, &ignore, &fault, &err) < 0) {
		assert(*err.text);
		return 0;
	}
	if (paths)
		ask(&ignore, &arena, paths);
	return 0;
}
