// SPDX-License-Identifier: Apache-2.0
/* What a pack says about itself: how it wants to be run, what it was made of, and by what. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/banned.h"
#include "base/text.h"
#include "codec/json.h"
#include "codec/sha256.h"
#include "codec/zstd_writer.h"
#include "flow/pack.h"

#define STATUS_BYTES_MAX ((size_t)256 << 20)

const char *pack_writer(struct pack *pack)
{
	return arena_printf(&pack->arena, "rootlet %s pack-%d zstd %s", ROOTLET_VERSION,
			    PACK_WRITER_VERSION, zstd_writer_version());
}

static int add_json(struct pack *pack, const char *path, struct json *json, struct err *err)
{
	auto_buf text = { 0 };

	json_print(json, JSON_PRETTY, &text);
	buf_add_char(&text, '\n');
	json_free(json);
	return pack_add_file(pack, path, arena_copy(&pack->arena, buf_text(&text)), text.size_bytes,
			     0644, err);
}

/* --- how it is run --- */

static int add_description(struct pack *pack, struct err *err)
{
	const struct pack_request *request = pack->request;
	struct strings command = { 0 };
	struct json *json = json_new_object();
	int r;

	strings_add_all(&command, pack->config.entrypoint.item);
	strings_add_all(&command, pack->config.cmd.item);
	json_set_integer(json, "formatVersion", 1);
	json_set_text(json, "name", pack->name);
	json_set_text(json, "writer", pack_writer(pack));
	json_set_text(json, "source", pack->origin);
	json_set_strings(json, "entryPoint", &pack->config.entrypoint);
	json_set_strings(json, "command", &command);
	json_set_strings(json, "env", &pack->config.env);
	json_set_strings(json, "expose", &request->expose);
	json_set_strings(json, "share", &request->share);
	json_set_strings(json, "wrapped", &pack->wrapped);
	json_set_strings(json, "own", &pack->own);
	r = add_json(pack, PACK_DESCRIPTION, json, err);
	strings_done(&command);
	return r;
}

/* --- packages, as dpkg's status tells of them --- */

static void split_source(struct pack *pack, const char *text, struct pack_package *package)
{
	const char *open = strchr(text, '(');
	size_t length = strcspn(text, " (");

	package->source = arena_copy_bytes(&pack->arena, text, length);
	if (open)
		package->source_version = arena_copy_bytes(&pack->arena, open + 1,
							   strcspn(open + 1, ")"));
}

static void read_line(struct pack *pack, const char *line, struct pack_package *package,
		      bool *is_installed)
{
	if (text_starts(line, "Package: "))
		package->name = arena_copy(&pack->arena, line + 9);
	else if (text_starts(line, "Version: "))
		package->version = arena_copy(&pack->arena, line + 9);
	else if (text_starts(line, "Architecture: "))
		package->architecture = arena_copy(&pack->arena, line + 14);
	else if (text_starts(line, "Source: "))
		split_source(pack, line + 8, package);
	else if (text_starts(line, "Status: "))
		*is_installed = text_ends(line, " installed");
}

static void add_package(struct pack *pack, const struct pack_package *package, bool is_installed,
			size_t *room)
{
	if (!package->name || !package->version || !is_installed)
		return;
	if (pack->package_count == *room) {
		struct pack_package *larger;

		*room = *room ? 2 * *room : 256;
		larger = arena_array(&pack->arena, struct pack_package, *room);
		if (pack->package_count)
			memcpy(larger, pack->package, pack->package_count * sizeof(*larger));
		pack->package = larger;
	}
	pack->package[pack->package_count++] = *package;
}

static void parse_status(struct pack *pack, char *text)
{
	struct pack_package package = { 0 };
	bool is_installed = true; /* status.d of distroless images has no Status */
	size_t room = 0;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		if (*line) {
			read_line(pack, line, &package, &is_installed);
			continue;
		}
		add_package(pack, &package, is_installed, &room);
		package = (struct pack_package){ 0 };
		is_installed = true;
	}
	add_package(pack, &package, is_installed, &room);
}

