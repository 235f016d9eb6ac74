// SPDX-License-Identifier: Apache-2.0
#include "sieve.h"

#include <stdlib.h>

long count_primes(unsigned long limit)
{
	char *composite = calloc(limit + 1, 1);
	long count = 0;

	if (!composite)
		return -1;
	for (unsigned long i = 2; i < limit; i++) {
		count += !composite[i];
		for (unsigned long j = i * i; !composite[i] && j < limit; j += i)
			composite[j] = 1;
	}
	free(composite);
	return count;
}
