# SPDX-License-Identifier: Apache-2.0
"""spack rootlet: the same as isolate.py, for releases of Spack that have an `isolate` of their own."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
try:
    import isolate
finally:
    del sys.path[0]

description = isolate.description
section = isolate.section
level = isolate.level
setup_parser = isolate.setup_parser
rootlet = isolate.isolate
