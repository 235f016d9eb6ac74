// SPDX-License-Identifier: Apache-2.0
/* The status file: read once, cut up in place. */
#include <ctype.h>
#include <fcntl.h>
#include <string.h>

#include "base/banned.h"
#include "base/io.h"
#include "base/memory.h"
#include "policy/dpkg_offer.h"
#include "policy/dpkg_relation.h"
#include "sys/openat2.h"

#define STATUS_MAX_BYTES ((size_t)256 << 20)

static int read_status(int root_fd, struct arena *arena, char **ret_text, struct err *err)
{
	auto_fd fd = openat2_in_root(root_fd, "/var/lib/dpkg/status", O_RDONLY, 0);
	auto_buf text = { 0 };
	int r;

	if (fd < 0) {
		fail(err, -fd, "packages of this host: '/var/lib/dpkg/status'");
		err_hint(err, "only hosts with Debian's package manager have one; files: and exe: "
			      "lines name files on any other");
		return fd;
	}
	r = io_read_to_end(fd, STATUS_MAX_BYTES, &text, err);
	if (r < 0)
		return err_wrap(err, "'/var/lib/dpkg/status'");
	*ret_text = arena_copy_bytes(arena, buf_text(&text), text.size_bytes);
	return 0;
}

/* Its files are there: configured, or only waiting for triggers. */
static bool is_installed(const char *status)
{
	const char *state = strrchr(status, ' ');

	return state &&
	       (strcmp(state, " installed") == 0 || strcmp(state, " triggers-pending") == 0 ||
		strcmp(state, " triggers-awaited") == 0);
}

struct field {
	const char *name;
	size_t offset; /* in struct dpkg_package */
};

static const struct field fields[] = {
	{ "Package", offsetof(struct dpkg_package, name) },
	{ "Architecture", offsetof(struct dpkg_package, architecture) },
	{ "Version", offsetof(struct dpkg_package, version) },
	{ "Pre-Depends", offsetof(struct dpkg_package, pre_depends) },
	{ "Depends", offsetof(struct dpkg_package, depends) },
	{ "Provides", offsetof(struct dpkg_package, provides) },
	{ "Multi-Arch", offsetof(struct dpkg_package, multi_arch) },
};

/* "Name: value", and the lines after it that begin with a blank. */
static size_t field_length(const char *line)
{
	const char *end = strchrnul(line, '\n');

	while (*end && (end[1] == ' ' || end[1] == '\t'))
		end = strchrnul(end + 1, '\n');
	return (size_t)(end - line);
}

static void take_field(struct dpkg *dpkg, struct dpkg_package *package, const char *line,
		       size_t length, bool *is_there)
{
	size_t name_length = strcspn(line, ":\n");
	const char *value = line + name_length + 1 + strspn(line + name_length + 1, " \t");
	size_t value_length = line + length > value ? (size_t)(line + length - value) : 0;

	if (line[name_length] != ':' || name_length > 12)
		return;
	if (name_length == 6 && strncmp(line, "Status", 6) == 0)
		*is_there = is_installed(arena_copy_bytes(&dpkg->arena, value, value_length));
	else if (name_length == 9 && strncmp(line, "Essential", 9) == 0)
		package->essential = strncmp(value, "yes", 3) == 0;
	for (size_t i = 0; i < array_count(fields); i++)
		if (strlen(fields[i].name) == name_length &&
		    strncmp(line, fields[i].name, name_length) == 0)
			*(const char **)((char *)package + fields[i].offset) =
				arena_copy_bytes(&dpkg->arena, value, value_length);
}

/* One stanza; NULL unless it is an installed package. */
static struct dpkg_package *read_stanza(struct dpkg *dpkg, const char **cursor)
{
	struct dpkg_package package = { .stanza = *cursor };
	struct dpkg_package *kept;
	const char *line = *cursor;
	bool is_there = false;

