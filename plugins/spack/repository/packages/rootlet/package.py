# SPDX-License-Identifier: Apache-2.0
import os
import re
import shutil

from spack.package import *  # noqa: F401,F403


class Rootlet(Package):  # noqa: F405
    """A root for every user: recipes start tools in it that shall not see the user's and the site's
    settings (`rootlet run --host-root --pure -- git commit`), or another root altogether (`user-chroot
    DIR CMD`). Needs neither privilege nor a daemon.

    Comes with the rootlet that this recipe was installed with, which is copied; `spack external find
    rootlet` takes it where it is."""

    has_code = False
    executables = ["^rootlet$"]

    version("0.1.0")  # noqa: F405

    provides("user-chroot")  # noqa: F405

    @classmethod
    def determine_version(cls, exe):
        found = re.search(r"rootlet (\S+)", Executable(exe)("--version", output=str, error=str))  # noqa: F405
        return found.group(1) if found else None

    def install(self, spec, prefix):
        # PREFIX/share/rootlet/spack/repository/packages/rootlet/package.py
        origin = os.path.realpath(__file__)
        for _ in range(7):
            origin = os.path.dirname(origin)
        if not os.access(os.path.join(origin, "bin", "rootlet"), os.X_OK):
            raise InstallError("no bin/rootlet in %s; spack external find rootlet" % origin)  # noqa: F405
        prefix = str(prefix)
        os.makedirs(os.path.join(prefix, "bin"))
        os.makedirs(os.path.join(prefix, "libexec"))
        shutil.copy(os.path.join(origin, "bin", "rootlet"), os.path.join(prefix, "bin"))
        shutil.copytree(os.path.join(origin, "libexec", "rootlet"), os.path.join(prefix, "libexec", "rootlet"))
        os.symlink("rootlet", os.path.join(prefix, "bin", "user-chroot"))
