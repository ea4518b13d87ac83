#!/usr/bin/env bash
# coremltools 9.0 (palettize_weights in its default mode, kmeans) has larger errors with a table for
# each 32 rows of a [512, 256] matrix than with one table for all of it, in a model of float16. With
# 10,000 weights or more of float16 it finds the best table there is; with fewer, and of float32
# always, it stops scikit-learn's KMeans early (tol=1e-2, one start). So a table for each 64 rows has
# smaller errors, one for each 32 larger ones, and a model of float32 larger ones than the same in
# float16. Who compares palettization with another method compares with either.
#
# Seen on Linux x86-64, Python 3.11; no macOS is needed to compress. Exits 1 if any of it changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
	coremltools==9.0 scikit-learn==1.9.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - 2>messages <<'PYTHON' | tee seen || { cat messages >&2; exit 1; }
import coremltools as ct
import numpy as np
from coremltools.converters.mil import Builder as mb
from coremltools.optimize import coreml as cto

random = np.random.default_rng(0)
w = (0.05 * random.standard_normal((512, 256))).astype(np.float16).astype(np.float32)


def linear(precision):
    target = ct.target.iOS18

    @mb.program(input_specs=[mb.TensorSpec(shape=(1, 256))], opset_version=target)
    def program(x):
        return mb.linear(x=x, weight=w, bias=np.zeros(512, np.float32))

    return ct.convert(program, compute_precision=precision, minimum_deployment_target=target)


def error(model, bits, rows):
    """Return the relative error of the weights with tables of 2^bits values for so many rows."""
    each = dict(granularity="per_grouped_channel", group_size=rows) if rows < 512 else {}
    config = cto.OpPalettizerConfig(mode="kmeans", nbits=bits, **each)
    small = cto.palettize_weights(model, cto.OptimizationConfig(global_config=config))
    dense = cto.decompress_weights(small)._mil_program.functions["main"]
    (rebuilt,) = (op.weight.val for op in dense.operations if op.op_type == "linear")
    return np.linalg.norm(rebuilt.astype(np.float64) - w) / np.linalg.norm(w.astype(np.float64))


for precision in ct.precision.FLOAT16, ct.precision.FLOAT32:
    model = linear(precision)
    for bits in 3, 4:
        errors = [f"{error(model, bits, rows):.3f}" for rows in (512, 64, 32)]
        print(f"{precision.value}, {bits} bits, tables for 512, 64, 32 rows:", *errors)
PYTHON
diff seen - <<'EXPECTED'
float16, 3 bits, tables for 512, 64, 32 rows: 0.186 0.186 0.192
float16, 4 bits, tables for 512, 64, 32 rows: 0.098 0.097 0.101
float32, 3 bits, tables for 512, 64, 32 rows: 0.189 0.193 0.192
float32, 4 bits, tables for 512, 64, 32 rows: 0.099 0.100 0.101
EXPECTED
