# SPDX-License-Identifier: Apache-2.0
spack_version = "0.0.1"
