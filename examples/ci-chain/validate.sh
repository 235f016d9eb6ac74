#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#SBATCH --ntasks=1 --time=5
# validate.sh IMAGE: what a batch job does with the image on the machine it is for. Any scheduler can run it.
set -eu
image=${1:?which image}
rootlet -q pull "$image"
got=$(rootlet run "$image")
echo "$got"
[ "$got" = "sum 3" ]
[ "$(rootlet run "$image" stat -L -c %G /opt/view)" = software ]
