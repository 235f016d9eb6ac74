// SPDX-License-Identifier: Apache-2.0
/* What --dry-run prints is read back with the JSON parser the rest of the program uses. */
#include "unit.h"

#include "box/box.h"
#include "codec/json.h"

static struct json *parse(const struct box *box)
{
	auto_buf text = { 0 };
	struct json *json = NULL;
	struct err err = { 0 };

	box_to_json(box, &text);
	assert_int_equal(text.bytes[text.size_bytes - 1], '\n');
	if (json_parse(text.bytes, text.size_bytes, &json, &err) < 0)
		fail_msg("%s in\n%s", err.text, text.bytes);
	return json;
}

test(an_empty_box_is_valid_json)
{
	auto_json *json = NULL;
	auto_box box;

	box_init(&box);
	json = parse(&box);
	assert_string_equal(json_get_text(json_get(json, "root"), "type"), "directory");
	assert_int_equal(json_count(json_get(json, "mounts")), 0);
	assert_true(json_is_array(json_get(json, "argv")));
	assert_true(json_is_true(json_get(json_get(json, "private"), "pid")));
	assert_false(json_is_true(json_get(json_get(json, "private"), "network")));
	assert_null(json_get(json, "hostname"));
}

static void fill(struct box *box)
{
	struct box_mount *mount;

	box->root.kind = BOX_ROOT_OVERLAY;
	box->root.read_only = true;
	strings_add(&box->root.lower, "/layers/top");
	strings_add(&box->root.lower, "/layers/bottom");
	mount = box_mounts_add(&box->mounts, BOX_MOUNT_BIND, "/in \"side\"\\");
	mount->source = "/out\nside";
	mount->read_only = true;
	mount = box_mounts_add(&box->mounts, BOX_MOUNT_TMPFS, "/tmp");
	mount->size_bytes = 1u << 20;
	mount->mode = 0750;
	mount->optional = true;
	box_mounts_add(&box->mounts, BOX_MOUNT_FILE, "/etc/hosts")->content = "\xff\x01";
	strings_add(&box->argv, "echo");
	strings_add(&box->argv, "");
	strings_add(&box->env, "A=\xc3\xa4\t");
	box->uid = 4294967294u;
	box->groups = arena_array(&box->arena, gid_t, 1);
	box->groups[0] = 27;
	box->group_count = 1;
	box->hostname = "h";
}

test(everything_in_a_box_is_printed)
{
	auto_json *json = NULL;
	auto_box box;
	const struct json *mounts;
	int64_t number;

	box_init(&box);
	fill(&box);
	json = parse(&box);
	mounts = json_get(json, "mounts");
	assert_string_equal(json_text(json_at(json_get(json_get(json, "root"), "lower"), 1)),
			    "/layers/bottom");
	assert_string_equal(json_get_text(json_get(json, "root"), "upper"), "memory");
	assert_string_equal(json_get_text(json_at(mounts, 0), "target"), "/in \"side\"\\");
	assert_string_equal(json_get_text(json_at(mounts, 0), "source"), "/out\nside");
	assert_true(json_is_true(json_get(json_at(mounts, 0), "readOnly")));
	assert_true(json_integer_of(json_get(json_at(mounts, 1), "sizeBytes"), &number));
	assert_true(number == 1 << 20);
	assert_string_equal(json_get_text(json_at(mounts, 1), "mode"), "0750");
	assert_true(json_is_true(json_get(json_at(mounts, 1), "optional")));
	assert_string_equal(json_get_text(json_at(mounts, 2), "content"), "\xef\xbf\xbd\x01");
	assert_string_equal(json_text(json_at(json_get(json, "argv"), 1)), "");
	assert_string_equal(json_text(json_at(json_get(json, "env"), 0)), "A=\xc3\xa4\t");
	assert_true(json_integer_of(json_get(json, "uid"), &number));
	assert_true(number == 4294967294);
	assert_true(json_integer_of(json_at(json_get(json, "groups"), 0), &number));
	assert_int_equal(number, 27);
	assert_string_equal(json_get_text(json, "hostname"), "h");
}

test(each_kind_of_mount_has_its_own_name)
{
	auto_json *json = NULL;
	auto_box box;
	const struct json *mounts;

	box_init(&box);
	for (int kind = BOX_MOUNT_BIND; kind <= BOX_MOUNT_FILE; kind++)
		box_mounts_add(&box.mounts, (enum box_mount_kind)kind, "/x");
	json = parse(&box);
	mounts = json_get(json, "mounts");
	assert_int_equal(json_count(mounts), BOX_MOUNT_FILE + 1);
	for (size_t i = 0; i < json_count(mounts); i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(json_get_text(json_at(mounts, i), "type"),
						json_get_text(json_at(mounts, j), "type"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(an_empty_box_is_valid_json),
		RUN(everything_in_a_box_is_printed),
		RUN(each_kind_of_mount_has_its_own_name),
	};

	return RUN_ALL(tests);
}
