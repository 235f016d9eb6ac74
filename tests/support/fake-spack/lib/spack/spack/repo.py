# SPDX-License-Identifier: Apache-2.0
import importlib.util
import os

import spack.config
import spack.package
import spack.util.path


def folders():
    for path in spack.config.get("repos", []):
        yield os.path.join(spack.util.path.canonicalize_path(path), "packages")


def get(name):
    for folder in folders():
        file = os.path.join(folder, name, "package.py")
        if not os.path.exists(file):
            continue
        spec = importlib.util.spec_from_file_location("spack.pkg." + name.replace("-", "_"), file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found = getattr(module, "".join(word.capitalize() for word in name.split("-")))
        found.name = name
        return found
    raise SystemExit("==> Error: Package '%s' not found." % name)


def providers(name):
    return [package for folder in folders() for package in sorted(os.listdir(folder))
            if name in get(package).provided]
