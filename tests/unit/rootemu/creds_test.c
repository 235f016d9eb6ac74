// SPDX-License-Identifier: Apache-2.0
#include "unit.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/prctl.h>

#include "base/attributes.h"
#include "rootemu/creds.h"

test(a_process_begins_as_root_with_everything)
{
	struct creds creds;

	creds_init(&creds);
	assert_true(creds_is_initial(&creds));
	assert_true(creds_may(&creds, CAP_SYS_ADMIN));
	assert_true(creds_in_group(&creds, 0));
	assert_false(creds_in_group(&creds, 1));
}

test(setuid_of_root_is_for_good)
{
	struct creds creds;

	creds_init(&creds);
	assert_int_equal(creds_setuid(&creds, 33), 0);
	assert_int_equal(creds.user.real, 33);
	assert_int_equal(creds.user.saved, 33);
	assert_int_equal(creds.user.file_system, 33);
	assert_false(creds_may(&creds, CAP_CHOWN));
	assert_int_equal(creds_setuid(&creds, 0), -EPERM);
	assert_int_equal(creds_setresuid(&creds, CREDS_KEEP, 0, CREDS_KEEP), -EPERM);
	assert_int_equal(creds_setgroups(&creds, NULL, 0), -EPERM);
}

/* What apt's sandbox does and then checks that it cannot undo. */
test(apt_drops_its_privileges_and_cannot_regain_them)
{
	const uint32_t group = 65534;
	struct creds creds;

	creds_init(&creds);
	assert_int_equal(creds_setgroups(&creds, &group, 1), 0);
	assert_int_equal(creds_setresgid(&creds, 65534, 65534, 65534), 0);
	assert_int_equal(creds_setresuid(&creds, 42, 42, 42), 0);
	assert_int_equal(creds_setgid(&creds, 0), -EPERM);
	assert_int_equal(creds_setregid(&creds, CREDS_KEEP, 0), -EPERM);
	assert_int_equal(creds_setuid(&creds, 0), -EPERM);
	assert_int_equal(creds_setreuid(&creds, CREDS_KEEP, 0), -EPERM);
	assert_true(creds_in_group(&creds, 65534));
	assert_int_equal(creds.group_count, 1);
}

test(a_seteuid_can_be_undone)
{
	struct creds creds;

	creds_init(&creds);
	assert_int_equal(creds_setresuid(&creds, CREDS_KEEP, 5, CREDS_KEEP), 0);
	assert_int_equal(creds.user.effective, 5);
	assert_int_equal(creds.user.real, 0);
	assert_false(creds_may(&creds, CAP_CHOWN));
	assert_int_equal(creds_setresuid(&creds, CREDS_KEEP, 0, CREDS_KEEP), 0);
	assert_true(creds_may(&creds, CAP_CHOWN));
	assert_true(creds_is_initial(&creds));
}

test(setreuid_sets_the_saved_id_as_the_manual_says)
{
	struct creds creds;

	creds_init(&creds);
	assert_int_equal(creds_setreuid(&creds, CREDS_KEEP, 0), 0);
	assert_int_equal(creds.user.saved, 0);
	assert_int_equal(creds_setreuid(&creds, 7, 8), 0);
	assert_int_equal(creds.user.saved, 8);
	assert_int_equal(creds_setreuid(&creds, 8, 7), 0); /* swapping is allowed to anyone */
	assert_int_equal(creds.user.real, 8);
	assert_int_equal(creds_setreuid(&creds, 9, CREDS_KEEP), -EPERM);
}

test(keeping_capabilities_over_setuid_works)
{
	struct creds creds;

	creds_init(&creds);
	assert_int_equal(creds_prctl(&creds, PR_SET_KEEPCAPS, 1, 0), 0);
	assert_int_equal(creds_setuid(&creds, 33), 0);
	assert_int_equal(creds.caps.effective, 0);
	assert_true(creds.caps.permitted == CREDS_ALL_CAPS);
	assert_int_equal(creds_capset(&creds, 1ull << CAP_NET_RAW, 1ull << CAP_NET_RAW, 0), 0);
	assert_true(creds_may(&creds, CAP_NET_RAW));
	assert_int_equal(creds_capset(&creds, 0, 3, 0), -EPERM); /* what was given up is gone */
}

