# SPDX-License-Identifier: Apache-2.0
import os

import spack.config
import spack.util.path


def get_stage_root():
    candidates = spack.config.get("config:build_stage")
    for path in candidates if isinstance(candidates, list) else [candidates]:
        path = spack.util.path.canonicalize_path(path)
        try:
            os.makedirs(path, mode=0o700, exist_ok=True)
        except OSError:
            continue
        if os.access(path, os.W_OK):
            return path
    raise SystemExit("==> Error: no directory to stage in")
