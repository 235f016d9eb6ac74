# SPDX-License-Identifier: Apache-2.0
"""What Spack says of itself, in one line of JSON: which directories a command needs at their own
paths, whose settings they come from. Run by `spack python`, in any release from 0.16 on and any
Python that these run with; rootlet says before it whether the command CONFIGURES or PUBLISHES.
Flat, for it is handed over as a string (flow/spack_ask.c)."""
import json
import os
import sys

import spack.config
import spack.paths
import spack.stage
import spack.store
import spack.util.path


unknown = []  # what this release says in other words


def paths_of(function, *arguments):
    try:
        return list(function(*arguments))
    except Exception as error:  # any: nothing else of Spack is in danger
        unknown.append("%s: %s" % (function.__name__.replace("_", " "), error))
        return []


def canonical(path):
    return os.path.abspath(spack.util.path.canonicalize_path(str(path)))


def ask(name, otherwise=None):
    found = spack.config.get(name)
    return otherwise if found is None else found


def canonical_all(value):
    """The paths in what may be one, a list, or a dictionary of them."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        value = [value] if value else []
    return [canonical(path) for path in value if path and not isinstance(path, dict)]


def store_root():
    for name in ("STORE", "store"):
        store = getattr(spack.store, name, None)
        if store is not None:
            return getattr(store, "unpadded_root", None) or store.root
    return spack.store.root


def active_environment():
    import spack.environment as environments

    if hasattr(environments, "active_environment"):
        return environments.active_environment()
    return getattr(environments, "_active_environment", None)


def of_environment(environment):
    found = [environment.path]
    for view in getattr(environment, "views", {}).values():
        found.append(os.path.dirname(os.path.join(environment.path, str(view.root))))
    for developed in (getattr(environment, "dev_specs", None) or {}).values():
        path = developed.get("path")
        if path:
            found.append(os.path.join(environment.path, spack.util.path.canonicalize_path(path)))
    return found


def of_mirror(value):
    """Paths of a mirror on this host: a URL, or a dictionary with some."""
    if isinstance(value, dict):
        return [path for key in ("url", "fetch", "push") for path in of_mirror(value.get(key))]
    if not value:
        return []
    url = str(value)
    if url.startswith("file://"):
        return [canonical(url[len("file://"):])]
    return [] if "://" in url else [canonical(url)]


def of_repository(value):
    if isinstance(value, dict):
        value = value.get("destination")
    return [] if not value or "://" in str(value) else [canonical(value)]


def scopes():
    config = getattr(spack.config, "CONFIG", None) or spack.config.config
    return dict((name, str(scope.path)) for name, scope in config.scopes.items() if getattr(scope, "path", None))


# Names in spack.paths, of one release or another.
OWN_PATHS = ("opt_path", "var_path", "package_repos_path", "user_repos_cache_path", "default_misc_cache_path",
             "default_user_bootstrap_path", "default_test_path")


def configured_paths():
    for name in ("source_cache", "misc_cache", "environments_root", "test_stage", "module_roots"):
        for path in canonical_all(ask("config:" + name)):
            yield path
    for path in canonical_all(ask("bootstrap:root")):
        yield path


def module_paths():
    for modules in ask("modules", {}).values():
        if isinstance(modules, dict):
            for path in canonical_all(modules.get("roots")):
                yield path


def repository_paths():
    repositories = ask("repos", [])
    for value in repositories.values() if isinstance(repositories, dict) else repositories:
        for path in of_repository(value):
            yield path


def upstream_paths():
    for upstream in ask("upstreams", {}).values():
        for path in canonical_all(upstream.get("install_tree")) + canonical_all(upstream.get("modules")):
            yield path


def mirror_paths():
    return [path for mirror in ask("mirrors", {}).values() for path in of_mirror(mirror)]


def writable_paths(environment):
    paths = [getattr(spack.paths, name) for name in OWN_PATHS if getattr(spack.paths, name, None)]
    paths += [store_root(), spack.stage.get_stage_root()]
    paths += paths_of(configured_paths) + paths_of(module_paths)
    return paths + (paths_of(of_environment, environment) if environment is not None else [])


def readable_paths(user_scope):
    paths = [spack.paths.prefix] + [path for path in scopes().values() if path != user_scope]
    paths += canonical_all(ask("config:extensions"))
    return paths + paths_of(repository_paths) + paths_of(upstream_paths)


def make(path):
    """As Spack does when it gets there."""
    try:
        if not os.path.isdir(path):
            os.makedirs(path)
    except OSError:
        pass


def mounts(writable, readable):
    """Each with where it really is, folders before what is in them; what is in a folder that is
    seen the same way is left out."""
    access = {}
    links = {}
    for paths, is_writable in ((readable, False), (writable, True)):
        for path in paths:
            real = os.path.realpath(path)
            if not os.path.exists(real) or real == "/":
                continue
            access[real] = is_writable or access.get(real, False)
            if real != path:
                links[path] = real
    chosen = {}
    for real in sorted(access):
        above = os.path.dirname(real)
        while above not in chosen and above != "/":
            above = os.path.dirname(above)
        if chosen.get(above) != access[real]:
            chosen[real] = access[real]
    found = [(real, real, chosen[real]) for real in sorted(chosen)]
    return found + [(links[path], path, access[links[path]]) for path in sorted(links)]


def without_externals(packages):
    kept = {}
    for name, settings in packages.items():
        outside = settings.get("externals") or settings.get("paths")
        rest = dict((key, value) for key, value in settings.items()
                    if key not in ("externals", "paths") and not (outside and key == "buildable"))
        if rest:
            kept[name] = rest
    return kept


def settings_of(user_scope):
    """The user's files, but for those that say what the host has."""
    if not user_scope or not os.path.isdir(user_scope):
        return []
    return [name for name in sorted(os.listdir(user_scope))
            if name.endswith(".yaml") and name not in ("compilers.yaml", "packages.yaml")]


def has_compilers():
    """In settings of their own; newer releases have them among the packages."""
    return [True] if ask("compilers") else []


def answer():
    environment = active_environment()
    user_scope = scopes().get("user")
    writable = writable_paths(environment)
    readable = readable_paths(user_scope)
    for path in writable:
        make(path)
    (writable if PUBLISHES else readable).extend(paths_of(mirror_paths))  # noqa: F821
    if CONFIGURES:  # noqa: F821
        writable.append(os.path.join(spack.paths.prefix, "etc", "spack"))
    packages = ask("packages", {})
    preferred = without_externals(spack.config.get("packages", scope="user") or {}) if user_scope else {}
    return {
        "scope": user_scope,
        "environment": environment is not None,
        "mounts": [list(mount) for mount in mounts(writable, readable)],
        "settings": settings_of(user_scope),
        "compilers": bool(paths_of(has_compilers)),
        "externals": sorted(name for name in packages
                            if packages[name].get("externals") or packages[name].get("paths")),
        "preferences": json.dumps({"packages": preferred}, default=str) if preferred else None,
        "unknown": unknown,
    }


sys.stdout.write("\nrootlet-spack " + json.dumps(answer(), default=str) + "\n")
