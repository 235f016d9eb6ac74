/* SPDX-License-Identifier: Apache-2.0 */
int sum_over_all(int mine);
