# SPDX-License-Identifier: Apache-2.0
"""Settings from scopes, the later ones win; `key::` replaces what is below it."""
import collections
import os

import spack.paths
from spack.util import yaml


class Scope:
    def __init__(self, name, path):
        self.name = name
        self.path = path
        self.whole = path.endswith(".yaml")  # an environment's spack.yaml: all sections

    def file(self, section):
        return self.path if self.whole else os.path.join(self.path, section + ".yaml")

    def section(self, section):
        try:
            with open(self.file(section)) as text:
                data = yaml.load(text.read())
        except OSError:
            return {}
        data = data.get("spack") or {} if self.whole else data
        return {key: value for key, value in data.items() if key.rstrip(":") == section}

    def write(self, section, value):
        os.makedirs(self.path, exist_ok=True)
        with open(self.file(section) + ".tmp", "w") as text:
            text.write(yaml.dump({section: value}))
        os.rename(self.file(section) + ".tmp", self.file(section))


def merge(below, above):
    if isinstance(below, list) and isinstance(above, list):
        return above + below
    if not isinstance(below, dict) or not isinstance(above, dict):
        return below if above is None else above
    merged = dict(below)
    for key, value in above.items():
        name = key.rstrip(":")
        merged[name] = plain(value) if key.endswith(":") else merge(merged.get(name), plain(value))
    return merged


def plain(value):
    return merge({}, value) if isinstance(value, dict) else value


class Configuration:
    def __init__(self):
        self.scopes = collections.OrderedDict()
        local = not os.environ.get("SPACK_DISABLE_LOCAL_CONFIG")
        self.push("defaults", os.path.join(spack.paths.etc_path, "defaults"))
        if local:
            self.push("system", spack.paths.system_config_path)
        self.push("site", spack.paths.etc_path)
        if local:
            self.push("user", spack.paths.user_config_path)

    def push(self, name, path):
        self.scopes[name] = Scope(name, path)

    def get(self, path, default=None, scope=None):
        section, _, rest = path.partition(":")
        value = {}
        for one in [self.scopes[scope]] if scope else self.scopes.values():
            value = merge(value, one.section(section))
        for key in path.split(":"):
            value = value.get(key) if isinstance(value, dict) else None
        return default if value is None else value


config = Configuration()
get = config.get
