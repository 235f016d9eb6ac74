// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "mean.h"

int main(void)
{
	const double values[] = { 1, 2, 6 };

	printf("mean %.1f\n", mean(values, 3));
	return 0;
}
