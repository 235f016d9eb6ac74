# SPDX-License-Identifier: Apache-2.0
# The recipes of doc/building-in-environments.md: make, CMake, EasyBuild (a stand-in that is named so, for
# it is no package of Debian), and a python that replaces an older one while the host's is broken.
load ../support/common
load ../support/isolate

setup() {
    environments_setup
    need_dpkg gcc libc6-dev make zlib1g-dev
}

teardown() {
    common_teardown
}

@test "make: what the build uses is what was declared; what was built is not built again, inside or outside" {
    printf 'prog: prog.c\n\tcc -o prog prog.c -lz\n' >Makefile
    printf '#include <zlib.h>\n#include <stdio.h>\nint main(void) { return puts(zlibVersion()) < 0; }\n' >prog.c
    ok rootlet -q isolate create ../env --from dpkg:gcc,libc6-dev,make
    attempt rootlet -q run ../env -- make
    expect_status 2
    expect_stderr "zlib.h: No such file"
    ok rootlet -q isolate create ../env --from dpkg:gcc,libc6-dev,make --with zlib1g-dev
    ok rootlet -q run ../env -- make
    expect_output "cc -o prog"
    ok rootlet -q run ../env -- make
    expect_output "up to date"
    ok make
    expect_output "up to date"
    ok ./prog
}

@test "CMake: packages of the environment are found, those of the user's registry and prefixes are not" {
    need cmake
    dpkg -s cmake >/dev/null 2>&1 || skip "cmake is no package here"
    mkdir -p "$HOME/.cmake/packages/Bait" bait
    echo "$PWD/bait" >"$HOME/.cmake/packages/Bait/here"
    echo 'set(Bait_FOUND TRUE)' >bait/BaitConfig.cmake
    cat >CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.10)
project(recipe C)
find_package(ZLIB)
find_package(Bait QUIET)
message(STATUS "zlib ${ZLIB_FOUND} bait ${Bait_FOUND}")
add_executable(prog prog.c)
CMAKE
    echo 'int main(void) { return 0; }' >prog.c
    ok rootlet -q isolate create ../env --from dpkg:cmake,gcc,libc6-dev,make
    ok cmake -S . -B host # the bait is one
    expect_output "bait 1"
    CMAKE_PREFIX_PATH=$PWD/bait ok rootlet run ../env -- sh -c 'cmake -S . -B build && cmake --build build'
    expect_output "bait 0"
    expect_no_output "zlib TRUE"
    expect_stderr "not passed on: *CMAKE_PREFIX_PATH"
    ok ./build/prog
    ok rootlet -q isolate create ../env --from dpkg:cmake,gcc,libc6-dev,make --with zlib1g-dev
    ok rootlet -q run ../env -- cmake -S . -B again
    expect_output "zlib TRUE"
}

# No EasyBuild, but what of it matters here: it asks dpkg for osdependencies, builds below --buildpath
# with the compiler it finds, installs below --installpath and writes a module file there.
make_stand_in_for_easybuild() {
    cat >bin/eb <<'EB'
#!/bin/sh
set -e
for word; do
    case $word in
    --installpath=* | --buildpath=* | --sourcepath=* | --tmpdir=*) eval "${word#--}" ;;
    *) . "$word" ;;
    esac
done
for package in $osdependencies; do
    dpkg -s "$package" >/dev/null 2>&1 || { echo "OS dependency not found: $package" >&2; exit 1; }
done
rm -rf "$buildpath/$name" && mkdir -p "$buildpath/$name" "$tmpdir"
cd "$buildpath/$name"
cp "$sourcepath/$name.c" .
TMPDIR=$tmpdir gcc -o "$name" "$name.c"
mkdir -p "$installpath/software/$name/bin" "$installpath/modules/all"
cp "$name" "$installpath/software/$name/bin"
echo "prepend_path(\"PATH\", \"$installpath/software/$name/bin\")" >"$installpath/modules/all/$name.lua"
EB
    chmod +x bin/eb
}

