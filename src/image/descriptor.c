// SPDX-License-Identifier: Apache-2.0
#include "image/descriptor.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"
#include "base/strings.h"

static const char *copy_member(const struct json *json, const char *key, struct arena *arena)
{
	const char *text = json_get_text(json, key);

	return text && *text ? arena_copy(arena, text) : NULL;
}

int annotations_parse(const struct json *object, struct arena *arena,
		      struct annotations *ret_annotations, struct err *err)
{
	struct annotations annotations = { 0 };

	if (!object) {
		*ret_annotations = annotations;
		return 0;
	}
	if (!json_is_object(object))
		return fail_plain(err, EINVAL, "'annotations' is not an object");
	annotations.item = arena_array(arena, struct annotation, json_count(object));
	json_each(object, member)
	{
		const char *value = json_text(json_member_value(member));
		struct annotation *annotation = &annotations.item[annotations.count++];

		if (!value)
			return fail_plain(err, EINVAL, "annotation '%s' is not a string",
					  json_member_key(member));
		annotation->key = arena_copy(arena, json_member_key(member));
		annotation->value = arena_copy(arena, value);
	}
	*ret_annotations = annotations;
	return 0;
}

struct json *annotations_to_json(const struct annotations *annotations)
{
	struct json *object = json_new_object();

	for (size_t i = 0; i < annotations->count; i++)
		json_set_text(object, annotations->item[i].key, annotations->item[i].value);
	return object;
}

const char *annotation_get(const struct annotations *annotations, const char *key)
{
	for (size_t i = 0; i < annotations->count; i++)
		if (strcmp(annotations->item[i].key, key) == 0)
			return annotations->item[i].value;
	return NULL;
}

static struct platform parse_platform(const struct json *json, struct arena *arena)
{
	return (struct platform){
		.os = copy_member(json, "os", arena),
		.architecture = copy_member(json, "architecture", arena),
		.variant = copy_member(json, "variant", arena),
		.os_version = copy_member(json, "os.version", arena),
	};
}

static int parse(const struct json *json, struct arena *arena, struct descriptor *descriptor,
		 struct err *err)
{
	const char *text;
	int r;

	if (!json_is_object(json))
		return fail_plain(err, EINVAL, "not an object");
	r = json_need_text(json, "mediaType", &text, err);
	if (r < 0)
		return r;
	descriptor->media_type = arena_copy(arena, text);
	r = json_need_text(json, "digest", &text, err);
	if (r < 0)
		return r;
	r = digest_parse(text, &descriptor->digest, err);
	if (r < 0)
		return r;
	r = json_need_u64(json, "size", &descriptor->size_bytes, err);
	if (r < 0)
		return r;
	descriptor->platform = parse_platform(json_get(json, "platform"), arena);
	descriptor->artifact_type = copy_member(json, "artifactType", arena);
	return annotations_parse(json_get(json, "annotations"), arena, &descriptor->annotations,
				 err);
}

int descriptor_parse(const struct json *json, struct arena *arena,
		     struct descriptor *ret_descriptor, struct err *err)
{
	struct descriptor descriptor = { 0 };
	int r = parse(json, arena, &descriptor, err);

	if (r < 0)
		return err_wrap(err, "descriptor");
	*ret_descriptor = descriptor;
	return 0;
}

struct json *descriptor_to_json(const struct descriptor *descriptor)
{
	struct json *json = json_new_object();
	const struct platform *platform = &descriptor->platform;

	json_set_text(json, "mediaType", descriptor->media_type);
	json_set_text(json, "digest", descriptor->digest.text);
	json_set_integer(json, "size", (int64_t)descriptor->size_bytes);
	if (descriptor->annotations.count)
		json_set(json, "annotations", annotations_to_json(&descriptor->annotations));
	if (platform->os || platform->architecture) {
		struct json *object = json_new_object();

		json_set_text(object, "architecture", platform->architecture);
		json_set_text(object, "os", platform->os);
		json_set_text(object, "os.version", platform->os_version);
		json_set_text(object, "variant", platform->variant);
		json_set(json, "platform", object);
	}
	json_set_text(json, "artifactType", descriptor->artifact_type);
	return json;
}

bool media_type_is_index(const char *media_type)
{
	return text_equal(media_type, MEDIA_OCI_INDEX) || text_equal(media_type, MEDIA_DOCKER_LIST);
}

bool media_type_is_manifest(const char *media_type)
{
	return text_equal(media_type, MEDIA_OCI_MANIFEST) ||
	       text_equal(media_type, MEDIA_DOCKER_MANIFEST);
}

static const struct {
	const char *media_type;
	enum compression compression;
} layer_types[] = {
	{ MEDIA_OCI_LAYER_GZIP, COMPRESSION_GZIP },
	{ MEDIA_DOCKER_LAYER, COMPRESSION_GZIP },
	{ MEDIA_OCI_LAYER_ZSTD, COMPRESSION_ZSTD },
	{ "application/vnd.docker.image.rootfs.diff.tar.zstd", COMPRESSION_ZSTD },
	{ MEDIA_OCI_LAYER_TAR, COMPRESSION_NONE },
	{ "application/vnd.docker.image.rootfs.diff.tar", COMPRESSION_NONE },
	{ "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", COMPRESSION_GZIP },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar", COMPRESSION_NONE },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", COMPRESSION_GZIP },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", COMPRESSION_ZSTD },
};

