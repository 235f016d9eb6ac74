# SPDX-License-Identifier: Apache-2.0
cd /packages/report
# shellcheck disable=SC2086 # words
gcc -O2 -o "$prefix/bin/report" report.c $flags -lmean
