# SPDX-License-Identifier: Apache-2.0
"""From a name to a prefix: fetch, unpack into a stage, run the recipe, note it in the database."""
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import traceback
import urllib.request

import spack.config
import spack.package
import spack.paths
import spack.repo
import spack.stage
import spack.util.path
from spack.store import store

NUMBER = "1.0"


class InstallError(Exception):
    pass


def say(text):
    print("==> " + text, flush=True)


def externals(name):
    return (spack.config.get("packages:%s:externals" % name)) or []


def resolve(name):
    """The packages to build, dependencies first; a virtual package becomes its first provider."""
    order = []

    def visit(name):
        if externals(name) or name in order:
            return
        try:
            package = spack.repo.get(name)
        except SystemExit:
            provider = spack.repo.providers(name)
            if not provider:
                raise InstallError("Package '%s' not found." % name)
            return visit(provider[0])
        for dependency in package.dependencies:
            visit(dependency)
        order.append(name)

    visit(name)
    return order


def prefix_of(name):
    found = externals(name)
    if not found:
        name = resolve(name)[-1]
    return found[0]["prefix"] if found else os.path.join(store.root, "%s-%s-%s" % (name, NUMBER, "k3zq4fnd"))


# ---- fetching

def cache_file(name):
    folder = spack.util.path.canonicalize_path(spack.config.get("config:source_cache"))
    return os.path.join(folder, name, "%s-%s.tar.gz" % (name, NUMBER))


def sources(name):
    for mirror in (spack.config.get("mirrors") or {}).values():
        url = mirror if isinstance(mirror, str) else mirror["url"]
        yield "%s/%s/%s-%s.tar.gz" % (url.rstrip("/"), name, name, NUMBER)


def fetch(name):
    target = cache_file(name)
    if os.path.exists(target):
        return
    why = "no mirror has it"
    for url in sources(name):
        say("Fetching " + url)
        try:
            with urllib.request.urlopen(url, timeout=120) as body:
                data = body.read()
        except OSError as error:
            why = str(error)
            continue
        expected = spack.repo.get(name).versions[NUMBER]
        if expected and hashlib.sha256(data).hexdigest() != expected:
            raise InstallError("sha256 checksum failed for " + url)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open("%s.%d" % (target, os.getpid()), "wb") as file:
            file.write(data)
        os.rename(file.name, target)
        return
    raise InstallError("All fetchers failed for %s: %s" % (name, why))


# ---- building

def compiler():
    """Each one listed must work, as in Spack: one that is not there is an error."""
    listed = spack.config.get("compilers") or []
    if not listed:
        raise InstallError("No compilers available")
    for entry in listed:
        for path in entry["compiler"]["paths"].values():
            if path and not os.access(path, os.X_OK):
                raise InstallError("Compiler '%s' is not accessible: %s" % (entry["compiler"]["spec"], path))
    return listed[0]["compiler"]["paths"]


def environment(name, prefix):
    paths = compiler()
    used = [prefix_of(other) for other in spack.repo.get(name).dependencies]
    for path in used:
        if not os.path.isdir(path):
            raise InstallError("external package is not at " + path)
    kept = {key: os.environ[key] for key in ("HOME", "TMPDIR", "TERM", "USER", "PATH") if key in os.environ}
    return dict(kept, CC=os.path.join(spack.paths.build_env_path, "cc"), SPACK_CC=paths["cc"], SPACK_PREFIX=prefix,
                SPACK_DEPENDENCIES=":".join(path for path in used if path != "/usr"),
                PATH=":".join([spack.paths.build_env_path] + [path + "/bin" for path in used] + [kept["PATH"]]))


def run_phases(name, prefix, log):
    """In a process of its own, whose environment it is."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            sys.stdout = sys.stderr = open(log, "w", buffering=1)
            variables = environment(name, prefix)
            os.environ.clear()
            os.environ.update(variables)
            package = spack.repo.get(name)()
            for phase in package.phases:
                print("==> Executing phase: '%s'" % phase)
                getattr(package, phase)(name, prefix)
            status = 0
        except BaseException as error:  # told in the log
            print("==> Error: %s" % error if isinstance(error, (InstallError, spack.package.InstallError))
                  else traceback.format_exc())
        sys.stdout.flush()
        os._exit(status)
    return os.waitpid(pid, 0)[1]


def build(name, prefix):
    stage = tempfile.mkdtemp(prefix="spack-stage-%s-" % name, dir=spack.stage.get_stage_root())
    log = os.path.join(stage, "spack-build-out.txt")
    os.chdir(stage)
    if spack.repo.get(name).has_code:
        fetch(name)
        with tarfile.open(cache_file(name)) as archive:
            archive.extractall(stage)
        os.chdir(os.path.join(stage, "%s-%s" % (name, NUMBER)))
    os.makedirs(prefix)
    status = run_phases(name, prefix, log)
    os.chdir("/")
    if status != 0:
        shutil.rmtree(prefix)
        with open(log) as lines:
            tail = [line for line in lines.read().splitlines() if "rror" in line][-2:]
        raise InstallError("ProcessError: %s\n    %s\nSee build log for details:\n  %s"
                           % (name, "\n    ".join(tail), log))
    os.makedirs(os.path.join(prefix, ".spack"))
    shutil.copy(log, os.path.join(prefix, ".spack", "spack-build-out.txt"))
    shutil.rmtree(stage)


def install(name):
    for one in resolve(name):
        prefix = prefix_of(one)
        with store.locked():
            index = store.read()
            if one in index:
                continue
            say("Installing %s" % one)
            shutil.rmtree(prefix, ignore_errors=True)  # of one that was killed
            build(one, prefix)
            index[one] = prefix
            store.write(index)
        say("Successfully installed %s\n[+] %s" % (one, prefix))


# ---- looking at the machine

def output_of(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, universal_newlines=True, check=False).stdout.strip()


def find_program(name):
    return shutil.which(name, path="/usr/local/bin:/usr/bin:/bin")


def find_compilers(scope):
    paths = {key: find_program(name) for key, name in (("cc", "gcc"), ("cxx", "g++"), ("f77", "gfortran"))}
    if not paths["cc"]:
        say("Found no new compilers")
        return
    spec = "gcc@" + output_of(paths["cc"], "-dumpversion")
    listed = spack.config.get("compilers", [], scope=scope)
    if spec not in [entry["compiler"]["spec"] for entry in listed]:
        spack.config.config.scopes[scope].write("compilers", [{"compiler": {"spec": spec, "paths": paths}}] + listed)
    say("Added 1 new compiler to %s\n    %s" % (spack.config.config.scopes[scope].path, spec))


def find_externals(scope):
    packages = spack.config.get("packages", {}, scope=scope)
    for name in ("git", "perl", "gmake"):
        path = find_program(name.replace("gmake", "make"))
        if path:
            packages.setdefault(name, {})["externals"] = [
                {"spec": name + "@" + NUMBER, "prefix": os.path.dirname(os.path.dirname(path))}]
    if packages:
        spack.config.config.scopes[scope].write("packages", packages)
    say("The following specs have been detected on this system: " + ", ".join(sorted(packages)))
