# syntax=docker/dockerfile:1
# SPDX-License-Identifier: Apache-2.0
# 2: the libraries that a package manager would build with that MPI; changes every month.
ARG REGISTRY=registry.example.org
FROM $REGISTRY/chain/mpi:1
COPY packages /packages
RUN <<END
set -e
prefix=/opt/software/numbers-1.0-$(cat /packages/numbers/* | sha256sum | cut -c1-7)
mkdir -p "$prefix/lib" "$prefix/include"
mpicc -O2 -fPIC -shared -o "$prefix/lib/libnumbers.so" /packages/numbers/numbers.c
cp /packages/numbers/numbers.h "$prefix/include/"
ln -s "$prefix" /opt/view
groupadd --system software && chown -R :software "$prefix"
END
