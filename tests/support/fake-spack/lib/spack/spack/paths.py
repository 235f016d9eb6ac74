# SPDX-License-Identifier: Apache-2.0
import os

prefix = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
bin_path = os.path.join(prefix, "bin")
spack_script = os.path.join(bin_path, "spack")
build_env_path = os.path.join(prefix, "lib", "spack", "env")
opt_path = os.path.join(prefix, "opt")
etc_path = os.path.join(prefix, "etc", "spack")
var_path = os.path.join(prefix, "var", "spack")
user_config_path = os.environ.get("SPACK_USER_CONFIG_PATH") or os.path.expanduser("~/.spack")
system_config_path = os.environ.get("SPACK_SYSTEM_CONFIG_PATH") or "/etc/spack"
