/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka with the headers it needs in front, for every *_test.c. A test's name is a claim:
 * test(number_refuses_signs) { ... } and RUN(number_refuses_signs) in the table of main. */
#ifndef UNIT_UNIT_H
#define UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* base/err.h has one */
#undef fail_msg
#define fail_msg(...)                      \
	do {                               \
		print_error(__VA_ARGS__);  \
		print_error("\n");         \
		_fail(__FILE__, __LINE__); \
	} while (0)

#define test(name)     static void name(void **state __attribute__((unused)))
#define RUN(name)      cmocka_unit_test(name)
#define RUN_ALL(tests) cmocka_run_group_tests(tests, NULL, NULL)

#endif