static int by_name(const void *a, const void *b)
{
	const struct pack_package *left = a;
	const struct pack_package *right = b;
	int order = strcmp(left->name, right->name);

	return order ?: strcmp(left->architecture ?: "", right->architecture ?: "");
}

int pack_read_packages(struct pack *pack, struct err *err)
{
	const struct tree_entry *status = pack_find(pack, "var/lib/dpkg/status");
	auto_buf text = { 0 };
	int r;

	if (pack->package_count || !status || !S_ISREG(status->mode))
		return 0;
	r = pack_read_file(pack, status, STATUS_BYTES_MAX, &text, err);
	if (r < 0)
		return r;
	if (text.bytes)
		parse_status(pack, text.bytes);
	if (pack->package_count)
		qsort(pack->package, pack->package_count, sizeof(*pack->package), by_name);
	return 0;
}

/* --- SPDX 2.3, as JSON --- */

static struct json *spdx_package(const char *id, const char *name, const char *version)
{
	struct json *json = json_new_object();

	json_set_text(json, "SPDXID", id);
	json_set_text(json, "name", name);
	json_set_text(json, "versionInfo", version);
	json_set_text(json, "downloadLocation", "NOASSERTION");
	json_set_bool(json, "filesAnalyzed", false);
	json_set_text(json, "licenseConcluded", "NOASSERTION");
	json_set_text(json, "licenseDeclared", "NOASSERTION");
	json_set_text(json, "copyrightText", "NOASSERTION");
	return json;
}

static void add_purl(struct json *json, const struct pack_package *package)
{
	struct json *list = json_new_array();
	struct json *reference = json_new_object();
	auto_buf purl = { 0 };

	buf_printf(&purl, "pkg:deb/debian/%s@%s", package->name, package->version);
	if (package->architecture)
		buf_printf(&purl, "?arch=%s", package->architecture);
	json_set_text(reference, "referenceCategory", "PACKAGE-MANAGER");
	json_set_text(reference, "referenceType", "purl");
	json_set_text(reference, "referenceLocator", buf_text(&purl));
	json_add(list, reference);
	json_set(json, "externalRefs", list);
	if (package->source)
		json_set_text(json, "sourceInfo", package->source);
}

static void add_relation(struct json *list, const char *from, const char *kind, const char *to)
{
	struct json *relation = json_new_object();

	json_set_text(relation, "spdxElementId", from);
	json_set_text(relation, "relationshipType", kind);
	json_set_text(relation, "relatedSpdxElement", to);
	json_add(list, relation);
}

/* A document's name must be its own; the same packages make the same one. */
static void add_namespace(struct pack *pack, struct json *json)
{
	auto_sha256 sha = { 0 };
	char hex[SHA256_HEX_LENGTH + 1];
	auto_buf text = { 0 };

	sha256_init(&sha);
	sha256_add(&sha, pack->name, strlen(pack->name) + 1);
	sha256_add(&sha, pack->origin, strlen(pack->origin) + 1);
	for (size_t i = 0; i < pack->package_count; i++) {
		sha256_add(&sha, pack->package[i].name, strlen(pack->package[i].name) + 1);
		sha256_add(&sha, pack->package[i].version, strlen(pack->package[i].version) + 1);
	}
	sha256_finish(&sha, hex);
	buf_printf(&text, "https://spdx.org/spdxdocs/%s-%s", pack->name, hex);
	json_set_text(json, "documentNamespace", buf_text(&text));
}

static struct json *creation(struct pack *pack)
{
	struct json *json = json_new_object();
	struct json *creators = json_new_array();
	char created[TEXT_TIME_BYTES];

	text_time(pack->time_s, created);
	json_set_text(json, "created", created);
	json_add_text(creators, "Tool: rootlet-" ROOTLET_VERSION);
	json_set(json, "creators", creators);
	return json;
}

