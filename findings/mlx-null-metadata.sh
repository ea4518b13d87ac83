#!/usr/bin/env bash
# mlx 0.32.4 (mx.save_safetensors, called without metadata) writes "__metadata__":null into the
# header, and a header whose length is no multiple of 8. The description of the format has
# __metadata__ as a map from strings to strings. safetensors 0.8.0 reads such a file all the same and
# gives None for the metadata, so a reader that wants a map refuses files that users have.
#
# Seen on Linux x86-64, Python 3.11 and later. Exits 1 if any of it changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
	'mlx[cpu]==0.32.4' safetensors==0.8.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PYTHON' | tee seen
import mlx.core as mx
from safetensors import safe_open

mx.save_safetensors("a.safetensors", {"w": mx.zeros((2, 2))})
data = open("a.safetensors", "rb").read()
length = int.from_bytes(data[:8], "little")
print("mlx wrote", data[8 : 8 + length].decode())
print("length of the header modulo 8:", length % 8)
with safe_open("a.safetensors", "np") as f:
    print("safetensors reads", list(f.keys()), "with metadata", f.metadata())
PYTHON
diff seen - <<'EXPECTED'
mlx wrote {"__metadata__":null,"w":{"data_offsets":[0,16],"dtype":"F32","shape":[2,2]}}
length of the header modulo 8: 5
safetensors reads ['w'] with metadata None
EXPECTED
