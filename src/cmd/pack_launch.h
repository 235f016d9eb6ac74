/* SPDX-License-Identifier: Apache-2.0 */
/* The program inside of packs, rootlet-pack: what runs when a packed program or a program of a
 * relocatable pack does. */
#ifndef CMD_PACK_LAUNCH_H
#define CMD_PACK_LAUNCH_H

int pack_launch(const char *execfn, int argc, char **argv);

#endif
