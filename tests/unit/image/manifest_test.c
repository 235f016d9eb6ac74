// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "image/manifest.h"

#define DIGEST_OF(c) "sha256:" c c c c c c c c c c c c c c c c
#define A	     DIGEST_OF("aaaa")
#define B	     DIGEST_OF("bbbb")
#define C	     DIGEST_OF("cccc")

static int parse(const char *text, struct arena *arena, struct manifest *manifest, struct err *err)
{
	return manifest_parse(text, strlen(text), arena, manifest, err);
}

test(a_manifest_is_read_and_printed_back)
{
	static const char text[] =
		"{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST "\","
		"\"config\":{\"mediaType\":\"" MEDIA_OCI_CONFIG "\",\"digest\":\"" A
		"\",\"size\":7},"
		"\"layers\":[{\"mediaType\":\"" MEDIA_OCI_LAYER_GZIP "\",\"digest\":\"" B
		"\",\"size\":9,\"annotations\":{\"k\":\"v\"}}],\"annotations\":{\"x\":\"y\"}}";
	auto_arena arena = { 0 };
	auto_buf out = { 0 };
	struct manifest manifest;
	struct err err = { 0 };

	assert_int_equal(parse(text, &arena, &manifest, &err), 0);
	assert_int_equal(manifest.layer_count, 1);
	assert_true(manifest.layers[0].size_bytes == 9);
	assert_string_equal(annotation_get(&manifest.annotations, "x"), "y");
	manifest_print(&manifest, &out);
	assert_string_equal(out.bytes, text);
}

test(a_wrong_manifest_is_refused_naming_the_member)
{
	static const struct {
		const char *text;
		const char *says;
	} bad[] = {
		{ "[]", "not a JSON object" },
		{ "{\"schemaVersion\":1}", "schema 1" },
		{ "{\"schemaVersion\":2,\"manifests\":[]}", "not an image manifest" },
		{ "{\"schemaVersion\":2,\"config\":3}", "'config'" },
		{ "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"digest\":\"" A
		  "\",\"size\":-1}}",
		  "'size'" },
		{ "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"digest\":\"" A
		  "\",\"size\":1},\"layers\":[{\"mediaType\":\"x\",\"digest\":\"sha256:../..\","
		  "\"size\":1}]}",
		  "'layers', entry 1" },
	};

	for (size_t i = 0; i < array_count(bad); i++) {
		auto_arena arena = { 0 };
		struct manifest manifest;
		struct err err = { 0 };

		assert_true(parse(bad[i].text, &arena, &manifest, &err) < 0);
		if (!strstr(err.text, bad[i].says))
			fail_msg("'%s' does not say '%s'", err.text, bad[i].says);
	}
}

#define ENTRY(digest, platform)                                          \
	"{\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"digest\":\"" digest \
	"\",\"size\":1,\"platform\":{" platform "}}"
#define LINUX(architecture) "\"os\":\"linux\",\"architecture\":\"" architecture "\""

static void expect_choice(const char *list, const char *platform_text, const char *digest)
{
	auto_arena arena = { 0 };
	struct platform platform;
	struct descriptor found;
	struct index index;
	struct err err = { 0 };
	auto_buf text = { 0 };

	buf_printf(&text, "{\"schemaVersion\":2,\"manifests\":[%s]}", list);
	assert_int_equal(platform_parse(platform_text, &arena, &platform, &err), 0);
	assert_int_equal(index_parse(text.bytes, text.size_bytes, &arena, &index, &err), 0);
	if (!digest) {
		assert_int_equal(index_select(&index, &platform, &found, &err), -ENOENT);
		return;
	}
	assert_int_equal(index_select(&index, &platform, &found, &err), 0);
	assert_string_equal(found.digest.text, digest);
}

test(an_index_gives_the_manifest_of_the_platform)
{
	auto_buf buf = { 0 };
	const char *list;

	buf_printf(&buf, "%s,%s,%s", ENTRY(A, LINUX("amd64") ",\"variant\":\"v3\""),
		   ENTRY(B, LINUX("amd64")), ENTRY(C, LINUX("arm64") ",\"variant\":\"v8\""));
	list = buf.bytes;
	expect_choice(list, "linux/amd64", B);
	expect_choice(list, "linux/amd64/v3", A);
	expect_choice(list, "x86_64", B);
	expect_choice(list, "linux/arm64", C);
	expect_choice(list, "linux/arm64/v9", NULL);
	expect_choice(list, "linux/s390x", NULL);
	expect_choice(list, "windows/amd64", NULL);
}

test(attestations_are_never_chosen)
{
	expect_choice(ENTRY(A, "\"os\":\"unknown\",\"architecture\":\"unknown\""), "linux/amd64",
		      NULL);
}

test(media_types_tell_the_compression)
{
	enum compression compression;
	struct err err = { 0 };

	assert_int_equal(media_type_layer(MEDIA_DOCKER_LAYER, &compression, &err), 0);
	assert_int_equal(compression, COMPRESSION_GZIP);
	assert_int_equal(media_type_layer(MEDIA_OCI_LAYER_ZSTD, &compression, &err), 0);
	assert_int_equal(compression, COMPRESSION_ZSTD);
	assert_int_equal(media_type_layer("text/plain", &compression, &err), -ENOTSUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_manifest_is_read_and_printed_back),
		RUN(a_wrong_manifest_is_refused_naming_the_member),
		RUN(an_index_gives_the_manifest_of_the_platform),
		RUN(attestations_are_never_chosen),
		RUN(media_types_tell_the_compression),
	};

	return RUN_ALL(tests);
}
