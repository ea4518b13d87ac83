#!/usr/bin/env bash
# Tests the package, out of a folder of wheels, in a fresh virtual environment: check.sh WHEELS PROGRAMS, a folder with mkmodel.
# The packages that it needs come as those of examples/python do. With TORCH, a Python that has torch, its tests run too.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
wheels=$(cd "$1" && pwd)
programs=$(cd "$2" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say() { echo "python: $*" >&2; exit 1; }
source "$here/../examples/python/packages.sh"

"${TORCH:-python3}" -m venv --without-pip "$work/venv"
if [ -n "${TORCH:-}" ]; then
	PYTHONPATH=$("$TORCH" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'):$PYTHONPATH
fi
"$pip" -m pip --python "$work/venv" install --quiet --no-index --find-links "$wheels" palettize
"$programs/mkmodel" -o "$work/model.safetensors" -rows 128 -experts 3
python3 "$here/../examples/python/dtypes.py" "$work/dtypes.safetensors"
cp "$here/test_package.py" "$work" # away from the source, which it would import
cd "$work"
PATH="$work/venv/bin:$PATH" python test_package.py ${TORCH:+--torch}
