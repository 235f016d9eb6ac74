/* SPDX-License-Identifier: Apache-2.0 */
/* Every target is one file that defines this function. With libFuzzer it is fuzzed
 * (meson -Dfuzzers=true with clang), with replay.c it runs over its corpus in `meson test`. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

#endif