@test "EasyBuild (a stand-in): its paths are bound as they are, and the packages it asks for are those of the environment" {
    mkdir -p bin apps build sources tmp
    make_stand_in_for_easybuild
    printf 'name=tool\nosdependencies="libc6-dev make"\n' >tool.eb
    printf 'int main(void) { return 0; }\n' >sources/tool.c
    cat >rootlet.yaml <<YAML
from: dpkg:gcc,libc6-dev,make
bind:
  - $PWD/sources
  - {path: $PWD/apps, write: true}
  - {path: $PWD/build, write: true}
YAML
    ok rootlet -q isolate create ../env --file rootlet.yaml
    local words=("$PWD/bin/eb" "--installpath=$PWD/apps" "--buildpath=$PWD/build" "--sourcepath=$PWD/sources" --tmpdir=/tmp/eb)
    BASH_ENV=$PWD/bait ok rootlet run ../env -- "${words[@]}" "$PWD/tool.eb"
    expect_stderr "not passed on: *BASH_ENV"
    ok ./apps/software/tool/bin/tool
    equal "$(cat apps/modules/all/tool.lua)" "prepend_path(\"PATH\", \"$PWD/apps/software/tool/bin\")"
    echo 'osdependencies="$osdependencies zlib1g-dev"' >>tool.eb
    attempt rootlet -q run ../env -- "${words[@]}" "$PWD/tool.eb"
    expect_status 1
    expect_stderr "OS dependency not found: zlib1g-dev"
    ok rootlet -q isolate create ../env --file rootlet.yaml --with zlib1g-dev
    ok rootlet -q run ../env -- "${words[@]}" "$PWD/tool.eb"
}

# As CPython does: configure asks a python of the same version that is in PATH for help, and the one just
# built takes its library from its prefix when there is one.
make_stand_in_for_python() {
    mkdir -p src/Lib
    echo 'os of version 2' >src/Lib/os
    cat >src/configure <<'CONFIGURE'
#!/bin/sh
echo "PREFIX = $1" >config.mk
! command -v toypython2 >/dev/null || toypython2 --version
CONFIGURE
    cat >src/toypython.c <<'C'
#include <stdio.h>
#include <string.h>
int main(void)
{
	char line[100] = "";
	FILE *os = fopen(PREFIX "/lib/toypython/os", "r");
	if (!os)
		os = fopen("Lib/os", "r");
	if (!os || !fgets(line, sizeof(line), os) || strcmp(line, "os of version 2\n") != 0)
		return fprintf(stderr, "ImportError: %s", line), 1;
	return puts("toypython 2") < 0;
}
C
    cat >src/Makefile <<'MAKE'
include config.mk
all: toypython
	./toypython >compiled
toypython: toypython.c
	gcc -DPREFIX='"$(PREFIX)"' -o $@ toypython.c
install: all
	mkdir -p $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/toypython
	cp toypython $(DESTDIR)$(PREFIX)/bin
	cp Lib/os $(DESTDIR)$(PREFIX)/lib/toypython
MAKE
    chmod +x src/configure
}

@test "python (a stand-in) is built while the host's of its version is broken and an older one is at its prefix" {
    local prefix=$PWD/apps/python
    make_stand_in_for_python
    mkdir -p hostbin "$prefix"/{bin,lib/toypython} new
    printf '#!/bin/sh\necho broken >&2\nexit 1\n' >hostbin/toypython2
    chmod +x hostbin/toypython2
    echo 'os of version 1' >"$prefix/lib/toypython/os"
    PATH=$PWD/hostbin:$PATH
    cd src
    # neither helps on the host
    attempt sh -c "./configure '$prefix' && make"
    expect_stderr broken
    attempt sh -c "PATH=\${PATH#*:}; ./configure '$prefix' && make"
    expect_stderr "ImportError: os of version 1"
    rm -f toypython
    ok rootlet -q isolate create ../env --from dpkg:gcc,libc6-dev,make
    ok rootlet -q run ../env -- sh -c "./configure '$prefix' && make"
    ok rootlet -q run -v "../new:$prefix" ../env -- make install
    rm -r "$prefix" && mv ../new "$prefix"
    ok "$prefix/bin/toypython"
    equal "$output" "toypython 2"
}
