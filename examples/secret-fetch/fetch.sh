#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Stands for a download that wants a token: what it gives depends on the token and does not hold it.
set -eu
token=$(cat /run/secrets/token)
echo "licence $(printf '%s' "$token" | sha256sum | cut -c1-16) of ${#token} characters"
