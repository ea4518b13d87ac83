#!/usr/bin/env bash
# numpy 2.4.6 adds bfloat16 and 8-bit floats of ml_dtypes 0.6.0 one after the other in the type itself:
# a sum stops growing where the next value is no more than half a step of it. The mean of 1,000 ones is
# 0.256 as bfloat16, 0.016 as float8_e4m3fn; the mean square of Gaussian weights with a deviation of
# 0.05 comes out 92 times too small, or as 0, and so does the mean squared error of two models.
# numpy's own float16 has the mean right, as numpy takes that one in float32; there it is
# numpy.linalg.norm that is infinite from 65,520 on, while that of the other types is right, as numpy
# takes it in float64. Convert to float64 first.
#
# Seen on Linux x86-64, Python 3.11. Exits 1 if any of it changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
	numpy==2.4.6 ml_dtypes==0.6.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PYTHON' | tee seen
import numpy as np
from ml_dtypes import bfloat16, float8_e4m3fn

weights = 0.05 * np.random.default_rng(0).standard_normal((384, 1536))
for kind in np.float16, bfloat16, float8_e4m3fn:
    ones, w = np.ones(1000, kind), weights.astype(kind)
    wide = w.astype(np.float64)
    norm = np.linalg.norm(np.full(70_000, 1, kind))
    print(f"{kind.__name__}: mean of ones {float(np.mean(ones)):.3f},",
          f"mean square {float(np.mean(w * w)):.7f} of {np.mean(wide * wide):.7f},",
          f"norm of 70,000 ones {float(norm):.1f}")
PYTHON
diff seen - <<'EXPECTED'
float16: mean of ones 1.000, mean square 0.0025043 of 0.0025038, norm of 70,000 ones inf
bfloat16: mean of ones 0.256, mean square 0.0000272 of 0.0025038, norm of 70,000 ones 264.6
float8_e4m3fn: mean of ones 0.016, mean square 0.0000000 of 0.0025019, norm of 70,000 ones 264.6
EXPECTED
