# SPDX-License-Identifier: Apache-2.0
"""The words. Each command is a function of its arguments and returns the exit status."""
import argparse
import json
import os
import runpy
import sys

import spack
import spack.config
import spack.environment
import spack.extensions
import spack.paths
import spack.stage
from spack.util import yaml


def specs_of(args):
    specs = [word for word in args if not word.startswith("-")]
    active = spack.environment.active_environment()
    if not specs and active:
        return active.specs()
    if not specs:
        print("==> Error: requires at least one spec", file=sys.stderr)
        sys.exit(2)
    return specs


def install(args):
    import spack.installer as installer
    for index, word in enumerate(args):  # -j 2
        if word == "-j":
            del args[index:index + 2]
            break
    try:
        for spec in specs_of(args):
            installer.install(spec)
    except installer.InstallError as error:
        print("==> Error: %s" % error, file=sys.stderr)
        return 1
    return 0


def fetch(args):
    import spack.installer as installer
    try:
        for spec in specs_of(args):
            for name in installer.resolve(spec):
                if "--missing" in args and name in installer.store.read():
                    continue
                if installer.spack.repo.get(name).has_code:
                    installer.fetch(name)
    except installer.InstallError as error:
        print("==> Error: %s" % error, file=sys.stderr)
        return 1
    return 0


def concretize(args):
    active = spack.environment.active_environment()
    with open(os.path.join(active.path, "spack.lock"), "w") as lock:
        json.dump(active.specs(), lock)
    return 0


def find(args):
    from spack.store import store
    for name in sorted(store.read()):
        print(name)
    return 0


def location(args):
    import spack.installer as installer
    print({"-r": spack.paths.prefix, "-S": spack.stage.get_stage_root()}.get(args[0]) or
          installer.prefix_of(args[-1]))
    return 0


def config(args):
    if args[0] == "get":
        sys.stdout.write(yaml.dump({args[1]: spack.config.get(args[1], {})}))
        return 0
    section, key, value = args[1].split(":", 2)  # add SECTION:KEY:VALUE
    scope = spack.config.config.scopes["user"]
    settings = dict(scope.section(section).get(section) or {}, **{key: value})
    scope.write(section, settings)
    return 0


def compiler(args):
    import spack.installer as installer
    if args[0] == "find":
        installer.find_compilers(args[args.index("--scope") + 1] if "--scope" in args else "user")
    return 0


def external(args):
    import spack.installer as installer
    installer.find_externals(args[args.index("--scope") + 1] if "--scope" in args else "user")
    return 0


def python(args):
    if args[:1] == ["-c"]:
        exec(compile(args[1], "-c", "single"), {"__name__": "__main__", "spack": spack})
    elif args:
        sys.argv = args
        runpy.run_path(args[0], run_name="__main__")
    return 0


def mirror(args):
    scope = spack.config.config.scopes["user"]
    scope.write("mirrors", dict(scope.section("mirrors").get("mirrors") or {}, **{args[1]: args[2]}))
    return 0


COMMANDS = {function.__name__: function for function in (
    install, fetch, concretize, find, location, config, compiler, external, python, mirror)}


def run_extension(name, args):
    module = spack.extensions.get_module(name)
    if module is None:
        print("==> Error: %s is not a recognized Spack command" % name, file=sys.stderr)
        return 1
    parser = argparse.ArgumentParser(prog="spack " + name, description=module.description)
    module.setup_parser(parser)
    return getattr(module, name.replace("-", "_"))(parser, parser.parse_args(args))


def main(args):
    while args and args[0].startswith("-"):
        word = args.pop(0)
        if word in ("-V", "--version"):
            print(spack.spack_version)
            return 0
        if word in ("-e", "--env", "-D", "--env-dir"):
            spack.environment.activate(args.pop(0))
        elif word in ("-C", "--config-scope"):
            path = args.pop(0)
            spack.config.config.push("cmd:" + path, path)
    if os.environ.get("SPACK_ENV") and not spack.environment.active_environment():
        spack.environment.activate(os.environ["SPACK_ENV"])
    if not args:
        print("usage: spack [-eDCV] COMMAND")
        return 0
    command = COMMANDS.get(args[0])
    return command(args[1:]) if command else run_extension(args[0], args[1:])
