"""The program that is installed with this package, and what it writes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

PathLike = str | os.PathLike[str]
Flag = None | bool | int | float | PathLike | Sequence[int | float | PathLike]


class Error(RuntimeError):
    """What the program says of what went wrong, in one line. Its exit code is in code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code

    __module__ = "palettize"  # where users find it


@cache
def program() -> str:
    """Return the path of the palettize program that was installed with this package."""
    name = "palettize.exe" if os.name == "nt" else "palettize"
    package = Path(__file__).resolve().parent
    places = [package.parent / "bin"]  # pip install --target
    with contextlib.suppress(metadata.PackageNotFoundError):
        files = metadata.distribution("palettize").files or []
        places[:0] = [Path(str(f.locate())).parent for f in files if f.name == name]
    places.append(Path(sysconfig.get_path("scripts")))
    for place in places:
        if (path := place / name).is_file():
            return os.path.normpath(path)
    where = ", ".join(map(str, places))
    raise FileNotFoundError(f"palettize: no program in {where}: install the package again")


def run(command: str, *files: PathLike, **flags: Flag) -> dict[str, Any]:
    """Run a command of the program that has --json, such as verify or inspect, and return its
    report.

    An underscore in the name of a flag is a dash, one at its end is for names that Python has
    taken: for_="memory".
    """
    return report_of(command, files, flags)


def report_of(
    command: str,
    files: Iterable[PathLike],
    flags: Mapping[str, Flag],
    known: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Run a command as run does; in what it says, paths are what they are known as."""
    words = [program(), command, "--json", *_words(flags), "--", *(os.fspath(f) for f in files)]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        try:
            process.wait()
        except BaseException:  # Ctrl-C ends the program too, the button of a notebook does not
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
            process.terminate()
            process.wait()
            raise
        _raise(words, process.returncode, errors, known)
        output.seek(0)
        report: dict[str, Any] = json.loads(output.read() or "{}")
        return report


class Entry(NamedTuple):
    """What a header says of a tensor."""

    name: str
    dtype: str  # of safetensors: "F32", "BF16"
    shape: list[int]
    size: int  # in bytes


class Stream:
    """The tensors of a codebook file, as ``palettize decompress -o -`` writes them: a context in
    which entries lists them in their order, and an iterator over each with its bytes.
    """

    def __init__(self, path: PathLike, names: Iterable[str] | None = None) -> None:
        flags = _words({"output": "-", "include": list(names or [])})
        self.words = [program(), "decompress", *flags, "--", os.fspath(path)]
        self.entries: list[Entry] = []

    def __enter__(self) -> Stream:
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            self.words,
            bufsize=0,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.errors,
        )
        try:
            length = int.from_bytes(self._read(8).tobytes(), "little")
            header = json.loads(self._read(length).tobytes())
        except BaseException:
            self.__exit__()
            raise
        header.pop("__metadata__", None)
        places = {name: t["data_offsets"] for name, t in header.items()}
        for name, (begin, end) in sorted(places.items(), key=lambda item: item[1]):
            self.entries.append(
                Entry(name, header[name]["dtype"], header[name]["shape"], end - begin)
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()  # which has ended unless somebody has stopped reading
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.errors.close()

    def __iter__(self) -> Iterator[tuple[Entry, NDArray[np.uint8]]]:
        for entry in self.entries:
            yield entry, self._read(entry.size)
        _raise(self.words, self.process.wait(), self.errors)

    def _read(self, size: int) -> NDArray[np.uint8]:
        assert self.process.stdout is not None
        data = np.empty(size, np.uint8)
        rest = data.data
        while len(rest):
            n = self.process.stdout.readinto(rest)  # type: ignore[attr-defined, unused-ignore]
            if not n:
                _raise(self.words, self.process.wait() or 1, self.errors)
            rest = rest[n:]
        return data


def _words(flags: Mapping[str, Flag]) -> list[str]:
    """Flags as a command line has them."""
    words = []
    for key, value in flags.items():
        name = "--" + key.rstrip("_").replace("_", "-")
        if value is True:
            words.append(name)
        elif value is not None and value is not False:
            several = isinstance(value, Sequence) and not isinstance(value, str)
            for v in cast(Sequence[Flag], value) if several else [value]:
                words.append(f"{name}={os.fspath(v) if isinstance(v, os.PathLike) else v}")
    return words


def _raise(
    words: Sequence[str],
    code: int,
    errors: IO[bytes],
    known: Mapping[str, str] | None = None,
) -> None:
    """Pass on what the program has said: warnings, and its error where it failed."""
    errors.seek(0)
    text = errors.read().decode("utf-8", "replace")
    for path, name in (known or {}).items():
        text = text.replace(path, name)
    said = text.splitlines()
    prefix, warning = "palettize: ", "palettize: warning: "
    for line in said:
        if line.startswith(warning):
            warnings.warn(line.removeprefix(warning), stacklevel=_outside())
    if code != 0:
        how = f"ended with exit code {code}" if code > 0 else f"was killed by signal {-code}"
        why = [line.removeprefix(prefix) for line in said if not line.startswith(warning)]
        raise Error(why[-1] if why else f"palettize {words[1]} {how}", code)


def _outside() -> int:
    """Return the stacklevel at which the caller of this function warns of a line outside of this
    package, which is that of the user.
    """
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__package__") == __package__:
        level, frame = level + 1, frame.f_back
    return level
