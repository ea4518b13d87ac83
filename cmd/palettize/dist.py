#!/usr/bin/env python3
"""Makes the archives of a release, from the root of the repository.

The same commit and the same Go give the same programs on any machine, from any folder; with the same zlib the archives
are the same too.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

TARGETS = [f"{goos}/{goarch}" for goos in ("linux", "darwin", "windows") for goarch in ("amd64", "arm64")]
PROGRAM = "./cmd/palettize"
DOCUMENTS = ["LICENSE", "README.md", "CHANGELOG.md", "format/FORMAT.md"]
COMPLETIONS = {
    "bash": "palettize.bash",
    "zsh": "_palettize",
    "fish": "palettize.fish",
    "powershell": "palettize.ps1",
}
TIME = (1980, 1, 1, 0, 0, 0)  # of every file; zip archives have none before it
EPOCH = 315532800  # the same in seconds
GO = os.environ.get("GO", "go")


def run(*command, **env):
    return subprocess.run(command, env={**os.environ, **env}, stdout=subprocess.PIPE, check=True).stdout


def target_env(goos, goarch):
    """What the environment may say of a build, so that it says the same everywhere."""
    return dict(GOOS=goos, GOARCH=goarch, GOAMD64="v1", GOARM64="v8.0", CGO_ENABLED="0", GOFLAGS="", GOEXPERIMENT="")


def head():
    """The commit that is checked out, and -dirty if files differ from it; nothing without git."""
    try:
        return run("git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*").decode().strip()
    except (OSError, subprocess.CalledProcessError):
        print("dist: git knows no commit here, so the programs won't either; --commit names one", file=sys.stderr)
        return ""


def build(path, commit, env):
    linked = f"-ldflags=-s -w -X main.releaseCommit={commit}"
    run(GO, "build", "-trimpath", "-buildvcs=false", linked, "-o", str(path), PROGRAM, **env)
    return path.read_bytes()


def licenses(env):
    """The licenses of what is linked into the program, Go's own first."""
    listing = "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}"
    modules = set(run(GO, "list", "-deps", "-f", listing, PROGRAM, **env).decode().split("\n")) - {""}
    goroot, release = run(GO, "env", "GOROOT", "GOVERSION", **env).decode().split("\n")[:2]
    text = ""
    for line in [f"Go {release}\t{goroot}", *sorted(modules)]:
        name, folder = line.split("\t")
        files = sorted(pathlib.Path(folder).glob("LICEN[CS]E*"))
        if not files:
            sys.exit(f"dist: {name} has no license in {folder}")
        for file in files:
            text += f"{name}\n{'=' * len(name)}\n\n{file.read_text(encoding='utf-8').strip()}\n\n\n"
    return text.encode()


def tar(files):
    raw, zipped = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, (content, mode) in files.items():
            info = tarfile.TarInfo(name)  # owner and group are root
            info.size, info.mode, info.mtime = len(content), mode, EPOCH
            archive.addfile(info, io.BytesIO(content))
    with gzip.GzipFile("", "wb", 9, zipped, EPOCH) as archive:
        archive.write(raw.getvalue())
    return zipped.getvalue()


def zip(files):
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, (content, mode) in files.items():
            info = zipfile.ZipInfo(name, TIME)
            info.create_system, info.external_attr = 3, (0o100000 | mode) << 16  # as Unix writes it
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return zipped.getvalue()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--commit", help="that the programs are to name (default: what is checked out)")
    parser.add_argument("folder", type=pathlib.Path, help="to write the archives to, emptied before")
    parser.add_argument("target", nargs="*", default=TARGETS, help="GOOS/GOARCH (default: all)")
    args = parser.parse_args()
    shutil.rmtree(args.folder, ignore_errors=True)
    args.folder.mkdir(parents=True)
    commit = head() if args.commit is None else args.commit
    with tempfile.TemporaryDirectory() as work:
        path = pathlib.Path(work) / "palettize.exe"
        build(path, commit, dict(GOFLAGS="", CGO_ENABLED="0"))  # for this machine
        version = json.loads(run(path, "version", "--json"))["version"]
        common = {pathlib.Path(name).name: pathlib.Path(name).read_bytes() for name in DOCUMENTS}
        common["palettize.1"] = run(path, "man")
        for shell, name in COMPLETIONS.items():
            common["completions/" + name] = run(path, "completion", shell)
        sums = ""
        for target in args.target:
            goos, goarch = target.split("/")
            env = target_env(goos, goarch)
            name = f"palettize_{version}_{goos}_{goarch}"
            program = "palettize.exe" if goos == "windows" else "palettize"
            files = {**common, program: build(path, commit, env), "LICENSES.txt": licenses(env)}
            files = {f"{name}/{n}": (files[n], 0o755 if n == program else 0o644) for n in sorted(files)}
            ending, pack = (".zip", zip) if goos == "windows" else (".tar.gz", tar)
            archive = pack(files)
            (args.folder / (name + ending)).write_bytes(archive)
            sums += f"{hashlib.sha256(archive).hexdigest()}  {name}{ending}\n"
        (args.folder / "SHA256SUMS").write_text(sums)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as e:
        sys.exit(f"dist: {e}")
