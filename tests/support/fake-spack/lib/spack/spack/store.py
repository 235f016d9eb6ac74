# SPDX-License-Identifier: Apache-2.0
"""What is installed: prefixes, and a database that several Spacks may lock at once."""
import contextlib
import fcntl
import json
import os

import spack.config
import spack.util.path


def _root():
    tree = spack.config.get("config:install_tree")
    return spack.util.path.canonicalize_path(tree["root"] if isinstance(tree, dict) else tree)


class Store:
    def __init__(self):
        self.root = self.unpadded_root = _root()
        self.folder = os.path.join(self.root, ".spack-db")

    @contextlib.contextmanager
    def locked(self):
        os.makedirs(self.folder, exist_ok=True)
        with open(os.path.join(self.folder, "lock"), "a+") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            yield

    def read(self):
        try:
            with open(os.path.join(self.folder, "index.json")) as text:
                return json.load(text)
        except OSError:
            return {}

    def write(self, index):
        path = os.path.join(self.folder, "index.json")
        with open(path + ".tmp", "w") as text:
            json.dump(index, text)
        os.rename(path + ".tmp", path)


store = Store()
