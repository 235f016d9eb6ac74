# syntax=docker/dockerfile:1
# SPDX-License-Identifier: Apache-2.0
# 1: the site's MPI and the compilers that belong to it; changes twice a year.
FROM debian:12
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt,sharing=locked \
    apt-get update && apt-get install -y --no-install-recommends openmpi-bin libopenmpi-dev gcc libc6-dev
ENV OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
    OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl_vader_single_copy_mechanism=none
