// SPDX-License-Identifier: Apache-2.0
/* The filter is run here by an interpreter of the few instructions it is made of. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

#include "sys/raw.h"
#include "tap/filter.h"
#include "tap/session_page.h"
#include "tap/table.h"

#define OUTSIDE 0x7f0000001234ul
#define FD_BASE 1008u

static struct sock_filter filter[TAP_FILTER_MAX];

static uint32_t run(const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (const struct sock_filter *at = filter;; at++) {
		switch (at->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)data + at->k, sizeof(a));
			break;
		case BPF_JMP | BPF_JA:
			at += at->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += a == at->k ? at->jt : at->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			at += a >= at->k ? at->jt : at->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			at += a & at->k ? at->jt : at->jf;
			break;
		case BPF_RET | BPF_K:
			return at->k;
		default:
			fail_msg("instruction %#x is not known to this test", at->code);
		}
	}
}

static uint32_t answer(long number, uint64_t a0, uint64_t a1, uint64_t a2)
{
	struct seccomp_data data = { .nr = (int)number,
				     .arch = ARCH_AUDIT,
				     .instruction_pointer = OUTSIDE,
				     .args = { a0, a1, a2 } };

	return run(&data);
}

#define TRAPS	      (SECCOMP_RET_TRAP | TAP_TRAP_DATA)
#define PASSES	      SECCOMP_RET_ALLOW
#define ENOSYS_ANSWER (SECCOMP_RET_ERRNO | ENOSYS)

static void make(unsigned flags)
{
	assert_true(filter_make(flags, FD_BASE, filter) > 0);
}

test(calls_of_the_tap_itself_pass)
{
	struct seccomp_data data = { .nr = NR_execve, .arch = ARCH_AUDIT };

	make(TAP_PAGE_ROOT);
	data.instruction_pointer = TAP_BASE + 0x1000;
	assert_int_equal(run(&data), PASSES);
	data.instruction_pointer = TAP_BASE + TAP_WINDOW;
	assert_int_equal(run(&data), TRAPS);
	data.instruction_pointer = TAP_BASE - 1;
	assert_int_equal(run(&data), TRAPS);
	data.instruction_pointer = (TAP_BASE & 0xffffffff) + 0x1000;
	assert_int_equal(run(&data), TRAPS);
}

test(root_emulation_is_only_trapped_when_asked_for)
{
	make(0);
	assert_int_equal(answer(NR_fchownat, 0, 0, 0), PASSES);
	assert_int_equal(answer(NR_execve, 0, 0, 0), TRAPS);
	make(TAP_PAGE_ROOT);
	assert_int_equal(answer(NR_fchownat, 0, 0, 0), TRAPS);
	assert_int_equal(answer(NR_read, 0, 0, 0), PASSES);
}

test(calls_without_a_row_do_not_exist)
{
	size_t absent = 0;

	make(TAP_PAGE_ROOT);
	for (long number = 0; number < TAP_NR_END + 100; number++) {
		uint32_t said = answer(number, 0, 0, 0);

		if (number < TAP_NR_END && tap_table[number].name &&
		    tap_table[number].trap.when != TAP_REFUSED) {
			assert_int_not_equal(said, ENOSYS_ANSWER);
			continue;
		}
		assert_int_equal(said, ENOSYS_ANSWER);
		absent++;
	}
	assert_true(absent > 100);
}

test(who_may_be_refused_asks_before_every_path)
{
	assert_true(filter_make_watch(filter) > 0);
	assert_int_equal(answer(NR_openat, 0, 0, O_RDONLY), TRAPS);
	assert_int_equal(answer(NR_chdir, 0, 0, 0), TRAPS);
	assert_int_equal(answer(NR_kill, 1, 9, 0), TRAPS);
	assert_int_equal(answer(NR_recvmsg, 1, 0, 0), TRAPS);
	assert_int_equal(answer(NR_clone, CLONE_NEWNS | SIGCHLD, 0, 0), TRAPS);
	assert_int_equal(answer(NR_clone, CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD, 0, 0), PASSES);
	assert_int_equal(answer(NR_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0), PASSES);
	assert_int_equal(answer(NR_read, 0, 0, 0), PASSES);
	assert_int_equal(answer(NR_fchdir, 0, 0, 0), TRAPS);
}

test(what_asks_for_a_capability_traps_under_root_emulation)
{
	make(TAP_PAGE_ROOT);
	for (size_t i = 0; i < TAP_NR_END; i++)
		if (tap_table[i].trap.needs && tap_table[i].trap.condition == TAP_ALWAYS)
			assert_int_equal(answer((long)i, 0, 0, 0), TRAPS);
	assert_int_equal(answer(NR_fsconfig, 0, FSCONFIG_CMD_RECONFIGURE, 0), TRAPS);
	assert_int_equal(answer(NR_socket, AF_INET, SOCK_RAW, 0), TRAPS);
	assert_int_equal(answer(NR_clone, CLONE_NEWNS, 0, 0), PASSES);
}

test(signals_to_everybody_are_looked_at_where_processes_are_the_hosts)
{
	make(TAP_PAGE_TRANSLATE);
	assert_int_equal(answer(NR_kill, (uint32_t)-1, 9, 0), TRAPS);
	assert_int_equal(answer(NR_kill, 1, 9, 0), PASSES);
	make(TAP_PAGE_ROOT);
	assert_int_equal(answer(NR_kill, (uint32_t)-1, 9, 0), PASSES);
}

test(opens_that_change_nothing_pass_but_on_the_host)
{
	make(TAP_PAGE_ROOT);
	assert_int_equal(answer(NR_openat, 0, 0, O_RDONLY | O_CLOEXEC | O_DIRECTORY), PASSES);
	assert_int_equal(answer(NR_openat, 0, 0, O_RDONLY | O_CREAT), TRAPS);
	assert_int_equal(answer(NR_openat, 0, 0, O_WRONLY), TRAPS);
	assert_int_equal(answer(NR_openat, 0, 0, O_TMPFILE | O_RDWR), TRAPS);
	make(TAP_PAGE_ROOT | TAP_PAGE_HOST_TREE);
	assert_int_equal(answer(NR_openat, 0, 0, O_RDONLY), TRAPS);
}

test(only_descriptors_that_may_be_ours_are_looked_at)
{
	make(TAP_PAGE_ROOT);
	assert_int_equal(answer(NR_close, FD_BASE - 1, 0, 0), PASSES);
	assert_int_equal(answer(NR_close, FD_BASE, 0, 0), TRAPS);
	assert_int_equal(answer(NR_dup3, 3, FD_BASE + 1, 0), TRAPS);
	assert_int_equal(answer(NR_dup3, FD_BASE, 3, 0), TRAPS);
	assert_int_equal(answer(NR_dup3, 3, 4, 0), PASSES);
}

test(a_mask_is_looked_at_when_there_is_one)
{
	make(TAP_PAGE_ROOT);
	assert_int_equal(answer(NR_rt_sigprocmask, 0, 0, OUTSIDE), PASSES);
	assert_int_equal(answer(NR_rt_sigprocmask, 0, OUTSIDE, 0), TRAPS);
	assert_int_equal(answer(NR_rt_sigprocmask, 0, 1ul << 32, 0), TRAPS); /* low half is 0 */
}

