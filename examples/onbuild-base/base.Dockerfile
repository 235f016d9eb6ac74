# syntax=docker/dockerfile:1
# SPDX-License-Identifier: Apache-2.0
# A base image that knows how its children are built: their pages become one site.
#
#	rootlet build -t site-base -f base.Dockerfile .
#	rootlet build -t site site
FROM debian:12
WORKDIR /site
COPY render.sh /usr/local/bin/render
ONBUILD ARG TITLE="a site"
ONBUILD COPY pages/ /site/pages/
ONBUILD RUN TITLE="$TITLE" render /site/pages >/site/index.html && rm -r /site/pages
CMD ["cat", "/site/index.html"]
