// SPDX-License-Identifier: Apache-2.0
/* rootlet-pack: the program that is put into packs (cmd/pack_launch.h). */
#include <stdio.h>
#include <sys/auxv.h>

#include "base/banned.h"
#include "cmd/pack_launch.h"

int main(int argc, char **argv)
{
	const char *execfn = (const char *)getauxval(AT_EXECFN);

	if (argc < 1) {
		fputs("rootlet pack: error: no name to be called by\n", stderr);
		return 125;
	}
	return pack_launch(execfn ? execfn : argv[0], argc, argv);
}
