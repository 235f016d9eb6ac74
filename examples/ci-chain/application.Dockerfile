# syntax=docker/dockerfile:1
# SPDX-License-Identifier: Apache-2.0
# 3: the application; changes with every commit.
ARG REGISTRY=registry.example.org
FROM $REGISTRY/chain/environment:1
COPY application.c /src/
RUN mpicc -O2 -I/opt/view/include -o /usr/local/bin/application /src/application.c \
    -L/opt/view/lib -lnumbers -Wl,-rpath,/opt/view/lib
CMD ["mpirun", "-n", "2", "application"]