int media_type_layer(const char *media_type, enum compression *ret_compression, struct err *err)
{
	for (size_t i = 0; i < array_count(layer_types); i++) {
		if (strcmp(layer_types[i].media_type, media_type) != 0)
			continue;
		*ret_compression = layer_types[i].compression;
		return 0;
	}
	return fail_plain(err, ENOTSUP, "media type '%.200s' is not a layer rootlet can unpack",
			  media_type);
}

const char *media_type_of_layer(enum compression compression)
{
	switch (compression) {
	case COMPRESSION_GZIP:
		return MEDIA_OCI_LAYER_GZIP;
	case COMPRESSION_ZSTD:
		return MEDIA_OCI_LAYER_ZSTD;
	case COMPRESSION_NONE:
		break;
	}
	return MEDIA_OCI_LAYER_TAR;
}

#define PLATFORM_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/"

/* uname -m, and what people type, against Go's names; containerd/platforms does the same. */
static const struct {
	const char *name;
	const char *architecture;
	const char *variant;
} architectures[] = {
	{ "x86_64", "amd64", NULL },
	{ "x86-64", "amd64", NULL },
	{ "aarch64", "arm64", NULL },
	{ "armv8l", "arm", "v8" },
	{ "armv7l", "arm", "v7" },
	{ "armhf", "arm", "v7" },
	{ "armv6l", "arm", "v6" },
	{ "armel", "arm", "v6" },
	{ "i386", "386", NULL },
	{ "i686", "386", NULL },
	{ "loongarch64", "loong64", NULL },
};

static void name_architecture(const char *name, struct platform *platform)
{
	for (size_t i = 0; i < array_count(architectures); i++) {
		if (strcmp(architectures[i].name, name) != 0)
			continue;
		platform->architecture = architectures[i].architecture;
		if (!platform->variant)
			platform->variant = architectures[i].variant;
	}
}

/* What may stand alone: the names Go gives to what Linux runs on. */
static bool is_architecture(const char *name)
{
	static const char *const known[] = { "386",   "amd64",	 "arm",	    "arm64",	"loong64",
					     "mips",  "mipsle",	 "mips64",  "mips64le", "ppc64",
					     "s390x", "ppc64le", "riscv64", "wasm" };

	for (size_t i = 0; i < array_count(known); i++)
		if (strcmp(known[i], name) == 0)
			return true;
	return false;
}

int platform_parse(const char *text, struct arena *arena, struct platform *ret_platform,
		   struct err *err)
{
	struct platform platform = { .os = "linux" };
	char *at = arena_copy(arena, text);
	char *os = strsep(&at, "/");
	char *architecture = at ? strsep(&at, "/") : NULL;

	if (!*os || (architecture && !*architecture) || (at && (!*at || strchr(at, '/'))) ||
	    text[strspn(text, PLATFORM_CHARACTERS)])
		return fail_plain(err, EINVAL, "platform '%.100s' is not OS/ARCH[/VARIANT]", text);
	platform.architecture = architecture ? architecture : os;
	platform.os = architecture ? os : "linux";
	platform.variant = at;
	if (!architecture && strcmp(os, "linux") == 0)
		platform.architecture = platform_host().architecture;
	name_architecture(platform.architecture, &platform);
	if (!architecture && !is_architecture(platform.architecture))
		return fail_plain(
			err, EINVAL,
			"platform '%.100s' is neither OS/ARCH[/VARIANT] nor an architecture", text);
	*ret_platform = platform;
	return 0;
}

struct platform platform_host(void)
{
	struct platform platform = { .os = "linux" };
#if defined(__x86_64__)
	platform.architecture = "amd64";
#elif defined(__aarch64__)
	platform.architecture = "arm64";
#else
#error "name this architecture as Go does"
#endif
	return platform;
}

static const char *variant_of(const struct platform *platform)
{
	if (!platform->variant && text_equal(platform->architecture, "arm64"))
		return "v8";
	return platform->variant;
}

static bool member_matches(const char *wanted, const char *offered)
{
	return !wanted || !offered || strcmp(wanted, offered) == 0;
}

bool platform_matches(const struct platform *wanted, const struct platform *offered)
{
	return member_matches(wanted->os, offered->os) &&
	       member_matches(wanted->architecture, offered->architecture) &&
	       member_matches(variant_of(wanted), variant_of(offered));
}

const char *platform_format(const struct platform *platform, char text[64])
{
	snprintf(text, 64, "%.20s/%.20s%s%.20s", platform->os ? platform->os : "unknown",
		 platform->architecture ? platform->architecture : "unknown",
		 platform->variant ? "/" : "", platform->variant ? platform->variant : "");
	return text;
}
