/* SPDX-License-Identifier: Apache-2.0 */
/* Included first in every file of the tap: nothing has to be looked up through a table of
 * addresses, all of it lies in one image. */
#pragma GCC visibility push(hidden)
