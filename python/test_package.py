"""Tests of the installed package, in a folder with model.safetensors, of examples/mkmodel, and
dtypes.safetensors, of examples/python/dtypes.py: python test_package.py [--torch]
"""

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import warnings
from importlib.metadata import metadata
from pathlib import Path
from unittest import mock

import numpy as np
import palettize
from palettize import _program

POSIX = os.name == "posix"
LAYER = "encoder.layer.0.output.dense.weight"


def setUpModule():
    warnings.simplefilter("error")
    for name in ("model", "dtypes"):
        palettize.compress(name + ".safetensors")
        subprocess.run(
            [palettize.program(), "decompress", name + ".pal"],
            check=True,
            stdout=subprocess.DEVNULL,
        )


def dense(path):
    """The dtype, the shape and the bytes of each tensor of a safetensors file."""
    data = Path(path).read_bytes()
    n = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:n])
    header.pop("__metadata__", None)
    return {
        name: (t["dtype"], t["shape"], data[n:][slice(*t["data_offsets"])])
        for name, t in header.items()
    }


def small_float(code, exponent_bits, infinities):
    """The value of an 8-bit float."""
    fraction_bits = 7 - exponent_bits
    exponent, fraction = (
        code >> fraction_bits & (1 << exponent_bits) - 1,
        code & (1 << fraction_bits) - 1,
    )
    sign, bias = -1.0 if code & 128 else 1.0, (1 << exponent_bits - 1) - 1
    if exponent == (1 << exponent_bits) - 1 and (
        infinities or fraction == (1 << fraction_bits) - 1
    ):
        return sign * np.inf if infinities and fraction == 0 else np.nan
    if exponent == 0:
        return sign * fraction * 2.0 ** (1 - bias - fraction_bits)
    return sign * (1 + fraction / (1 << fraction_bits)) * 2.0 ** (exponent - bias)


