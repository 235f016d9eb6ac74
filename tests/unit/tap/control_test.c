// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include "tap/control.h"

static const struct tap_control control = {
	.blob_fd = 1008,
	.image_fd = -1,
	.table_fd = 1010,
	.target_fd = 0,
	.interpreter_fd = -1,
	.flags = 21,
};

test(control_words_survive_being_written_and_read)
{
	char text[TAP_CONTROL_MAX];
	struct tap_control back;
	struct creds creds;

	tap_control_print(&control, NULL, text);
	assert_int_equal(tap_control_parse(text, &back, &creds), 0);
	assert_memory_equal(&back, &control, sizeof(back));
	assert_true(creds_is_initial(&creds));
}

test(credentials_that_are_not_the_initial_ones_come_along)
{
	char text[TAP_CONTROL_MAX];
	struct tap_control back;
	struct creds creds;
	struct creds read;

	creds_init(&creds);
	assert_int_equal(creds_setuid(&creds, 33), 0);
	tap_control_print(&control, &creds, text);
	assert_int_equal(tap_control_parse(text, &back, &read), 0);
	assert_int_equal(back.table_fd, 1010);
	assert_int_equal(read.user.effective, 33);
}

test(other_words_are_not_taken_for_control_words)
{
	struct tap_control back;
	struct creds creds;

	assert_int_equal(tap_control_parse("--help", &back, &creds), -1);
	assert_int_equal(tap_control_parse("", &back, &creds), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(control_words_survive_being_written_and_read),
		RUN(credentials_that_are_not_the_initial_ones_come_along),
		RUN(other_words_are_not_taken_for_control_words),
	};

	return RUN_ALL(tests);
}
