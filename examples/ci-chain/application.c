// SPDX-License-Identifier: Apache-2.0
#include <mpi.h>
#include <numbers.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	int rank;
	int sum;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	sum = sum_over_all(rank + 1);
	if (rank == 0)
		printf("sum %d\n", sum);
	MPI_Finalize();
	return 0;
}
