# SPDX-License-Identifier: Apache-2.0
# rootlet build: COPY with all its flags.
load ../support/common
load ../support/build

setup() {
    common_setup
    need_userns
    import_tiny
}

teardown() {
    common_teardown
}

# tree FILES...: make each, holding its own name.
tree() {
    local file
    for file in "$@"; do
        mkdir -p "$(dirname "$file")"
        echo "$file" >"$file"
    done
}

# listed DIR: what the last step printed by `find DIR`, sorted, on one line.
listing='find . -mindepth 1 | sort | tr "\n" " "'

@test "--parents keeps the directories that lead to a match" {
    tree a/b/one.txt a/b/two.c x/y/three.txt
    chmod 750 a
    dockerfile <<END
FROM tiny
COPY --parents a/b/one.txt x /plain/
WORKDIR /plain
RUN $listing; stat -c '%a %n' a x
COPY --parents */*/*.txt /globs/
WORKDIR /globs
RUN $listing
COPY --parents . /all
RUN test -e /all/x/y/three.txt -a -e /all/Dockerfile
END
    builds .
    expect_stderr "./a ./a/b ./a/b/one.txt ./x ./x/y ./x/y/three.txt 750 a*755 x"
    expect_stderr "./a ./a/b ./a/b/one.txt ./x ./x/y ./x/y/three.txt"
}

@test "--parents: /./ is where the kept directories begin, ** is any number of them" {
    tree src/one/main.go src/one/deep/er/main.go src/two/main.go src/two/readme src/package.json \
        src/one/package.json src/one/deep/package.json
    dockerfile <<END
FROM tiny
COPY --parents ./src/./one/main.go src/./two/readme /pivot/
WORKDIR /pivot
RUN $listing
COPY --parents **/package.json /packages/
WORKDIR /packages
RUN $listing
COPY --parents src/./**/main.go /deep/
WORKDIR /deep
RUN $listing
COPY --parents src/*/./*.go /base/
WORKDIR /base
RUN $listing
COPY --parents --exclude=one/deep src/./** /without/
WORKDIR /without
RUN $listing
END
    builds .
    expect_stderr "./one ./one/main.go ./two ./two/readme"
    expect_stderr "./src ./src/one ./src/one/deep ./src/one/deep/package.json ./src/one/package.json ./src/package.json"
    expect_stderr "./one ./one/deep ./one/deep/er ./one/deep/er/main.go ./one/main.go ./two ./two/main.go"
    expect_stderr "  ./main.go "
    expect_stderr "./one ./one/main.go ./one/package.json ./package.json ./two ./two/main.go ./two/readme"
    printf 'FROM tiny\nCOPY --parents src/./nothing /x/\n' >Dockerfile
    refuses .
    expect_stderr "'src/nothing' is not there"
    printf 'FROM tiny\nCOPY --parents src/**/nothing.* /x/\n' >Dockerfile
    builds .
}