test(the_bounding_set_only_shrinks)
{
	struct creds creds;

	creds_init(&creds);
	assert_int_equal(creds_prctl(&creds, PR_CAPBSET_READ, CAP_CHOWN, 0), 1);
	assert_int_equal(creds_prctl(&creds, PR_CAPBSET_DROP, CAP_CHOWN, 0), 0);
	assert_int_equal(creds_prctl(&creds, PR_CAPBSET_READ, CAP_CHOWN, 0), 0);
	assert_int_equal(creds_prctl(&creds, PR_CAPBSET_READ, 63, 0), -EINVAL);
	assert_false(creds_exec(&creds, CREDS_KEEP, CREDS_KEEP));
	assert_false(creds_may(&creds, CAP_CHOWN));
	assert_true(creds_may(&creds, CAP_KILL));
}

test(a_set_user_id_program_changes_the_effective_id_only)
{
	struct creds creds;

	creds_init(&creds);
	assert_int_equal(creds_setuid(&creds, 33), 0);
	assert_true(creds_exec(&creds, 0, CREDS_KEEP));
	assert_int_equal(creds.user.real, 33);
	assert_int_equal(creds.user.effective, 0);
	assert_int_equal(creds.user.saved, 0);
	assert_true(creds_may(&creds, CAP_SETUID));
	assert_int_equal(creds_setuid(&creds, 0), 0); /* sudo */
	assert_int_equal(creds.user.real, 0);
}

test(fsuid_takes_and_gives_back_what_belongs_to_files)
{
	struct creds creds;

	creds_init(&creds);
	assert_int_equal(creds_setfsuid(&creds, 9), 0);
	assert_false(creds_may(&creds, CAP_DAC_OVERRIDE));
	assert_true(creds_may(&creds, CAP_KILL));
	assert_int_equal(creds_setfsuid(&creds, CREDS_KEEP), 9); /* asks without changing */
	assert_int_equal(creds_setfsuid(&creds, 0), 9);
	assert_true(creds_may(&creds, CAP_DAC_OVERRIDE));
}

test(credentials_survive_being_written_and_read)
{
	static const uint32_t groups[] = { 1, 0xfffffffe, 33 };
	char text[CREDS_TEXT_MAX];
	struct creds creds;
	struct creds back;
	const char *end;

	creds_init(&creds);
	assert_int_equal(creds_setgroups(&creds, groups, array_count(groups)), 0);
	assert_int_equal(creds_setresgid(&creds, 1, 2, 3), 0);
	assert_int_equal(creds_setresuid(&creds, 4, 5, 0xfffffffe), 0);
	assert_true(creds_print(&creds, text) < sizeof(text));
	end = creds_parse(&back, text);
	assert_non_null(end);
	assert_int_equal(*end, '\0');
	assert_memory_equal(&back, &creds, offsetof(struct creds, groups) + sizeof(groups));
	text[3] = 'x';
	assert_null(creds_parse(&back, text));
}

test(who_is_no_longer_root_claims_only_ids_of_his_own)
{
	struct creds creds;

	creds_init(&creds);
	assert_true(creds_may_claim(&creds, 7, 8));
	assert_false(creds_may_claim(&creds, CREDS_KEEP, 0));
	assert_int_equal(creds_setgid(&creds, 33), 0);
	assert_int_equal(creds_setuid(&creds, 33), 0);
	assert_true(creds_may_claim(&creds, 33, 33));
	assert_false(creds_may_claim(&creds, 0, 33));
	assert_false(creds_may_claim(&creds, 33, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(a_process_begins_as_root_with_everything),
		RUN(setuid_of_root_is_for_good),
		RUN(apt_drops_its_privileges_and_cannot_regain_them),
		RUN(a_seteuid_can_be_undone),
		RUN(setreuid_sets_the_saved_id_as_the_manual_says),
		RUN(keeping_capabilities_over_setuid_works),
		RUN(the_bounding_set_only_shrinks),
		RUN(a_set_user_id_program_changes_the_effective_id_only),
		RUN(fsuid_takes_and_gives_back_what_belongs_to_files),
		RUN(who_is_no_longer_root_claims_only_ids_of_his_own),
		RUN(credentials_survive_being_written_and_read),
	};

	return RUN_ALL(tests);
}
