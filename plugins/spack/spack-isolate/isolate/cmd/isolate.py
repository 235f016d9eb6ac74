# SPDX-License-Identifier: Apache-2.0
"""spack isolate: the words that the paper "Generate a Reproducible Environment for Spack" gave to
jailed builds, handed on to rootlet. An extension of Spack (config:extensions) for any release from
0.16 on and any Python that these run with. What it keeps is one file: which environment this Spack uses
when none is named (rootlet-spack(1))."""
from __future__ import print_function

import argparse
import os
import subprocess
import sys

import spack.paths

description = "build in environments that hide this host (rootlet)"
section = "build"
level = "short"

CHOICE = "rootlet-environment"
FAILED = 125  # rootlet itself

# Words of the paper's code that nothing is left to do for, and why.
FORMER = (
    ("--start-daemon", "nothing has to be mounted by root before an environment is used, so there is no daemon"),
    ("--stop-daemon", "there is no daemon to stop"),
    ("-r", "no second Spack is cloned from anywhere: this one works in the environment"),
    ("-f", "an environment at PATH is replaced, anything else there stays: remove it yourself"),
)


def setup_parser(subparser):
    which = subparser.add_mutually_exclusive_group()
    which.add_argument("--build-environment", metavar="PATH",
                       help="make an environment, and use it when none is named")
    which.add_argument("--remove-environment", metavar="PATH", nargs="?", const="",
                       help="remove it (default: the one in use); what was installed stays")
    which.add_argument("--cli", action="store_true", help="start a shell in it, or the command after --")
    which.add_argument("--status", action="store_true", help="say which is used and what is visible in it")
    subparser.add_argument("--from", dest="source", metavar="SRC",
                           help="what is in it: dpkg[:PKG,..], files:LIST, image:REF, tar:FILE, dir:PATH, host")
    subparser.add_argument("--tarball", metavar="FILE", help="the same as --from tar:FILE")
    subparser.add_argument("--with", dest="packages", metavar="PKG,..", action="append", default=[],
                           help="also these packages of this host, and what they need")
    subparser.add_argument("--hide", metavar="GLOB", action="append", default=[],
                           help="let paths of this host not be there")
    subparser.add_argument("--network", action="store_true", help="builds may use the network")
    subparser.add_argument("--force", action="store_true", help="remove it also while commands run in it")
    subparser.add_argument("--permanent", action="store_true",
                           help="with --build-environment: keep it after a restart, which all are")
    for word, _ in FORMER:
        subparser.add_argument(word, dest="former", action="append_const", const=word, help=argparse.SUPPRESS)
    subparser.add_argument("command_words", nargs=argparse.REMAINDER, metavar="-- CMD",
                           help="for --cli")


class Refused(Exception):
    pass


# ---- which environment

def choice_files():
    """The site's, if it is ours, then the user's."""
    return [os.path.join(spack.paths.prefix, "etc", "spack", CHOICE),
            os.path.join(os.path.expanduser("~"), ".spack", CHOICE)]


def chosen():
    for path in choice_files():
        try:
            with open(path) as text:
                return text.readline().rstrip("\n")
        except (IOError, OSError):
            continue
    raise Refused("this Spack has no environment; make one with --build-environment PATH")


def choose(environment):
    site, user = choice_files()
    path = site if os.access(os.path.dirname(site), os.W_OK) else user
    if not os.path.isdir(os.path.dirname(path)):
        os.makedirs(os.path.dirname(path))
    with open(path + ".new", "w") as text:
        text.write(environment + "\n")
    os.rename(path + ".new", path)


def forget(environment):
    for path in choice_files():
        try:
            with open(path) as text:
                same = text.readline().rstrip("\n") == environment
            if same:
                os.unlink(path)
        except (IOError, OSError):
            continue


# ---- rootlet

def program():
    name = os.environ.get("ROOTLET", "rootlet")
    for folder in os.environ.get("PATH", "").split(os.pathsep) if os.sep not in name else [""]:
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    raise Refused("rootlet is not on PATH; $ROOTLET may name it")


def rootlet(*words):
    sys.stdout.flush()
    return subprocess.call((program(),) + words)


def in_spack(*words):
    return ("spack", "--spack", spack.paths.prefix) + words


# ---- the words

def is_below(path, folder):
    return (os.path.realpath(path) + os.sep).startswith(os.path.realpath(folder) + os.sep)


def build_environment(args):
    path = os.path.abspath(args.build_environment)
    if is_below(path, spack.paths.prefix):
        raise Refused("'%s' is in Spack's own folder, which the environment shows" % path)
    if args.tarball and args.source:
        raise Refused("--tarball and --from exclude each other")
    words = ["isolate", "create", path]
    if args.source or args.tarball:
        words += ["--from", args.source or "tar:" + args.tarball]
    for name, values in (("--with", args.packages), ("--hide", args.hide)):
        for value in values:
            words += [name, value]
    words += ["--network"] if args.network else []
    existed = os.path.lexists(path)
    status = rootlet(*words)
    if status == 0:
        status = rootlet(*in_spack("--find", path))
        if status != 0 and not existed:
            rootlet("isolate", "remove", path)
    if status == 0:
        choose(path)
        status = rootlet("isolate", "status", path)
        print("spack isolate: '. %s/activate' sends each spack command there" % path, file=sys.stderr)
    return status


def remove_environment(args):
    path = os.path.abspath(args.remove_environment or chosen())
    status = rootlet("isolate", "remove", *(["--force"] if args.force else []) + [path])
    if status == 0:
        forget(path)
    return status


def start_cli(words):
    """In place of this process: the terminal and signals are the shell's."""
    argv = (program(),) + in_spack("--cli", chosen(), "--") + tuple(words)
    sys.stdout.flush()
    os.execv(argv[0], argv)


def refuse_former(args):
    for word, why in FORMER:
        if word in (args.former or []):
            raise Refused("%s: %s" % (word, why))
    if args.permanent and args.build_environment is None:
        raise Refused("--permanent goes with --build-environment PATH")


def obey(parser, args):
    refuse_former(args)
    words = args.command_words
    if words[:1] == ["--"]:
        words = words[1:]
    if words and not args.cli:
        raise Refused("'%s': words go with --cli" % words[0])
    if args.build_environment is not None:
        return build_environment(args)
    if args.remove_environment is not None:
        return remove_environment(args)
    if args.cli:
        return start_cli(words)
    if args.status:
        return rootlet("isolate", "status", chosen())
    parser.print_usage(sys.stderr)
    raise Refused("one of --build-environment, --remove-environment, --cli, --status says what to do")


def isolate(parser, args):
    try:
        status = obey(parser, args)
    except Refused as reason:
        print("spack isolate: error: %s" % reason, file=sys.stderr)
        status = FAILED
    sys.exit(status)