@test "--parents follows no symlink on its way, and .dockerignore counts" {
    tree real/file other/left/out other/kept
    ln -s real link
    echo other/left >.dockerignore
    dockerfile <<END
FROM tiny
COPY --parents */file other/** link /to/
WORKDIR /to
RUN $listing; readlink link
END
    builds .
    expect_stderr "./link ./other ./other/kept ./real ./real/file real"
}

@test "several files and one name: as in BuildKit the last stays, with a warning; a slash makes a directory" {
    mkdir sub
    echo first >a.jar
    echo second >b.jar
    echo below >sub/c
    dockerfile <<'END'
FROM scratch
COPY *.jar app.jar
COPY a.jar b.jar sub/c named
COPY a.jar b.jar /dir/
COPY a.jar sub/ /dir
COPY *.jar /dir
END
    builds -o out .
    equal "$(cd out && find . -type f | sort | xargs grep -H .)" "./app.jar:second
./dir/a.jar:first
./dir/b.jar:second
./dir/c:below
./named:below"
    expect_stderr "2 files were copied to the one name '/app.jar', where the last stays"
    expect_stderr "3 files were copied to the one name '/named'"
    equal "$(grep -c 'to the one name' <<<"$stderr")" 2
}

@test "--exclude leaves out what is seen from the source, and names that wildcards match" {
    tree dir/a.txt dir/b.md dir/sub/a.txt dir/sub/c hom.txt homely home.md
    dockerfile <<END
FROM tiny
COPY --exclude=*.txt dir /one/
WORKDIR /one
RUN $listing
COPY --exclude=**/*.txt dir /two/
WORKDIR /two
RUN $listing
COPY --exclude=*.txt --exclude=*.md hom* /three/
WORKDIR /three
RUN $listing
COPY --exclude=sub --exclude=!sub/c dir /four/
WORKDIR /four
RUN $listing
END
    builds .
    expect_stderr "./b.md ./sub ./sub/a.txt ./sub/c"
    expect_stderr "./b.md ./sub ./sub/c "
    expect_stderr "  ./homely "
    expect_stderr "./a.txt ./b.md ./sub ./sub/c"
    # what is left out has no say in the key
    echo changed >dir/a.txt
    printf 'FROM tiny\nCOPY --exclude=*.txt dir /one/\n' >Dockerfile
    builds .
    cached 1
}

@test "--link makes a layer that stays when what is below changes" {
    tree app/file
    dockerfile <<'END'
FROM tiny
RUN mkdir /real && ln -s real /dir
COPY --link app /dir/app/
RUN cat /dir/app/file && [ ! -L /dir ] && [ -d /real ]
END
    builds .
    expect_stderr "app/file"
    sed -i 's/^RUN mkdir.*/RUN true/; s/ && \[ ! -L .*//' Dockerfile
    builds .
    # COPY comes from the cache though the step above it changed
    cached 1
    sed -i 's/ --link//' Dockerfile
    builds .
    sed -i 's/^RUN true/RUN touch \/again/' Dockerfile
    builds .
    cached 0
}

@test "--link --chown looks names up in the image, and the key has what they mean" {
    tree app/file
    dockerfile <<'END'
FROM tiny
RUN echo 'me:x:1234:77::/:/bin/sh' >>/etc/passwd
COPY --link --chown=me app /app
RUN stat -c '%u:%g %n' /app /app/file
END
    builds .
    expect_stderr "1234:77 /app*1234:77 /app/file"
    sed -i 's/1234:77/4321:78/' Dockerfile
    builds .
    expect_stderr "4321:78 /app/file"
}

@test "--chown and --chmod, by name, number and symbols" {
    tree app/file app/tool
    chmod 600 app/file
    chmod 755 app/tool
    dockerfile <<'END'
FROM tiny
COPY --chown=nobody:0 app /one
COPY --chown=12:34 --chmod=640 app /two
COPY --chmod=u=rwX,go=rX app /three
RUN stat -c '%u:%g %a %n' /one/file /two/tool /three/file /three/tool /three
END
    builds .
    expect_stderr "65534:0 600 /one/file*12:34 640 /two/tool*0:0 644 /three/file*0:0 755 /three/tool*0:0 755 /three"
    printf 'FROM tiny\nCOPY --chown=nosuchuser app /x\n' >Dockerfile
    refuses .
    expect_stderr "Dockerfile:2: COPY*nosuchuser"
}

