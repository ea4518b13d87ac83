#!/usr/bin/env python3
"""Makes the wheels of a release, from the root of the repository: the Python package and the
program of each target, as dist.py builds it. The same commit and the same Go give the same wheels.
"""

import argparse
import base64
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.append(str(pathlib.Path("cmd/palettize")))
import dist

HERE = pathlib.Path("python")
# Platforms of wheels by target. The programs are static and use no C library: of manylinux and
# musllinux the oldest that pip knows, which are newer than the oldest kernel that Go supports. On
# macOS, Go says which system it needs.
PLATFORMS = {
    "linux/amd64": "manylinux2014_x86_64.manylinux_2_17_x86_64.musllinux_1_1_x86_64",
    "linux/arm64": "manylinux2014_aarch64.manylinux_2_17_aarch64.musllinux_1_1_aarch64",
    "darwin/amd64": "macosx_12_0_x86_64",
    "darwin/arm64": "macosx_12_0_arm64",
    "windows/amd64": "win_amd64",
    "windows/arm64": "win_arm64",
}
METADATA = """\
Metadata-Version: 2.4
Name: palettize
Version: {version}
Summary: Small model files, made by the palettize program, read as numpy arrays and torch tensors
License-Expression: Apache-2.0
License-File: LICENSE
License-File: LICENSES.txt
Keywords: quantization,compression,safetensors,codebook
Classifier: Programming Language :: Go
Classifier: Typing :: Typed
Requires-Python: >=3.10
Requires-Dist: numpy>=1.24
Description-Content-Type: text/markdown

{readme}"""


def wheel(version, platform, program, name, licenses):
    """The files of a wheel with this program, by their names in it: content and mode."""
    tags = "".join(f"Tag: py3-none-{p}\n" for p in platform.split("."))
    info, readme = (
        f"palettize-{version}.dist-info/",
        (HERE / "README.md").read_text(encoding="utf-8"),
    )
    content = {f"palettize/{p.name}": p.read_bytes() for p in sorted(HERE.glob("palettize/*.*"))}
    content[f"palettize-{version}.data/scripts/{name}"] = program
    content[info + "licenses/LICENSE"] = pathlib.Path("LICENSE").read_bytes()
    content[info + "licenses/LICENSES.txt"] = licenses
    content[info + "METADATA"] = METADATA.format(version=version, readme=readme).encode()
    fields = f"Wheel-Version: 1.0\nGenerator: palettize {version}\nRoot-Is-Purelib: false\n"
    content[info + "WHEEL"] = (fields + tags).encode()
    record = "".join(f"{n},sha256={digest(c)},{len(c)}\n" for n, c in content.items())
    content[info + "RECORD"] = f"{record}{info}RECORD,,\n".encode()
    return {n: (c, 0o755 if "/scripts/" in n else 0o644) for n, c in content.items()}


def digest(content):
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--commit", help="that the programs are to name (default: what is checked out)"
    )
    parser.add_argument("folder", type=pathlib.Path, help="to write the wheels to, emptied before")
    parser.add_argument(
        "target", nargs="*", default=list(PLATFORMS), help="GOOS/GOARCH (default: all)"
    )
    args = parser.parse_args()
    shutil.rmtree(args.folder, ignore_errors=True)
    args.folder.mkdir(parents=True)
    commit = dist.head() if args.commit is None else args.commit
    with tempfile.TemporaryDirectory() as work:
        path = pathlib.Path(work) / "palettize.exe"
        dist.build(path, commit, dict(GOFLAGS="", CGO_ENABLED="0"))  # for this machine
        version = json.loads(dist.run(path, "version", "--json"))["version"]
        for target in args.target:
            goos, goarch = target.split("/")
            env, name = (
                dist.target_env(goos, goarch),
                "palettize.exe" if goos == "windows" else "palettize",
            )
            files = wheel(
                version, PLATFORMS[target], dist.build(path, commit, env), name, dist.licenses(env)
            )
            (args.folder / f"palettize-{version}-py3-none-{PLATFORMS[target]}.whl").write_bytes(
                dist.zip(files)
            )


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as e:
        sys.exit(f"wheels: {e}")
