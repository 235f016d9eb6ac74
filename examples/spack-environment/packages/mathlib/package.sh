# SPDX-License-Identifier: Apache-2.0
cd /packages/mathlib
gcc -O2 -shared -fPIC -o "$prefix/lib/libmean.so" mean.c
cp mean.h "$prefix/include/"
