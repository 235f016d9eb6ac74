# SPDX-License-Identifier: Apache-2.0
"""What recipes import: directives that gather in the class, and programs to call."""
import os
import subprocess
import sys

_gathered = {"versions": {}, "dependencies": [], "provided": []}


def version(number, sha256=None):
    _gathered["versions"][number] = sha256


def depends_on(name, type=None):
    _gathered["dependencies"].append(name)


def provides(name):
    _gathered["provided"].append(name)


def maintainers(*names):
    pass


def license(name):
    pass


class InstallError(Exception):
    pass


class _Directives(type):
    def __init__(cls, name, bases, members):
        for key, value in _gathered.items():
            setattr(cls, key, type(value)(value))
            value.clear()


class PackageBase(metaclass=_Directives):
    homepage = url = git = None
    has_code = True


class Package(PackageBase):
    phases = ("install",)


class BundlePackage(PackageBase):
    has_code = False
    phases = ()


class Executable:
    def __init__(self, path):
        self.path = path

    def __call__(self, *words):
        if subprocess.run([self.path] + list(words), stdout=sys.stdout, stderr=sys.stdout).returncode != 0:
            raise InstallError("command '%s' failed" % " ".join((self.path,) + words))


def which(name, required=False):
    for folder in os.environ["PATH"].split(":"):
        if os.access(os.path.join(folder, name), os.X_OK):
            return Executable(os.path.join(folder, name))
    if required:
        raise InstallError("'%s' is not on PATH" % name)
    return None


def configure(*words):
    Executable("./configure")(*words)


def make(*words):
    which("make", required=True)(*words)
