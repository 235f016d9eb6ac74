#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install-package NAME VERSION [DEPENDENCY-VERSION...]: make it in its prefix, link it into the view.
# The hash is of the sources and of the dependencies' hashes, as Spack's is.
set -eu
name=$1
version=$2
shift 2
prefixes=
for dependency in "$@"; do
    prefixes="$prefixes $(readlink -f "/opt/view/.spack/$dependency")"
done
hash=$( (cat /packages/"$name"/*; echo "$version $prefixes") | sha256sum | cut -c1-7)
prefix=/opt/software/linux-debian12-$(uname -m)/gcc-12/$name-$version-$hash

mkdir -p "$prefix/bin" "$prefix/include" "$prefix/lib" "$prefix/.spack"
flags=
for dependency in $prefixes; do
    flags="$flags -I$dependency/include -L$dependency/lib -Wl,-rpath,$dependency/lib"
done
flags="$flags" prefix="$prefix" sh /packages/"$name"/package.sh

mkdir -p /opt/view/bin /opt/view/lib /opt/view/.spack
ln -s "$prefix" "/opt/view/.spack/$name-$version"
for file in "$prefix"/bin/* "$prefix"/lib/*; do
    [ ! -e "$file" ] || ln -s "$file" "/opt/view${file#"$prefix"}"
done
echo "installed $prefix"