test(other_ways_into_the_kernel_are_closed)
{
	struct seccomp_data i386 = { .nr = 24, .arch = AUDIT_ARCH_I386 };

	make(TAP_PAGE_ROOT);
	assert_int_equal(run(&i386), ENOSYS_ANSWER);
	assert_int_equal(answer(NR_clone3, 0, 0, 0), ENOSYS_ANSWER);
	assert_int_equal(answer(NR_io_uring_setup, 0, 0, 0), ENOSYS_ANSWER);
	assert_int_equal(answer(0x40000000 | 102, 0, 0, 0), ENOSYS_ANSWER); /* x32 */
	assert_int_equal(answer(TAP_NR_END, 0, 0, 0), ENOSYS_ANSWER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(calls_of_the_tap_itself_pass),
		RUN(root_emulation_is_only_trapped_when_asked_for),
		RUN(calls_without_a_row_do_not_exist),
		RUN(who_may_be_refused_asks_before_every_path),
		RUN(what_asks_for_a_capability_traps_under_root_emulation),
		RUN(signals_to_everybody_are_looked_at_where_processes_are_the_hosts),
		RUN(opens_that_change_nothing_pass_but_on_the_host),
		RUN(only_descriptors_that_may_be_ours_are_looked_at),
		RUN(a_mask_is_looked_at_when_there_is_one),
		RUN(other_ways_into_the_kernel_are_closed),
	};

	return RUN_ALL(tests);
}