static int add_sbom(struct pack *pack, struct err *err)
{
	struct json *json = json_new_object();
	struct json *packages = json_new_array();
	struct json *relations = json_new_array();

	json_set_text(json, "spdxVersion", "SPDX-2.3");
	json_set_text(json, "dataLicense", "CC0-1.0");
	json_set_text(json, "SPDXID", "SPDXRef-DOCUMENT");
	json_set_text(json, "name", pack->name);
	add_namespace(pack, json);
	json_set(json, "creationInfo", creation(pack));
	json_add(packages, spdx_package("SPDXRef-Pack", pack->name, NULL));
	add_relation(relations, "SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Pack");
	for (size_t i = 0; i < pack->package_count; i++) {
		const char *id = arena_printf(&pack->arena, "SPDXRef-Package-%zu", i + 1);
		struct json *package = spdx_package(id, pack->package[i].name,
						    pack->package[i].version);

		add_purl(package, &pack->package[i]);
		json_add(packages, package);
		add_relation(relations, "SPDXRef-Pack", "CONTAINS", id);
	}
	json_set(json, "packages", packages);
	json_set(json, "relationships", relations);
	return add_json(pack, PACK_SBOM, json, err);
}

/* --- provenance --- */

static struct json *package_list(const struct pack *pack)
{
	struct json *list = json_new_array();

	for (size_t i = 0; i < pack->package_count; i++) {
		const struct pack_package *package = &pack->package[i];
		struct json *json = json_new_object();

		json_set_text(json, "name", package->name);
		json_set_text(json, "version", package->version);
		json_set_text(json, "architecture", package->architecture);
		json_set_text(json, "source", package->source);
		json_set_text(json, "sourceVersion", package->source_version);
		json_add(list, json);
	}
	return list;
}

/* What an image's history says about its Dockerfile, instruction by instruction. */
static struct json *history_list(const struct pack *pack)
{
	struct json *list = json_new_array();

	for (size_t i = 0; i < pack->config.history_count; i++)
		if (pack->config.history[i].created_by)
			json_add_text(list, pack->config.history[i].created_by);
	return list;
}

static struct json *digest_list(const struct pack *pack)
{
	struct json *list = json_new_array();

	for (size_t i = 0; pack->is_image && i < pack->image.manifest.layer_count; i++)
		json_add_text(list, pack->image.manifest.layers[i].digest.text);
	return list;
}

/* Not where it was written to, nor where a directory lay: they are no part of what it is. */
static struct json *options_of(const struct pack_request *request)
{
	struct json *json = json_new_object();

	json_set_strings(json, "symlink", &request->links);
	json_set_strings(json, "entryPoint", &request->entry_point);
	json_set_strings(json, "env", &request->env);
	json_set_strings(json, "expose", &request->expose);
	json_set_strings(json, "share", &request->share);
	json_set_strings(json, "keep", &request->keep);
	json_set_strings(json, "allowSecret", &request->allow_secrets);
	json_set_bool(json, "relocatable", request->relocatable);
	json_set_bool(json, "noRecommends", request->no_recommends);
	return json;
}

static int add_provenance(struct pack *pack, struct err *err)
{
	struct json *json = json_new_object();

	json_set_integer(json, "formatVersion", 1);
	json_set_text(json, "writer", pack_writer(pack));
	json_set(json, "options", options_of(pack->request));
	json_set_text(json, "source", pack->origin);
	json_set_integer(json, "time", pack->time_s);
	if (pack->is_image) {
		json_set_text(json, "imageId", image_id(&pack->image)->text);
		json_set(json, "layers", digest_list(pack));
		json_set(json, "history", history_list(pack));
	}
	json_set(json, "packages", package_list(pack));
	return add_json(pack, PACK_PROVENANCE, json, err);
}

int pack_describe(struct pack *pack, struct err *err)
{
	int r = pack_read_packages(pack, err);

	if (r == 0)
		r = add_description(pack, err);
	if (r == 0)
		r = add_sbom(pack, err);
	if (r == 0 && pack->request->save_provenance)
		r = add_provenance(pack, err);
	return r;
}