	while (*line && *line != '\n') {
		size_t length = field_length(line);

		take_field(dpkg, &package, line, length, &is_there);
		line += length + (line[length] == '\n');
	}
	package.stanza_bytes = (size_t)(line - package.stanza);
	*cursor = line + strspn(line, "\n");
	if (!is_there || !package.name || !package.architecture || !package.version ||
	    strchr(package.name, '/') || strchr(package.architecture, '/'))
		return NULL;
	kept = arena_new(&dpkg->arena, struct dpkg_package);
	*kept = package;
	return kept;
}

static int compare_packages(const void *a, const void *b)
{
	const struct dpkg_package *x = *(struct dpkg_package *const *)a;
	const struct dpkg_package *y = *(struct dpkg_package *const *)b;
	int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->architecture, y->architecture);
}

static void read_stanzas(struct dpkg *dpkg, const char *text)
{
	size_t room = 0;

	while (*text) {
		struct dpkg_package *package = read_stanza(dpkg, &text);

		if (!package)
			continue;
		if (dpkg->count == room) {
			room = room ? room * 2 : 256;
			dpkg->package = memory_resize(dpkg->package, room,
						      sizeof(struct dpkg_package *));
		}
		dpkg->package[dpkg->count++] = package;
	}
	if (dpkg->count)
		qsort(dpkg->package, dpkg->count, sizeof(struct dpkg_package *), compare_packages);
	for (size_t i = 0; i < dpkg->count; i++)
		dpkg->package[i]->index = i;
}

/* ---- who answers to a name ---- */

/* At the end: the packages of a name come in their order. */
static void add_offer(struct dpkg *dpkg, const char *name, const struct dpkg_package *package,
		      const char *version, bool is_real)
{
	struct dpkg_offer *offer = arena_new(&dpkg->arena, struct dpkg_offer);
	struct dpkg_offer *last = map_get(&dpkg->offers, name);

	*offer = (struct dpkg_offer){ .package = package, .version = version, .is_real = is_real };
	if (!last) {
		map_set(&dpkg->offers, name, offer);
		return;
	}
	while (last->next)
		last = last->next;
	last->next = offer;
}

static void add_provided(struct dpkg *dpkg, const struct dpkg_package *package)
{
	const char *cursor = package->provides ?: "";
	struct dpkg_relation relation;

	while (dpkg_relation_next(&cursor, &relation))
		add_offer(dpkg, relation.name, package,
			  relation.version[0] ? arena_copy(&dpkg->arena, relation.version) : NULL,
			  false);
}

/* Debian's own machine type: that of dpkg itself. */
static const char *own_architecture(const struct dpkg *dpkg)
{
	const struct dpkg_offer *offer = map_get(&dpkg->offers, "dpkg");

	for (; offer; offer = offer->next)
		if (offer->is_real && strcmp(offer->package->architecture, "all") != 0)
			return offer->package->architecture;
	for (size_t i = 0; i < dpkg->count; i++)
		if (strcmp(dpkg->package[i]->architecture, "all") != 0)
			return dpkg->package[i]->architecture;
	return "all";
}

int dpkg_open(struct dpkg *dpkg, int root_fd, struct err *err)
{
	char *text = NULL;
	int r;

	*dpkg = (struct dpkg){ .root_fd = root_fd };
	r = read_status(root_fd, &dpkg->arena, &text, err);
	if (r < 0)
		return r;
	read_stanzas(dpkg, text);
	for (size_t i = 0; i < dpkg->count; i++)
		add_offer(dpkg, dpkg->package[i]->name, dpkg->package[i], dpkg->package[i]->version,
			  true);
	for (size_t i = 0; i < dpkg->count; i++)
		add_provided(dpkg, dpkg->package[i]);
	dpkg->architecture = own_architecture(dpkg);
	return 0;
}

void dpkg_done(struct dpkg *dpkg)
{
	map_done(&dpkg->offers);
	free(dpkg->package);
	arena_done(&dpkg->arena);
	*dpkg = (struct dpkg){ .root_fd = -1 };
}