@test "COPY --from keeps owners, modes and extended attributes, file capabilities among them" {
    dockerfile <<'END'
FROM tiny AS made
RUN mkdir /d && echo one >/d/one && chown 12:34 /d/one && chmod 2751 /d/one
ADD made.tar /d
FROM tiny
COPY --from=made /d /d
RUN stat -c '%u:%g %a %n' /d/one /d/capable
END
    python3 - <<'END'
import io, tarfile
with tarfile.open("made.tar", "w", format=tarfile.PAX_FORMAT) as tar:
    entry = tarfile.TarInfo("capable")
    entry.mode, entry.uid, entry.size = 0o755, 56, 5
    entry.pax_headers = {"SCHILY.xattr.user.color": "blue",
                         "SCHILY.xattr.security.capability": "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0"}
    tar.addfile(entry, io.BytesIO(b"hello"))
END
    builds -t kept .
    expect_stderr "12:34 2751 /d/one*56:0 755 /d/capable"
    ok rootlet export kept --format oci-archive -o out.tar
    python3 - <<'END'
import json, tarfile, gzip, io
archive = tarfile.open("out.tar")
read = lambda digest: archive.extractfile("blobs/" + digest.replace(":", "/")).read()
index = json.load(archive.extractfile("index.json"))
manifest = json.loads(read(index["manifests"][0]["digest"]))
layer = tarfile.open(fileobj=io.BytesIO(gzip.decompress(read(manifest["layers"][-1]["digest"]))))
headers = layer.getmember("d/capable").pax_headers
assert headers["SCHILY.xattr.user.color"] == "blue", headers
assert len(headers["SCHILY.xattr.security.capability"]) == 20, headers
END
}

@test "directories on the way are root's, or --chown's, whoever owns what is copied" {
    tree dir/sub/file
    tar -cf packed.tar --owner=3 --group=4 -C dir .
    dockerfile <<'END'
FROM tiny AS maker
RUN mkdir -p /dir/sub && touch /dir/sub/file && chown -R 12:34 /dir && chmod 700 /dir
FROM tiny
COPY --from=maker /dir/sub/file /a/b/
COPY --from=maker /dir /c/d
COPY --from=maker --chown=5:6 /dir /e/f
ADD --chown=5:6 packed.tar /g/
END
    builds -t ways .
    image_sh ways 'stat -c "%u:%g %a %n" /a /a/b /a/b/file /c /c/d /c/d/sub /e /e/f /g'
    equal "$output" "0:0 755 /a
0:0 755 /a/b
12:34 644 /a/b/file
0:0 755 /c
0:0 755 /c/d
12:34 755 /c/d/sub
5:6 755 /e
5:6 755 /e/f
5:6 755 /g"
}

@test "a directory that is there becomes like the one copied, but for the destination itself" {
    tree dir/sub/file dir/sub/deep/file
    chmod 711 dir/sub
    dockerfile <<'END'
FROM tiny AS maker
RUN mkdir -p /dir/sub && touch /dir/sub/file && chown -R 12:34 /dir && chmod 750 /dir/sub
FROM tiny
RUN for d in /a /b /c /d; do mkdir -p $d/sub/deep; chown -R 9:9 $d; chmod 700 $d $d/sub $d/sub/deep; done
COPY dir /a/
COPY --from=maker /dir /b
COPY --chown=5:6 --chmod=705 dir/ /c/
COPY --parents dir/./sub/file /d/
END
    builds -t like .
    image_sh like 'stat -c "%u:%g %a %n" /a /a/sub /a/sub/deep /b /b/sub /b/sub/deep /c /c/sub /d /d/sub /d/sub/deep'
    equal "$output" "9:9 700 /a
0:0 711 /a/sub
0:0 755 /a/sub/deep
9:9 700 /b
12:34 750 /b/sub
9:9 700 /b/sub/deep
9:9 700 /c
5:6 705 /c/sub
9:9 700 /d
9:9 711 /d/sub
9:9 700 /d/sub/deep"
}

@test "names of one file stay names of one file, within what one operand stands for" {
    tree dir/one
    mkdir dir/sub
    ln dir/one dir/sub/two
    dockerfile <<'END'
FROM tiny AS maker
RUN mkdir /dir && echo text >/dir/one && ln /dir/one /dir/two && ln /dir/one /elsewhere
FROM tiny
COPY dir /context
COPY --chown=5:6 --from=maker /dir /stage
COPY --from=maker /dir/one /dir/two /apart/
END
    builds -t names .
    image_sh names 'stat -c "%h %u %n" /context/one /context/sub/two /stage/one /stage/two /apart/one /apart/two; cat /context/sub/two'
    equal "$output" "2 0 /context/one
2 0 /context/sub/two
2 5 /stage/one
2 5 /stage/two
1 0 /apart/one
1 0 /apart/two
dir/one"
    # the same content in files of their own is another layer
    rm dir/sub/two
    cp dir/one dir/sub/two
    builds -t names .
    image_sh names 'stat -c %h /context/one'
    equal "$output" 1
}

