/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIEVE_H
#define SIEVE_H

/* How many primes there are below `limit`; -1: no memory. */
long count_primes(unsigned long limit);

#endif
