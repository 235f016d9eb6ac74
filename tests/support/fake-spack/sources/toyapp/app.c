/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <toy.h>

int main(void)
{
	return puts(toy()) < 0;
}
