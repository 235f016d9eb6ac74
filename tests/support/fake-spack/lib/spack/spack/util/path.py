# SPDX-License-Identifier: Apache-2.0
import getpass
import os
import tempfile

import spack.paths


def canonicalize_path(path):
    for name, value in (("$spack", spack.paths.prefix), ("$tempdir", tempfile.gettempdir()),
                        ("$user", getpass.getuser())):
        path = path.replace(name, value)
    return os.path.abspath(os.path.expanduser(os.path.expandvars(path)))
