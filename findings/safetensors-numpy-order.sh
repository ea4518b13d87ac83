#!/usr/bin/env bash
# safetensors 0.8.0 (safetensors.numpy.save_file and save) writes an array as it lies in memory,
# whatever its strides: a transposed matrix keeps its shape and has its values in another order, a
# slice with a step has those of its neighbours, without a word. 0.7.0 wrote them in the right order.
# The documentation asks for contiguous arrays; the same of torch is refused with a ValueError.
# np.ascontiguousarray(array) is what has to be saved.
#
# Seen on Linux x86-64, Python 3.11. Exits 1 if any of it changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
cat >"$work/try.py" <<'PYTHON'
import numpy as np
import safetensors
from safetensors.numpy import load_file, save_file

w = np.arange(6, dtype=np.float32).reshape(2, 3)
ways = {"w.T": w.T, "w[:, ::2]": w[:, ::2], "asfortranarray(w)": np.asfortranarray(w)}
save_file(ways, "a.safetensors")
for name, array in load_file("a.safetensors").items():
    print(f"{safetensors.__version__}: {name}, {ways[name].tolist()}, became {array.tolist()}")
PYTHON
cd "$work"
for version in 0.7.0 0.8.0; do
	"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
		safetensors==$version numpy==2.4.6
	"$work/venv/bin/python" try.py | LC_ALL=C sort
done | tee seen
diff seen - <<'EXPECTED'
0.7.0: asfortranarray(w), [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], became [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
0.7.0: w.T, [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]], became [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
0.7.0: w[:, ::2], [[0.0, 2.0], [3.0, 5.0]], became [[0.0, 2.0], [3.0, 5.0]]
0.8.0: asfortranarray(w), [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], became [[0.0, 3.0, 1.0], [4.0, 2.0, 5.0]]
0.8.0: w.T, [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]], became [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
0.8.0: w[:, ::2], [[0.0, 2.0], [3.0, 5.0]], became [[0.0, 1.0], [2.0, 3.0]]
EXPECTED
