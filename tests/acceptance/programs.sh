#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compilers, runtimes and git at work, as root: in an empty directory each program that is here makes
# something and says something. What all of it says is the same under root emulation as for real root.
#
#     programs.sh [NAME...]         those that are here, or some of them
set -eu
export HOME="$PWD" GOCACHE="$PWD/go-cache" GOFLAGS=-buildvcs=false GOTOOLCHAIN=local LC_ALL=C
umask 022

try_gcc() {
    cat >hello.c <<'END'
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
int main(void)
{
	struct stat st;
	stat("hello.c", &st);
	return printf("hello from %d, file of %d\n", (int)getuid(), (int)st.st_uid) < 0;
}
END
    gcc -O2 -pthread -c hello.c && gcc -o hello hello.o && ./hello && ar rc libhello.a hello.o && nm libhello.a | grep -c ' T main'
}

try_javac() {
    cat >Hello.java <<'END'
import java.nio.file.*;
import java.util.stream.*;
public class Hello {
    public static void main(String[] words) throws Exception {
        Path path = Path.of("java.txt");
        Files.writeString(path, "x");
        long sum = IntStream.range(0, 1000).parallel().mapToLong(i -> {
            try { return Files.size(path) + (Files.isWritable(path) ? 1 : 0); } catch (Exception e) { return -1; }
        }).sum();
        System.out.println(Files.getOwner(path) + " " + sum + " " + Files.getPosixFilePermissions(path).size());
        System.out.println(new ProcessBuilder("id", "-u").redirectErrorStream(true).start().inputReader().readLine());
    }
}
END
    javac Hello.java && java -Xshare:auto Hello
}

try_node() {
    cat >hello.js <<'END'
const fs = require('fs'), { execFileSync } = require('child_process');
fs.writeFileSync('node.txt', 'x'); fs.chownSync('node.txt', 3, 4); fs.chmodSync('node.txt', 0o640);
const st = fs.statSync('node.txt');
console.log(st.uid, st.gid, (st.mode & 0o7777).toString(8), process.getuid(), String(execFileSync('id', ['-u'])).trim());
Promise.all([...Array(50).keys()].map(i => fs.promises.writeFile('n' + i, 'y').then(() => fs.promises.stat('n' + i))))
    .then(all => console.log(all.length, all.every(st => st.uid === process.getuid())));
END
    node hello.js
}

try_go() {
    mkdir -p go-hello && cd go-hello
    cat >main.go <<'END'
package main

import (
	"fmt"
	"os"
	"sync"
	"syscall"
)

func main() {
	var group sync.WaitGroup
	for i := 0; i < 64; i++ {
		group.Add(1)
		go func(i int) {
			name := fmt.Sprintf("g%d", i)
			os.WriteFile(name, []byte("x"), 0o600)
			os.Chown(name, i, 7)
			group.Done()
		}(i)
	}
	group.Wait()
	sum := 0
	for i := 0; i < 64; i++ {
		info, _ := os.Stat(fmt.Sprintf("g%d", i))
		sum += int(info.Sys().(*syscall.Stat_t).Uid)
	}
	fmt.Println(os.Getuid(), sum)
}
END
    go mod init hello 2>/dev/null && go build -o hello . && ./hello && go vet . && echo vetted
}

try_rustc() {
    cat >hello.rs <<'END'
use std::{ffi::CString, os::{raw::c_char, unix::fs::MetadataExt}};
extern "C" { fn chown(path: *const c_char, uid: u32, gid: u32) -> i32; }
fn main() {
    let threads: Vec<_> = (0..16u32).map(|i| std::thread::spawn(move || {
        let name = format!("r{i}");
        std::fs::write(&name, "x").unwrap();
        let path = CString::new(name.clone()).unwrap();
        assert_eq!(unsafe { chown(path.as_ptr(), i, 9) }, 0);
        std::fs::metadata(&name).unwrap().uid()
    })).collect();
    println!("{}", threads.into_iter().map(|t| t.join().unwrap()).sum::<u32>());
}
END
    rustc -O hello.rs -o hello-rust && ./hello-rust
}

try_cargo() {
    cargo -q init --vcs none --name little crate-folder && cd crate-folder && cargo -q build --offline && ./target/debug/little
}

try_git() {
    git init -q repo && cd repo && git config user.email a@b && git config user.name n && git config gc.auto 0
    echo x >f && git add f && git commit -qm first && git checkout -qb other && echo y >>f && git commit -qam second
    git checkout -q - && git merge -q other && git tag t && git gc -q && git fsck --no-progress && git clone -q . ../clone
    git -C ../clone log --format=%s && git -C ../clone status --porcelain && git stash list && git worktree add -q ../tree other
    git -C ../tree rev-parse --abbrev-ref HEAD && git archive HEAD | tar -tf - && git diff --stat HEAD~1
}

[ $# -gt 0 ] || set -- gcc javac node go rustc cargo git
for name; do
    "$name" --version >/dev/null 2>&1 || "$name" version >/dev/null 2>&1 || continue
    echo "== $name"
    mkdir "$name-folder.d"
    (cd "$name-folder.d" && "try_$name")
done
echo "== owners"
find . -path ./go-cache -prune -o -path '*/.git/*' -prune -o -path '*/target/*' -prune -o -printf '%P %U:%G %m\n' | sort
