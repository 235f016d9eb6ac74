# SPDX-License-Identifier: Apache-2.0
"""What acceptance tests of ownership share: they build as ordinary users, push to a registry, and read
back by other means who owns what."""
import os
import re
import subprocess
import sys
import time

from imagetree import image_tree
from machine import PLAIN_USER, Stage, cache_folder, make_images, make_users, say


class Acceptance:
    """One of them; with it as context there are users, the base image's tar, a stage, a registry."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        make_users()
        make_images(["debian12"])
        self.base = os.path.join(cache_folder(), "debian12.tar")
        self.stage = Stage(self.build, "acceptance")
        self.failed = 0
        self.registry = None
        self.address = None

    def __enter__(self):
        try:
            self.start_registry()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop_registry()
        self.stage.remove()

    def verdict(self, good, text):
        say(("ok: " if good else "FAILED: ") + text)
        self.failed += not good

    def must(self, user, argv, title=None, **kwargs):
        """Run and time it; the end when it fails."""
        start = time.monotonic()
        env = {"XDG_DATA_HOME": os.path.join(self.stage.user_folder(user), "data"),
               "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
        done = self.stage.run(user, argv, env=env, text=True, errors="replace", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kwargs)
        if done.returncode != 0:
            sys.exit(f"{done.stdout}\nFAILED: {' '.join(argv)}: status {done.returncode}")
        say(f"{title or ' '.join(argv)}: {time.monotonic() - start:.0f} s")
        return done.stdout

    def start_registry(self):
        """Debian's docker-registry on a port the kernel chooses."""
        folder = os.path.join(self.stage.user_folder(PLAIN_USER), "registry")
        config = os.path.join(self.stage.path, "registry.yml")
        with open(config, "w", encoding="utf-8") as file:
            file.write("version: 0.1\nlog: {accesslog: {disabled: true}}\n"
                       f"storage: {{filesystem: {{rootdirectory: {folder}}}}}\n"
                       "http: {addr: '127.0.0.1:0'}\n")
        os.chmod(config, 0o644)
        log = os.path.join(self.stage.path, "registry.log")
        with open(log, "w", encoding="utf-8") as file:  # not a pipe, which would fill up
            self.registry = self.stage.start(PLAIN_USER, ["docker-registry", "serve", config],
                                             env={"OTEL_TRACES_EXPORTER": "none"},
                                             stdout=subprocess.DEVNULL, stderr=file)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.registry.poll() is None:
            with open(log, encoding="utf-8") as file:
                found = re.search(r"listening on ([0-9.]+:\d+)", file.read())
            if found:
                self.address = found.group(1)
                return
            time.sleep(0.1)
        sys.exit("FAILED: docker-registry does not start")

    def stop_registry(self):
        if self.registry:
            self.registry.terminate()
            self.registry.wait()

    def context(self, dockerfile, files=None):
        """A folder to build from; files: name -> text."""
        folder = os.path.join(self.stage.path, "context")
        os.mkdir(folder)
        for name, text in {"Dockerfile": dockerfile, **(files or {})}.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
        return folder

    def import_base(self, user=PLAIN_USER):
        self.must(user, ["rootlet", "import", self.base, "base"])

    def build_ours(self, context, name="ours", front=(), options=(), user=PLAIN_USER, contents=False):
        """The tree of the image as it is in the registry; in the store it is called as `name`."""
        self.must(user, [*front, "rootlet", "build", *options, "--progress", "plain", "-t", name, context],
                  f"build {name}")
        self.must(user, ["rootlet", "push", name, f"{self.address}/{name}"])
        return self.fetch(name, contents)

    def fetch(self, name, contents=False):
        layout = os.path.join(self.stage.user_folder(PLAIN_USER), name)
        self.must(PLAIN_USER, ["skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false",
                               f"docker://{self.address}/{name}", f"oci:{layout}:latest"])
        tree = image_tree(layout, contents)
        with open(os.path.join(self.build, f"ownership-{name}.txt"), "w", encoding="utf-8") as file:
            for path in sorted(tree):
                file.write(f"/{path}\t{tree[path]}\n")
        return tree

    def end(self):
        say("accepted" if not self.failed else f"{self.failed} FAILED")
        return 1 if self.failed else 0