class Load(unittest.TestCase):
    def test_arrays_are_what_decompress_writes(self):
        for name in ("model", "dtypes"):
            want, got = dense(f"dense-{name}.safetensors"), palettize.load_file(name + ".pal")
            self.assertEqual(want.keys(), got.keys())
            for tensor, (dtype, shape, data) in want.items():
                self.assertEqual(got[tensor].tobytes(), data, tensor)
                if not dtype.startswith(("F4", "F6_")):
                    self.assertEqual(list(got[tensor].shape), shape, tensor)
                self.assertTrue(got[tensor].flags.writeable)
        kinds = {a.dtype.name for a in got.values()}
        self.assertLessEqual(
            {"bfloat16", "float8_e4m3fn", "float8_e5m2", "float64", "complex64", "bool", "uint16"},
            kinds,
        )

    def test_arrays_without_ml_dtypes(self):
        palettize._type.cache_clear()
        self.addCleanup(palettize._type.cache_clear)
        with mock.patch.dict(sys.modules, ml_dtypes=None):
            got = palettize.load_file("dtypes.pal")
        seen = set()
        for tensor, (dtype, shape, data) in dense("dense-dtypes.safetensors").items():
            array, codes = got[tensor], np.frombuffer(data, np.uint8)
            if dtype == "BF16":
                values = np.array(
                    [
                        int.from_bytes(data[i : i + 2], "little") << 16
                        for i in range(0, len(data), 2)
                    ],
                    np.uint32,
                ).view(np.float32)
            elif dtype in ("F8_E4M3", "F8_E5M2"):
                table = [
                    small_float(code, int(dtype[4]), dtype == "F8_E5M2") for code in range(256)
                ]
                values = np.array(table, np.float32)[codes]
            elif dtype.startswith(("F8_", "F6_", "F4")):
                values, shape = codes, [len(codes)]
            else:
                continue
            seen.add(dtype)
            self.assertEqual((array.dtype, list(array.shape)), (values.dtype, shape), tensor)
            np.testing.assert_array_equal(array.reshape(-1), values, tensor)
        self.assertLessEqual({"BF16", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F4"}, seen)

    def test_names_and_patterns(self):
        everything = palettize.load_file("model.pal")
        self.assertEqual([name for name, _ in palettize.load("model.pal")], list(everything))
        self.assertEqual([name for name, _ in palettize.load("model.pal", LAYER)], [LAYER])
        some = dict(palettize.load(Path("model.pal"), ["encoder.layer.1.*", "logit_scale"]))
        self.assertEqual(
            some.keys(),
            {n for n in everything if n.startswith("encoder.layer.1.") or n == "logit_scale"},
        )
        for name, array in some.items():
            self.assertEqual(array.tobytes(), everything[name].tobytes())
        self.assertEqual(dict(palettize.load("model.pal", [])), {})
        many = ["logit_scale", *[LAYER] * 900]  # more than one command line has
        self.assertGreater(len(list(palettize._batches(many))), 1)
        self.assertEqual(
            {name for name, _ in palettize.load("model.pal", many)}, {LAYER, "logit_scale"}
        )

    def test_folders(self):
        Path("several").mkdir()
        os.link("model.safetensors", "several/model.safetensors")
        report = palettize.compress("several", shard_size="100KB")
        index = Path(report["out"]) / "model.pal.index.json"
        want = palettize.load_file("model.pal")
        for path in (report["out"], index):
            got = palettize.load_file(path)
            self.assertEqual(got.keys(), want.keys())
            for name, array in want.items():
                self.assertEqual(got[name].tobytes(), array.tobytes(), name)

    def test_stopping_early_ends_the_program(self):
        tensors = palettize.load("model.pal")
        next(tensors)
        tensors.close()
        if POSIX:
            with self.assertRaises(ChildProcessError):
                os.waitpid(-1, os.WNOHANG)

    def test_program_that_dies(self):
        with _program.Stream("model.pal") as stream:
            stream.process.kill()
            with self.assertRaises(palettize.Error) as caught:
                list(stream)
        if POSIX:
            self.assertEqual(str(caught.exception), "palettize decompress was killed by signal 9")

    @unittest.skipUnless(POSIX, "Windows has no process groups")
    def test_interrupted(self):
        code = (
            "import palettize, signal, time\n"
            # which is ignored where a shell has started the tests in the background
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "for name, _ in palettize.load('model.pal'): print(name, flush=True); time.sleep(60)"
        )
        with tempfile.TemporaryFile() as errors:
            child = subprocess.Popen(
                [sys.executable, "-c", code],
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
            self.addCleanup(child.stdout.close)
            child.stdout.readline()
            os.kill(child.pid, signal.SIGINT)  # as a notebook does; Ctrl-C goes to the program too
            child.wait(30)
            errors.seek(0)
            self.assertTrue(errors.read().strip().endswith(b"KeyboardInterrupt"))
        with self.assertRaises(ProcessLookupError):
            os.killpg(child.pid, 0)

    def test_two_at_a_time(self):
        found = []
        threads = [
            threading.Thread(target=lambda: found.append(palettize.load_file("model.pal")))
            for _ in range(4)
        ]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(len(found), 4)
        for name, array in found[0].items():
            self.assertEqual({a[name].tobytes() for a in found}, {array.tobytes()})


class Save(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=".")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_compress_returns_the_report(self):
        out = self.folder / "out.pal"
        report = palettize.compress(
            "model.safetensors", out, bits=3, include=["encoder.*", "classifier*"], seed=7
        )
        total = report["total"]
        self.assertEqual(total["bytes_out"], out.stat().st_size)
        self.assertAlmostEqual(total["bits_stored"], 3, delta=0.2)
        inside = palettize.run("inspect", out)
        self.assertEqual(inside["size"], total["bytes_out"])
        self.assertEqual(inside["codebook"]["settings"]["seed"], 7)

    def test_saved_arrays_come_back(self):
        rng, out = np.random.default_rng(3), self.folder / "out.pal"
        tensors = {
            "matrix": rng.standard_normal((96, 200)).astype(np.float32),
            "transposed": rng.standard_normal((200, 96)).astype(np.float16).T,
            "big endian": rng.standard_normal((64, 128)).astype(">f4"),
            "steps": np.arange(7)[::2],
            "scalar": np.array(2.5),
            "none": np.zeros((0, 3)),
            "mask": np.array([True, False]),
            "list": [1.5, 2.5],
        }  # fmt: skip
        if (brain := palettize._type("BF16")) is not None:
            tensors["brain"] = rng.standard_normal((96, 128)).astype(brain)
        report = palettize.save(tensors, out, {"format": "pt"}, max_error=0.01)
        back = palettize.load_file(out)
        self.assertEqual(back.keys(), tensors.keys())
        for name, array in tensors.items():
            array = np.asarray(array)
            self.assertEqual(
                (back[name].shape, back[name].dtype),
                (array.shape, array.dtype.newbyteorder("=")),
                name,
            )
            wide = array.astype(np.float64)
            self.assertLessEqual(
                np.linalg.norm(back[name].astype(np.float64) - wide),
                0.01 * np.linalg.norm(wide) + 1e-9,
                name,
            )
        self.assertEqual(back["steps"].tolist(), [0, 2, 4, 6])
        self.assertEqual(palettize.run("inspect", out)["metadata"], {"format": "pt"})
        self.assertEqual(report["total"]["bytes_out"], out.stat().st_size)
        self.assertEqual(os.listdir(self.folder), ["out.pal"])

    def test_mistakes_leave_nothing(self):
        out = self.folder / "out.pal"
        matrix = np.ones((64, 64), np.float32)
        with self.assertRaisesRegex(TypeError, "tensor 'names': safetensors files have no <U1"):
            palettize.save({"names": np.array(["a"])}, out)
        with self.assertRaisesRegex(TypeError, "3 is no name of a tensor"):
            palettize.save({3: matrix}, out)
        with self.assertRaisesRegex(FileNotFoundError, "no such folder: .*nowhere"):
            palettize.save({"w": matrix}, self.folder / "nowhere" / "out.pal")
        with self.assertRaisesRegex(palettize.Error, '^tensors: tensor "w": .*NaN'):
            palettize.save({"w": matrix * np.nan}, out)
        with self.assertRaisesRegex(
            palettize.Error, "^unknown flag --bitz; did you mean --bits\\?$"
        ):
            palettize.save({"w": matrix}, out, bitz=3)
        self.assertEqual(os.listdir(self.folder), [])

    def test_program_of_the_description(self):
        description = metadata("palettize").get_payload()
        program = description.split("```python\n")[1].split("```")[0]
        shutil.copy("model.safetensors", self.folder)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(program, {})
        self.assertIn(f"{LAYER} (128, 256) float16\n", printed.getvalue())
        self.assertEqual(sorted(os.listdir()), ["again.pal", "model.pal", "model.safetensors"])

    def test_warnings(self):
        said = "nothing in it is compressed: all 1 tensors of tensors passed through$"
        with self.assertWarnsRegex(UserWarning, said) as caught:
            palettize.save({"bias": np.ones(3)}, self.folder / "out.pal")
        self.assertEqual(caught.filename, __file__)
        with self.assertWarnsRegex(UserWarning, "nothing in it is compressed") as caught:
            palettize.compress("model.safetensors", self.folder / "none.pal", exclude="*")
        self.assertEqual(caught.filename, __file__)


class Program(unittest.TestCase):
    def fails(self, message, call, *args, code=1, **flags):
        with self.assertRaisesRegex(palettize.Error, message) as caught:
            call(*args, **flags)
        self.assertEqual(caught.exception.code, code)
        self.assertNotIn("\n", str(caught.exception))

    def test_errors_are_those_of_the_program(self):
        self.fails(
            "^mdoel.pal: no such file or directory; did you mean model.pal\\?$",
            palettize.load_file,
            "mdoel.pal",
        )
        self.fails(
            "^model.safetensors: is an ordinary safetensors file, not a codebook file",
            palettize.load_file,
            "model.safetensors",
        )
        self.fails(
            "did you mean " + LAYER,
            dict,
            palettize.load("model.pal", [LAYER.replace("dense", "dnese")]),
        )
        self.fails(
            "^model.pal: exists already; --force overwrites it$",
            palettize.compress,
            "model.safetensors",
        )
        self.fails(
            "^gate missed: ",
            palettize.run,
            "verify",
            "model.pal",
            "model.safetensors",
            max_error=1e-5,
            code=3,
        )
        self.fails(
            '^unknown scheme "palette": there are trellis',
            palettize.run,
            "compress",
            "model.safetensors",
            scheme="palette",
            force=True,
            code=2,
        )

    def test_damage_is_an_error(self):
        data = bytearray(Path("model.pal").read_bytes())
        data[-1] ^= 1
        Path("damaged.pal").write_bytes(data)
        self.fails("^damaged.pal: .*checksum", palettize.load_file, "damaged.pal")
        Path("cut.pal").write_bytes(data[:-1])
        self.fails("^cut.pal: ", palettize.load_file, "cut.pal")

    def test_path_that_looks_like_a_flag(self):
        self.fails("^--json: no such file", palettize.load_file, "--json")

    def test_flags(self):
        words = _program._words(
            {
                "for_": "memory",
                "max_error": 0.5,
                "include": ["a", "b"],
                "force": True,
                "quiet": False,
                "out": None,
            }
        )
        self.assertEqual(
            words, ["--for=memory", "--max-error=0.5", "--include=a", "--include=b", "--force"]
        )

    def test_commands(self):
        for words in (["palettize"], [sys.executable, "-m", "palettize"]):
            done = subprocess.run([*words, "version", "--json"], capture_output=True, check=True)
            self.assertEqual(json.loads(done.stdout)["version"], palettize.__version__)
            done = subprocess.run([*words, "nothing"], capture_output=True)
            self.assertEqual(done.returncode, 2)


class Torch(unittest.TestCase):
    """Runs where --torch says that it must."""

    def setUp(self):
        if "--torch" not in ARGS:
            self.skipTest("without --torch")
        import palettize.torch
        import torch

        self.torch, self.load_into = torch, palettize.torch.load_into

    def model(self, rows=128):
        """A module with two tensors of model.pal."""
        nn = self.torch.nn
        module = nn.Module()
        module.encoder = nn.Module()
        module.encoder.layer = nn.ModuleList([nn.Module()])
        module.encoder.layer[0].attention = nn.Module()
        module.encoder.layer[0].attention.query = nn.Linear(rows, rows)
        return module

    def test_tensors_have_the_original_dtypes(self):
        from palettize.torch import _TYPES, load_file

        want, got = dense("dense-dtypes.safetensors"), load_file("dtypes.pal")
        self.assertEqual(want.keys(), got.keys())
        for name, (dtype, shape, data) in want.items():
            if dtype in _TYPES:
                self.assertEqual(
                    (got[name].dtype, list(got[name].shape)),
                    (getattr(self.torch, _TYPES[dtype]), shape),
                    name,
                )
            self.assertEqual(
                got[name].reshape(-1).view(self.torch.uint8).numpy().tobytes(), data, name
            )

    def test_load_into(self):
        name = "encoder.layer.0.attention.query.weight"
        want = palettize.load_file("model.pal")[name]
        module = self.model()
        names = self.load_into(module, "model.pal", strict=False)
        self.assertEqual(module.state_dict()[name].numpy().tobytes(), want.tobytes())
        self.assertEqual(names.missing, [])
        self.assertIn(LAYER, names.unexpected)
        half = self.model().half()
        self.load_into(half, "model.pal", strict=False)
        self.assertEqual(
            half.state_dict()[name].numpy().tobytes(), want.astype(np.float16).tobytes()
        )
        module.tied = module.encoder.layer[0].attention.query
        self.assertEqual(self.load_into(module, "model.pal", strict=False).missing, [])

    def test_mistakes_change_nothing(self):
        for message, module in (
            (
                "the module has none that .*, the file \\S+ and 12 more .*strict=False",
                self.model(),
            ),
            (
                "tensor encoder.layer.0.attention.query.bias is \\[128\\], the module's \\[64\\]",
                self.model(rows=64),
            ),
            ("has no memory yet", self.model().to("meta")),
        ):
            before = {name: t.clone() for name, t in module.state_dict().items()}
            with self.assertRaisesRegex(ValueError, message):
                self.load_into(module, "model.pal", strict="strict" in message)
            for name, t in module.state_dict().items():
                self.assertTrue(t.is_meta or self.torch.equal(t, before[name]))


ARGS = [sys.argv.pop()] if sys.argv[-1] == "--torch" else []

if __name__ == "__main__":
    unittest.main()
