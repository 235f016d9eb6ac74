// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "image/config.h"

#define DIFF "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char complete[] =
	"{\"created\":\"2024-01-01T00:00:00Z\",\"author\":\"me\",\"architecture\":\"arm64\","
	"\"variant\":\"v8\",\"os\":\"linux\",\"config\":{\"User\":\"daemon\","
	"\"ExposedPorts\":{\"443/udp\":{},\"80/tcp\":{}},\"Env\":[\"PATH=/bin\",\"A=b=c\"],"
	"\"Entrypoint\":[\"/e\"],\"Cmd\":[\"x\",\"\"],\"Volumes\":{\"/v\":{}},"
	"\"WorkingDir\":\"/w\",\"Labels\":{\"empty\":\"\",\"k\":\"v=w\"},\"StopSignal\":\"9\","
	"\"Shell\":[\"/bin/sh\",\"-c\"],\"OnBuild\":[\"RUN x\"],"
	"\"Healthcheck\":{\"Test\":[\"CMD\",\"t\"],\"Interval\":5000000000,\"Retries\":3},"
	"\"ArgsEscaped\":true},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" DIFF "\"]},"
	"\"history\":[{\"created\":\"2024-01-01T00:00:00Z\",\"created_by\":\"b\"},"
	"{\"created_by\":\"c\",\"empty_layer\":true}],\"os.features\":[\"x\"]}";

static void parse(const char *text, struct config *config)
{
	struct err err = { 0 };

	assert_int_equal(config_parse(text, strlen(text), config, &err), 0);
}

test(every_member_survives_reading_and_writing)
{
	auto_config config = { 0 };
	auto_config copy = { 0 };
	auto_buf out = { 0 };

	parse(complete, &config);
	config_copy(&config, &copy);
	config_print(&copy, &out);
	assert_string_equal(out.bytes, complete);
	assert_string_equal(copy.diff_ids[0].text, DIFF);
	assert_true(copy.healthcheck.interval_ns == 5000000000);
}

test(null_and_absent_members_are_the_same)
{
	auto_config config = { 0 };
	auto_buf out = { 0 };

	parse("{\"config\":{\"Cmd\":null,\"Env\":[],\"User\":\"\",\"Labels\":null},"
	      "\"history\":null}",
	      &config);
	config_print(&config, &out);
	assert_string_equal(out.bytes,
			    "{\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}");
}

test(members_of_the_wrong_kind_are_refused_by_name)
{
	static const struct {
		const char *text;
		const char *says;
	} bad[] = {
		{ "3", "not a JSON object" },
		{ "{\"os\":1}", "'os'" },
		{ "{\"config\":{\"Env\":\"x\",\"Labels\":{\"a\":1}}}", "'Labels': 'a'" },
		{ "{\"config\":{\"Env\":[1]}}", "'Env'" },
		{ "{\"config\":[]}", "'config' is not an object" },
		{ "{\"rootfs\":{\"diff_ids\":[\"sha256:x\"]}}", "'diff_ids'" },
		{ "{\"config\":{\"Healthcheck\":{\"Retries\":\"x\"}}}", "'Retries'" },
	};

	for (size_t i = 0; i < array_count(bad); i++) {
		auto_config config = { 0 };
		struct err err = { 0 };

		assert_true(config_parse(bad[i].text, strlen(bad[i].text), &config, &err) < 0);
		if (!strstr(err.text, bad[i].says))
			fail_msg("'%s' does not say '%s'", err.text, bad[i].says);
	}
}

test(a_new_config_is_for_this_machine)
{
	auto_config config = { 0 };
	struct platform host = platform_host();
	struct platform own;

	config_init(&config);
	own = config_platform(&config);
	assert_true(platform_matches(&host, &own));
	config_set(&config.user, "x");
	config_set(&config.user, "");
	assert_null(config.user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(every_member_survives_reading_and_writing),
		RUN(null_and_absent_members_are_the_same),
		RUN(members_of_the_wrong_kind_are_refused_by_name),
		RUN(a_new_config_is_for_this_machine),
	};

	return RUN_ALL(tests);
}
