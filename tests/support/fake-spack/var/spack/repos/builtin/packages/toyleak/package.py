# SPDX-License-Identifier: Apache-2.0
from spack.package import *  # noqa: F401,F403


class Toyleak(Package):  # noqa: F405
    version("1.0")  # noqa: F405

    def install(self, spec, prefix):
        configure("--prefix=" + prefix)  # noqa: F405
        make()  # noqa: F405
        make("install")  # noqa: F405
