/* SPDX-License-Identifier: Apache-2.0 */
double mean(const double *values, int count);
