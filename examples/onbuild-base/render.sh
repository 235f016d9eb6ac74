#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# render FOLDER: its text files as one page.
set -eu
echo "<title>$TITLE</title>"
for page in "$1"/*.txt; do
    echo "<h1>$(basename "$page" .txt)</h1>"
    sed 's/&/\&amp;/g; s/</\&lt;/g; s/.*/<p>&<\/p>/' "$page"
done
