/* SPDX-License-Identifier: Apache-2.0 */
#include "toy.h"

const char *toy(void)
{
	return "toy";
}