@test "a named pipe stays one, from the context, a stage and an archive; sockets are left out" {
    mkdir -p dir/packed
    mkfifo -m 640 dir/pipe dir/packed/pipe
    python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("dir/socket")'
    tar -cf packed.tar -C dir/packed pipe
    dockerfile <<'END'
FROM tiny AS maker
RUN mkfifo /made
FROM tiny
COPY dir /dir
COPY --from=maker /made /made
ADD packed.tar /unpacked
RUN stat -c '%F %a' /dir/pipe /unpacked/pipe && test -p /made && ls -A /dir
END
    builds -t pipes .
    expect_stderr "fifo 640*fifo 640*packed*pipe"
    fails grep -q '^  *socket' <<<"$stderr"
    ok rootlet run --root-emulation none pipes test -p /dir/pipe
    ok rootlet fsck
    printf 'FROM tiny\nCOPY dir/socket /\n' >Dockerfile
    refuses .
    expect_stderr "'dir/socket' is not there"
}

@test "an attribute alone makes another key" {
    need setfattr
    dockerfile <<'END'
FROM tiny AS made
ARG COLOR
ADD made.tar /d/
FROM tiny
COPY --from=made /d /d
END
    make() {
        python3 - "$1" <<'END'
import io, sys, tarfile
with tarfile.open("made.tar", "w", format=tarfile.PAX_FORMAT) as tar:
    entry = tarfile.TarInfo("file")
    entry.pax_headers = {"SCHILY.xattr.user.color": sys.argv[1]}
    tar.addfile(entry, io.BytesIO(b""))
END
    }
    make blue
    builds .
    make green
    builds .
    cached 0
    make blue
    builds .
    cached 2
}

@test "heredocs become files, in the order of the sources" {
    tree plain
    dockerfile <<'END'
FROM tiny
ARG WHO=world
COPY <<one <<"two" plain /to/
hello $WHO
one
hello $WHO
two
COPY --chmod=755 <<-script /bin/script
	#!/bin/sh
	echo ran
	script
COPY <<in-a-directory /tmp
content
in-a-directory
RUN cat /to/one /to/two /to/plain && script && cat /tmp/in-a-directory
END
    builds .
    expect_stderr 'hello world*hello $WHO*plain*ran*content'
}

@test "symlinks: an operand is what it points to, entries stay links, the destination is followed inside" {
    tree real/file
    ln -s real link
    ln -s file real/inner
    ln -s /etc/passwd outside
    dockerfile <<'END'
FROM tiny
RUN mkdir /target && ln -s /target /dest
COPY link/ /dest/sub
RUN cat /target/sub/file && readlink /target/sub/inner
END
    builds .
    expect_stderr "real/file*file"
    printf 'FROM tiny\nCOPY outside /x\n' >Dockerfile
    refuses .
    expect_stderr "'outside'"
}

@test "ADD unpacks archives of any compression, COPY does not" {
    need zstd xz
    tree in/side
    tar -C in -cf plain.tar side
    gzip -k plain.tar
    zstd -q plain.tar
    xz -k plain.tar
    dockerfile <<'END'
FROM tiny
ADD plain.tar /a/
ADD plain.tar.gz /b
ADD plain.tar.zst /c/
ADD plain.tar.xz /d/
ADD --unpack=false plain.tar /e/
COPY plain.tar /f/
ADD Dockerfile /g/
RUN cat /a/side /b/side /c/side /d/side && ls /e /f /g
END
    builds .
    expect_stderr "in/side*in/side*in/side*in/side*plain.tar*plain.tar*Dockerfile"
}
