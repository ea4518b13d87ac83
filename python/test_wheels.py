"""Holds the wheels of a folder against what they should be: python test_wheels.py FOLDER"""

import base64
import csv
import hashlib
import io
import struct
import sys
import unittest
import zipfile
from pathlib import Path

FOLDER = Path(sys.argv.pop(1))
PLATFORMS = [
    "macosx_12_0_arm64",
    "macosx_12_0_x86_64",
    "manylinux2014_aarch64",
    "manylinux2014_x86_64",
    "win_amd64",
    "win_arm64",
]


def elf(program):
    """The machine of a Linux program, and whether it asks for a dynamic linker."""
    assert program[:6] == b"\x7fELF\x02\x01"
    start, size, count = struct.unpack_from("<Q14xHH", program, 32)
    kinds = [struct.unpack_from("<I", program, start + i * size)[0] for i in range(count)]
    return {62: "x86_64", 183: "aarch64"}[struct.unpack_from("<H", program, 18)[0]], 3 in kinds


def mach(program):
    """The machine of a macOS program, and the system that it needs."""
    magic, machine, _, _, count = struct.unpack_from("<5I", program)
    assert magic == 0xFEEDFACF
    at = 32
    for _ in range(count):
        command, size, _, system = struct.unpack_from("<4I", program, at)
        if command == 0x32:  # LC_BUILD_VERSION
            return {0x1000007: "x86_64", 0x100000C: "arm64"}[
                machine
            ], f"{system >> 16}_{system >> 8 & 255}"
        at += size


def pe(program):
    """The machine of a Windows program."""
    at = struct.unpack_from("<I", program, 60)[0]
    assert program[:2] == b"MZ" and program[at : at + 4] == b"PE\0\0"
    return {0x8664: "amd64", 0xAA64: "arm64"}[struct.unpack_from("<H", program, at + 4)[0]]


class Wheels(unittest.TestCase):
    def test_every_platform_has_one(self):
        found = [
            path.name.removesuffix(".whl").split("-")[-1].split(".")[0]
            for path in sorted(FOLDER.iterdir())
        ]
        self.assertEqual(found, PLATFORMS)

    def test_content(self):
        for path in sorted(FOLDER.iterdir()):
            with self.subTest(path.name), zipfile.ZipFile(path) as wheel:
                self.check(path, wheel)

    def check(self, path, wheel):
        name, version, python, abi, platforms = path.stem.split("-")
        self.assertEqual((name, python, abi), ("palettize", "py3", "none"))
        windows, info = platforms.startswith("win"), f"palettize-{version}.dist-info/"
        program = f"palettize-{version}.data/scripts/palettize" + ".exe" * windows
        self.assertEqual(
            wheel.namelist(),
            [
                *(
                    "palettize/" + n
                    for n in ("__init__.py", "__main__.py", "_program.py", "py.typed", "torch.py")
                ),
                program,
                *(
                    info + n
                    for n in (
                        "licenses/LICENSE",
                        "licenses/LICENSES.txt",
                        "METADATA",
                        "WHEEL",
                        "RECORD",
                    )
                ),
            ],
        )
        rows = list(csv.reader(io.StringIO(wheel.read(info + "RECORD").decode())))
        self.assertEqual([row[0] for row in rows], wheel.namelist())
        self.assertEqual(rows.pop(), [info + "RECORD", "", ""])
        for name, digest, size in rows:
            content = wheel.read(name)
            sha256 = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
            self.assertEqual((digest, int(size)), ("sha256=" + sha256, len(content)), name)
        for entry in wheel.infolist():
            self.assertEqual(
                oct(entry.external_attr >> 16),
                oct(0o100755 if entry.filename == program else 0o100644),
                entry.filename,
            )
            self.assertEqual(entry.date_time, (1980, 1, 1, 0, 0, 0))
        fields = wheel.read(info + "WHEEL").decode().splitlines()
        self.assertIn("Root-Is-Purelib: false", fields)
        self.assertEqual(
            [f for f in fields if f.startswith("Tag")],
            [f"Tag: py3-none-{p}" for p in platforms.split(".")],
        )
        fields = wheel.read(info + "METADATA").decode().splitlines()
        for line in (
            "Name: palettize",
            f"Version: {version}",
            "Requires-Dist: numpy>=1.24",
            "License-File: LICENSES.txt",
        ):
            self.assertIn(line, fields)
        self.assertIn("spf13/cobra", wheel.read(info + "licenses/LICENSES.txt").decode())
        self.machine(platforms, wheel.read(program))

    def machine(self, platforms, program):
        if platforms.startswith("win"):
            self.assertEqual(platforms, "win_" + pe(program))
        elif platforms.startswith("macosx"):
            machine, system = mach(program)
            self.assertEqual(platforms, f"macosx_{system}_{machine}")
        else:
            machine, dynamic = elf(program)
            self.assertFalse(dynamic)  # so that musl's systems run it as glibc's do
            want = f"manylinux2014_{machine}.manylinux_2_17_{machine}.musllinux_1_1_{machine}"
            self.assertEqual(platforms, want)


if __name__ == "__main__":
    unittest.main()
