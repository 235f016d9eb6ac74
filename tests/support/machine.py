# SPDX-License-Identifier: Apache-2.0
"""The machine tests, demo and measurements run on: ordinary users, base images, where they are."""
import fcntl
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLAIN_USER, SUBID_USER = "rootlet-test", "rootlet-subid"


def say(text):
    print(text, flush=True)


def subid_lines(name):
    lines = []
    for file in ("/etc/subuid", "/etc/subgid"):
        if os.path.exists(file):
            with open(file, encoding="utf-8") as text:
                lines += [(file, line) for line in text if line.split(":")[0] in (name, str(uid_of(name)))]
    return lines


def uid_of(name):
    return pwd.getpwnam(name).pw_uid


def make_user(name):
    try:
        pwd.getpwnam(name)
    except KeyError:
        subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", name], check=True)


def drop_subids(name):
    for file, unwanted in subid_lines(name):
        with open(file, encoding="utf-8") as text:
            kept = [line for line in text if line != unwanted]
        with open(file, "w", encoding="utf-8") as text:
            text.writelines(kept)


def grant_subids(name):
    """65536 ids above all that are taken."""
    if len(subid_lines(name)) >= 2:
        return
    drop_subids(name)
    for file in ("/etc/subuid", "/etc/subgid"):
        text = open(file, encoding="utf-8").read() if os.path.exists(file) else ""
        ranges = [line.split(":") for line in text.splitlines() if line.count(":") == 2]
        first = max([100000] + [int(start) + int(length) for _, start, length in ranges])
        with open(file, "a", encoding="utf-8") as out:
            out.write(f"{name}:{first}:65536\n")


def make_users():
    if os.geteuid() != 0:
        return
    with open("/var/lock/rootlet-tests", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make_user(PLAIN_USER)
        make_user(SUBID_USER)
        drop_subids(PLAIN_USER)
        grant_subids(SUBID_USER)


def ordinary_user():
    """Who measurements and demonstrations run as: never root."""
    return PLAIN_USER if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def as_user(user, kwargs):
    """Arguments for subprocess that make it run as that user, in a plain environment."""
    entry = pwd.getpwnam(user)
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": entry.pw_dir, "USER": user,
           "LOGNAME": user, "SHELL": "/bin/sh", "LANG": "C.UTF-8", "TERM": os.environ.get("TERM", "dumb")}
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        if name in os.environ:
            env[name] = os.environ[name]
    env.update(kwargs.pop("env", {}))
    if os.geteuid() == 0:
        kwargs.update(user=entry.pw_uid, group=entry.pw_gid, extra_groups=[])
    return dict(kwargs, env=env, umask=0o022)


def cache_folder():
    if os.geteuid() == 0:
        return "/var/cache/rootlet-tests"
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, "rootlet-tests")


def make_images(names, build="build"):
    """Base images are made once per machine; what needs one that is missing says so."""
    for name in names:
        done = subprocess.run([os.path.join(SOURCE, "tests/support/base-image"), name, cache_folder(),
                               os.path.join(os.path.abspath(build), "src/rootlet")],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            say(f"no base image {name}: {done.stderr.strip()}")


# ---- a copy of the build that the ordinary user can reach

def is_program(path):
    return os.path.isfile(path) and os.access(path, os.X_OK) and not path.endswith((".py", ".sh"))


def stage_build(build, stage):
    """Every program of the build at its own place, and what tests and demonstrations read."""
    for folder, folders, files in os.walk(build):
        folders[:] = [f for f in folders if not f.endswith(".p") and f not in ("meson-private", "meson-logs", "unit")]
        for file in files:
            path = os.path.join(folder, file)
            if is_program(path) or path.endswith(".1"):
                copy = os.path.join(stage, "build", os.path.relpath(path, build))
                os.makedirs(os.path.dirname(copy), exist_ok=True)
                shutil.copy2(path, copy)
    for folder in ("tests", "examples", "doc", "plugins"):
        if os.path.isdir(os.path.join(SOURCE, folder)):
            shutil.copytree(os.path.join(SOURCE, folder), os.path.join(stage, folder), symlinks=True)
    subprocess.run(["chmod", "-R", "a+rX,go-w", stage], check=True)


class Stage:
    """The copy, with a folder for each user on a real file system, removed at the end."""

    def __init__(self, build, purpose, folder="/var/tmp"):
        self.path = tempfile.mkdtemp(prefix=f"rootlet-{purpose}-", dir=folder)
        os.chmod(self.path, 0o755)
        self.programs = os.path.join(self.path, "build", "src")
        stage_build(os.path.abspath(build), self.path)
        self.users = {}
        self.lock = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def user_folder(self, user):
        with self.lock:
            if user not in self.users:
                self.users[user] = self.make_user_folder(user)
            return self.users[user]

    def make_user_folder(self, user):
        folder = os.path.join(self.path, "user-" + user)
        os.makedirs(os.path.join(folder, "run"), mode=0o700)
        os.makedirs(os.path.join(folder, "tmp"))
        if os.geteuid() == 0:
            entry = pwd.getpwnam(user)
            for path in (folder, os.path.join(folder, "run"), os.path.join(folder, "tmp")):
                os.chown(path, entry.pw_uid, entry.pw_gid)
        return folder

    def arguments(self, user, kwargs):
        """as_user, with rootlet first in PATH, in the user's folder."""
        folder = self.user_folder(user)
        env = {"PATH": f"{self.programs}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
               "TMPDIR": os.path.join(folder, "tmp"), "XDG_RUNTIME_DIR": os.path.join(folder, "run")}
        env.update(kwargs.pop("env", {}))
        kwargs.setdefault("cwd", folder)
        return as_user(user, dict(kwargs, env=env))

    def run(self, user, argv, **kwargs):
        return subprocess.run(argv, **self.arguments(user, kwargs))

    def start(self, user, argv, **kwargs):
        return subprocess.Popen(argv, **self.arguments(user, kwargs))

    def end_podman(self):
        """Its process that holds a user's namespace outlives every command, one in each folder for running."""
        for name in glob.glob(os.path.join(self.path, "user-*/run/libpod/tmp/pause.pid")):
            try:
                with open(name, encoding="ascii") as file:
                    pid = int(file.read())
                with open(f"/proc/{pid}/environ", "rb") as file:
                    is_ours = self.path.encode() in file.read()
                if is_ours:
                    os.kill(pid, signal.SIGTERM)
            except (OSError, ValueError):
                continue

    def remove(self):
        self.end_podman()
        subprocess.run(["chmod", "-R", "u+rwX", self.path], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(self.path, ignore_errors=True)
