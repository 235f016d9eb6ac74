# SPDX-License-Identifier: Apache-2.0
"""Spack's environments: folders with a spack.yaml that lists specs."""
import os

import spack.config
import spack.util.path

_active = None


class Environment:
    def __init__(self, path):
        self.path = path
        self.views = {}
        self.dev_specs = {}

    def manifest(self):
        return os.path.join(self.path, "spack.yaml")

    def specs(self):
        return spack.config.Scope("", self.manifest()).section("specs").get("specs") or []


def root():
    path = spack.config.get("config:environments_root", "$spack/var/spack/environments")
    return spack.util.path.canonicalize_path(path)


def active_environment():
    return _active


def activate(name):
    global _active
    path = name if os.path.exists(os.path.join(name, "spack.yaml")) else os.path.join(root(), name)
    if not os.path.exists(os.path.join(path, "spack.yaml")):
        raise SystemExit("==> Error: no such environment: '%s'" % name)
    _active = Environment(os.path.abspath(path))
    spack.config.config.push("env", _active.manifest())
