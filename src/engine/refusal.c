// SPDX-License-Identifier: Apache-2.0
#include "engine/refusal.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/banned.h"
#include "tap/table.h"

#define COMM_LENGTH 15

/* What the program is called now, as the tap has it of its own process. */
static void read_name(pid_t tid, char name[COMM_LENGTH + 1])
{
	char path[48];
	ssize_t length;
	auto_fd fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/comm", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : read(fd, name, COMM_LENGTH);
	if (length > 0 && name[length - 1] == '\n')
		length--;
	name[length < 0 ? 0 : length] = '\0';
}

void refusal_note(struct tap_refusal *refused, const struct tracee *tracee, long answer)
{
	struct registers made = tracee->made;
	long number = registers_call(&made);

	if (!refused || (answer != -EPERM && answer != -EACCES))
		return;
	if (number < 0 || number >= TAP_NR_END || !tap_table[number].name ||
	    !tap_row_is_privilege(&tap_table[number], number, (int)-answer))
		return;
	*refused = (struct tap_refusal){ .call = tap_table[number].name, .error = (int)-answer };
	read_name(tracee->tid, refused->program);
}
