/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a seccomp program, instruction by instruction. What does not fit is counted and not
 * written: the caller compares count with room at the end. */
#ifndef TAP_BPF_H
#define TAP_BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

#include "tap/session_page.h"

struct bpf {
	struct sock_filter *code;
	int count;
	int room;
};

/* Of a field of struct seccomp_data. */
#define BPF_DATA(field) ((uint32_t)offsetof(struct seccomp_data, field))
/* A jump to the end, whose place is known only when everything is there: bpf_end_is_here. */
#define BPF_TO_END 0xffffffffu

static inline void bpf_emit(struct bpf *bpf, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	if (bpf->count < bpf->room)
		bpf->code[bpf->count] = (struct sock_filter){ code, yes, no, k };
	bpf->count++;
}

static inline void bpf_load(struct bpf *bpf, uint32_t offset)
{
	bpf_emit(bpf, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static inline void bpf_jump(struct bpf *bpf, uint16_t test, uint32_t k, uint8_t yes, uint8_t no)
{
	bpf_emit(bpf, (uint16_t)(BPF_JMP | test | BPF_K), k, yes, no);
}

static inline void bpf_give(struct bpf *bpf, uint32_t result)
{
	bpf_emit(bpf, BPF_RET | BPF_K, result, 0, 0);
}

static inline void bpf_go_to_end(struct bpf *bpf)
{
	bpf_emit(bpf, BPF_JMP | BPF_JA, BPF_TO_END, 0, 0);
}

static inline void bpf_end_is_here(struct bpf *bpf)
{
	int end = bpf->count < bpf->room ? bpf->count : bpf->room;

	for (int i = 0; i < end; i++)
		if (bpf->code[i].code == (BPF_JMP | BPF_JA) && bpf->code[i].k == BPF_TO_END)
			bpf->code[i].k = (uint32_t)(end - i - 1);
}

/* The end: calls made by the tap itself pass, for the others it is `result`. */
static inline void bpf_end_outside_tap(struct bpf *bpf, uint32_t result)
{
	bpf_end_is_here(bpf);
	bpf_load(bpf, BPF_DATA(instruction_pointer) + 4);
	bpf_jump(bpf, BPF_JEQ, (uint32_t)(TAP_BASE >> 32), 0, 3);
	bpf_load(bpf, BPF_DATA(instruction_pointer));
	bpf_jump(bpf, BPF_JGE, TAP_WINDOW, 1, 0);
	bpf_give(bpf, SECCOMP_RET_ALLOW);
	bpf_give(bpf, result);
}

#endif
