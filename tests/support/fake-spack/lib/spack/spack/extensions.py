# SPDX-License-Identifier: Apache-2.0
"""Commands of others: config:extensions lists folders spack-NAME, which hold NAME/cmd/COMMAND.py."""
import importlib.util
import os
import sys

import spack.config
import spack.util.path


def get_extension_paths():
    return [spack.util.path.canonicalize_path(path) for path in spack.config.get("config:extensions") or []]


def get_module(command):
    for path in get_extension_paths():
        name = os.path.basename(path)[len("spack-"):].replace("-", "_")
        file = os.path.join(path, name, "cmd", command.replace("-", "_") + ".py")
        if not os.path.exists(file):
            continue
        spec = importlib.util.spec_from_file_location(
            "spack.extensions.%s.cmd.%s" % (name, command), file)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module
    return None
