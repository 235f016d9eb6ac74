// SPDX-License-Identifier: Apache-2.0
/* The mark that disallows, allows or requires flattening. */
#include "image/ownership.h"

#include "unit.h"

static int mark_of(const char *annotation, const char *label, enum ownership_mark *ret_mark)
{
	struct annotation item = { OWNERSHIP_MARK, annotation };
	struct manifest manifest = { .annotations = { &item, annotation ? 1 : 0 } };
	auto_config config = { 0 };
	struct err err = { 0 };

	if (label)
		strings_env_set(&config.labels, OWNERSHIP_MARK, label);
	return ownership_mark_of(&manifest, &config, ret_mark, &err);
}

static void the_annotation_wins_over_the_label(void **state)
{
	enum ownership_mark mark;

	(void)state;
	assert_int_equal(mark_of(NULL, NULL, &mark), 0);
	assert_int_equal(mark, OWNERSHIP_UNMARKED);
	assert_int_equal(mark_of(NULL, "allow", &mark), 0);
	assert_int_equal(mark, OWNERSHIP_ALLOW);
	assert_int_equal(mark_of("disallow", "require", &mark), 0);
	assert_int_equal(mark, OWNERSHIP_DISALLOW);
}

static void an_unknown_mark_is_refused(void **state)
{
	enum ownership_mark mark = OWNERSHIP_ALLOW;

	(void)state;
	assert_int_equal(mark_of(NULL, "", &mark), -EINVAL);
	assert_int_equal(mark_of("Require", "require", &mark), -EINVAL);
	assert_int_equal(mark, OWNERSHIP_ALLOW);
}

/* Result: 0 keep, 1 flatten, or -errno. */
static int choice(enum ownership_mark mark, const char *asked)
{
	struct err err = { 0 };
	bool flatten;
	int r = ownership_choose(mark, asked, &flatten, &err);

	return r < 0 ? r : flatten;
}

static void what_is_asked_must_agree_with_the_mark(void **state)
{
	static const struct {
		enum ownership_mark mark;
		int unasked, keep, flatten;
	} table[] = {
		{ OWNERSHIP_UNMARKED, 0, 0, 1 },
		{ OWNERSHIP_ALLOW, 0, 0, 1 },
		{ OWNERSHIP_DISALLOW, 0, 0, -EPERM },
		{ OWNERSHIP_REQUIRE, 1, -EPERM, 1 },
	};

	(void)state;
	for (size_t i = 0; i < array_count(table); i++) {
		assert_int_equal(choice(table[i].mark, NULL), table[i].unasked);
		assert_int_equal(choice(table[i].mark, "keep"), table[i].keep);
		assert_int_equal(choice(table[i].mark, "flatten"), table[i].flatten);
	}
}

static void check_flat(uint32_t uid, uint32_t gid, uint32_t mode, uint32_t wanted)
{
	ownership_flatten(&uid, &gid, &mode);
	assert_int_equal(uid, 0);
	assert_int_equal(gid, 0);
	assert_int_equal(mode, wanted);
}

static void set_id_bits_go_with_the_id_they_were_for(void **state)
{
	(void)state;
	check_flat(0, 0, 06755, 06755);
	check_flat(7, 0, 06755, 02755);
	check_flat(0, 42, 02755, 0755);
	check_flat(7, 42, 07777, 01777);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_annotation_wins_over_the_label),
		cmocka_unit_test(an_unknown_mark_is_refused),
		cmocka_unit_test(what_is_asked_must_agree_with_the_mark),
		cmocka_unit_test(set_id_bits_go_with_the_id_they_were_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
