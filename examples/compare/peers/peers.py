"""The side of the peers that Python reaches in `make compare`: numpy, ONNX Runtime, AQLM, and for k-means faiss,
flash1dkmeans and scikit-learn. It answers the requests of compare.py, one a line of words on stdin, with one line
on stdout; see README.md. Packages are imported when they are first needed: one that is missing costs its own rows.
"""

import importlib.util
import os
import sys
import time
import types

import numpy as np

SLOT = 2e6  # nanoseconds of a turn of a hot measurement


def measure(turn, calls, ms):
    """Return the best and the median time of a call in nanoseconds; turn() makes so many calls."""

    def timed(times):
        start = time.perf_counter_ns()
        for _ in range(times):
            turn()
        return (time.perf_counter_ns() - start) / times / calls

    timed(1)
    times = max(1, int(SLOT / calls / timed(1)))
    took = []
    start = time.perf_counter_ns()
    while len(took) < 3 or time.perf_counter_ns() - start < ms * 1e6:
        took.append(timed(times))
    return min(took), float(np.median(took))


def copies_for(least, size):
    return max(1, int(least // size) + 1) if least else 1


class Dense:
    """numpy on its OpenBLAS."""

    def __init__(self, _):
        pass

    def bits(self, _):
        return 32

    def error(self, w):
        return 0.0, 32 * w.size

    def time(self, w, given, x, ms, least):
        n = copies_for(least, w.nbytes)
        copies = [w] + [w.copy() for _ in range(n - 1)]
        if len(x) == 1:
            y = np.empty((1, len(w)), np.float32)

            def turn():
                for c in copies:
                    np.dot(c, x[0], out=y[0])
        else:
            y = np.empty((len(x), len(w)), np.float32)

            def turn():
                for c in copies:
                    np.dot(x, c.T, out=y)

        return *measure(turn, n, ms), w.nbytes, n, y


class Onnx:
    """A model of ONNX Runtime with one MatMul for each copy, all of the same input."""

    def __init__(self, name):
        self.name = name

    def session(self, w, least, batch):
        import onnxruntime
        from onnx import TensorProto, helper, numpy_helper

        tensors, op, attributes = self.weights(w)
        size = sum(t.nbytes for t in tensors)
        n = copies_for(least, size)
        nodes, initializers, outputs = [], [], []
        for i in range(n):
            names = []
            for j, t in enumerate(tensors):
                names.append(f"w{i}_{j}" if t.size else "")
                if t.size:
                    # Shifted, or a copy might be found to be one and kept once.
                    initializers.append(numpy_helper.from_array(np.roll(t, 64 * i), names[-1]))
            domain = "" if op == "MatMul" else "com.microsoft"
            nodes.append(helper.make_node(op, ["x", *names], [f"y{i}"], domain=domain, **attributes))
            outputs.append(helper.make_tensor_value_info(f"y{i}", TensorProto.FLOAT, [batch, len(w)]))
        graph = helper.make_graph(
            nodes, "compare", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, w.shape[1]])], outputs, initializers
        )
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        del initializers
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        raw = model.SerializeToString()
        del model, graph
        return onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"]), size, n

    def weights(self, w):
        """Return the constant inputs, the operator and its attributes."""
        if self.name in ("float32", "empty"):
            return [np.ascontiguousarray(w.T)], "MatMul", {}
        if self.name == "int8":
            q, scale = self.int8(w)
            return [np.ascontiguousarray(q.T), scale], "DynamicQuantizeMatMul", {}
        bits, block, symmetric = self.how()
        packed, scales, zeros = self.pack(w)
        attributes = {"K": w.shape[1], "N": len(w), "bits": bits, "block_size": block, "accuracy_level": 4}
        return [packed, scales] + ([] if symmetric else [zeros]), "MatMulNBits", attributes

    def how(self):
        """nbits-BITS-BLOCK, and -zeros for one with zero points."""
        parts = self.name.split("-")
        return int(parts[1]), int(parts[2]), len(parts) == 3

    def int8(self, w):
        scale = np.abs(w).max(axis=1) / np.float32(127)
        scale[scale == 0] = 1
        return np.rint(w / scale[:, None]).astype(np.int8), scale

    def pack(self, w):
        from onnxruntime.capi import _pybind_state as state

        bits, block, symmetric = self.how()
        rows, cols = w.shape
        blocks = cols // block
        packed = np.zeros((rows, blocks, block * bits // 8), np.uint8)
        scales = np.zeros((rows, blocks), np.float32)
        zeros = np.zeros((rows, -(-blocks * bits // 8)), np.uint8)
        quantize = getattr(state, f"quantize_matmul_{bits}bits")
        quantize(packed, np.ascontiguousarray(w.T), scales, zeros, block, rows, cols, symmetric)
        return packed, scales, zeros

    def bits(self, w):
        if self.name == "float32":
            return 32
        return 8 * sum(t.nbytes for t in self.weights(w[:256])[0]) / w[:256].size

    def error(self, w):
        if self.name == "float32":
            return 0.0, 32 * w.size
        if self.name == "int8":
            q, scale = self.int8(w)
            back = q * scale[:, None]
        else:
            bits, block, symmetric = self.how()
            packed, scales, zeros = self.pack(w)
            unpack = lambda a: np.stack([a >> s & (1 << bits) - 1 for s in range(0, 8, bits)], -1).reshape(len(a), -1)
            zero = 1 << bits - 1 if symmetric else np.repeat(unpack(zeros)[:, : scales.shape[1]].astype(np.float32), block, 1)
            back = (unpack(packed.reshape(len(w), -1)).astype(np.float32) - zero) * np.repeat(scales, block, 1)
        return float(((back.astype(np.float64) - w) ** 2).sum()), 8 * sum(t.nbytes for t in self.weights(w)[0])

    def time(self, w, given, x, ms, least):
        import onnxruntime

        if self.name == "empty":  # what a call costs
            w = w[:1]
        session, size, n = self.session(w, least, len(x))
        binding = session.io_binding()
        value = onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(x))
        binding.bind_ortvalue_input("x", value)
        ys = [onnxruntime.OrtValue.ortvalue_from_numpy(np.empty((len(x), len(w)), np.float32)) for _ in range(n)]
        for i, y in enumerate(ys):
            binding.bind_ortvalue_output(f"y{i}", y)
        best, median = measure(lambda: session.run_with_iobinding(binding), n, ms)
        return best, median, size, n, ys[0].numpy().copy()


class Aqlm:
    """The CPU kernel of AQLM, one codebook of 256 centroids for groups of 8, out of its package. The module names
    torch in type hints and around the kernel; a stand-in of numpy arrays lets it make the kernel as it is."""

    def __init__(self, _):
        self.fitted = None

    def fit(self, w):
        """AQLM's own way to choose codes needs torch and data: these are of plain k-means, which is as fast."""
        import faiss

        scales = np.sqrt((w**2).mean(axis=1, keepdims=True))
        points = (w / scales).reshape(-1, 8)
        k = faiss.Kmeans(8, 256, niter=10, max_points_per_centroid=1 << 30, seed=1)
        k.train(points)
        codebook = k.centroids.astype(np.float16).astype(np.float32)
        faiss_index = faiss.IndexFlatL2(8)
        faiss_index.add(codebook)
        codes = faiss_index.search(points, 1)[1].astype(np.uint8).reshape(len(w), -1)
        return codes, codebook, scales

    def kernel(self, codes, codebook, scales, x):
        class Tensor:
            def __init__(self, a):
                self.a = a
                self.shape, self.ndim, self.dtype, self.device = a.shape, a.ndim, a.dtype, None

            def reshape(self, *shape):
                return Tensor(self.a.reshape(*shape))

            def view(self, dtype):
                return Tensor(self.a.view(dtype))

            def numpy(self):
                return self.a

            def __getitem__(self, i):
                return Tensor(self.a[i])

            def __setitem__(self, i, v):
                self.a[i] = v.a

        if "torch" not in sys.modules:
            torch = types.ModuleType("torch")
            torch.Tensor = torch.IntTensor = Tensor
            torch.float32, torch.int8, torch.uint8 = np.dtype(np.float32), np.dtype(np.int8), np.dtype(np.uint8)
            torch.empty = lambda *shape, device, dtype: Tensor(np.empty(shape, dtype))
            torch.as_tensor = Tensor
            sys.modules["torch"] = torch
        spec = importlib.util.spec_from_file_location("aqlm_numba_kernel", os.environ["COMPARE_AQLM"])
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.numba_gemm_lut(
            Tensor(x[:1]), Tensor(codes.view(np.int8)), Tensor(codebook.reshape(1, 256, 1, 8)), Tensor(scales.reshape(-1, 1, 1, 1)), None
        )
        (compiled,) = module.COMPILED_KERNELS.values()
        return compiled

    def bits(self, w):
        return 1 + 16 / w.shape[1] + 16 * 2048 / w.size

    def error(self, w):
        codes, codebook, scales = self.fit(w)
        back = codebook[codes].reshape(w.shape) * scales
        return float(((back.astype(np.float64) - w) ** 2).sum()), round(self.bits(w) * w.size)

    def time(self, w, given, x, ms, least):
        if not self.fitted:
            codes, codebook, scales = self.fit(w[:given])
            times = len(w) // given
            codes = np.ascontiguousarray(np.tile(codes, (times, 1)).T[:, :, None])  # [groups, rows, codebooks]
            scales = np.tile(scales, (times, 1)).reshape(-1, 1, 1, 1)
            self.fitted = codes, codebook.reshape(1, 256, 1, 8), scales, self.kernel(codes, codebook, scales, x)
        codes, books, scales, run = self.fitted
        size = codes.nbytes + books.nbytes + scales.nbytes
        n = copies_for(least, size)
        copies = [(books.copy(), codes.copy(), scales.copy()) for _ in range(n)]
        y = np.empty((len(x), len(w)), np.float32)

        def turn():
            for c in copies:
                for i, v in enumerate(x):
                    y[i] = run(v, *c)

        return *measure(turn, n, ms), size, n, y


KINDS = {"numpy": Dense, "onnxruntime": Onnx, "aqlm": Aqlm}


def cluster(program, points, d):
    """Cluster points to 256 centroids of width d; return them with the seconds that it took."""
    x = points.reshape(-1, d)
    if program.startswith("faiss"):
        import faiss

        faiss.omp_set_num_threads(1)
        p = faiss.ClusteringParameters()
        p.niter, p.seed, p.max_points_per_centroid = 25, 1, 1 << 30
        if program == "faiss":
            p.init_method = faiss.ClusteringInitMethod_AFK_MC2
        elif program == "faiss-super":
            p.use_super_kmeans = True
        start = time.perf_counter()
        c = faiss.Clustering(d, 256, p)
        c.train(x, faiss.IndexFlatL2(d))
        seconds = time.perf_counter() - start
        return faiss.vector_to_array(c.centroids), seconds
    if program == "flash1dkmeans":
        import flash1dkmeans

        flash1dkmeans.kmeans_1d(points[:4096], 256, random_state=1)  # compiles
        start = time.perf_counter()
        centroids = flash1dkmeans.kmeans_1d(points, 256, random_state=1)[0]
        return centroids, time.perf_counter() - start
    if program == "sklearn":
        import sklearn.cluster

        start = time.perf_counter()
        k = sklearn.cluster.KMeans(256, n_init=1, max_iter=25, tol=0, random_state=1).fit(x)
        return k.cluster_centers_, time.perf_counter() - start
    raise ValueError(f"no program {program}")


def judge(points, d, centroids):
    """Return squared error over squared norm of the points, in float64, whoever found the centroids."""
    x = points.reshape(-1, d).astype(np.float64)
    c = centroids.reshape(-1, d).astype(np.float64)
    total = 0.0
    if d == 1:
        c = np.sort(c[:, 0])
        at = np.searchsorted((c[1:] + c[:-1]) / 2, x[:, 0])
        total = ((x[:, 0] - c[at]) ** 2).sum()
    else:
        half = (c**2).sum(axis=1) / 2
        for lo in range(0, len(x), 1 << 16):
            part = x[lo : lo + (1 << 16)]
            at = np.argmin(half - part @ c.T, axis=1)
            total += ((part - c[at]) ** 2).sum()
    return total / (x**2).sum()


class Side:
    def __init__(self):
        self.rows = {}

    def row(self, name):
        if name not in self.rows:
            kind, _, variant = name.partition("/")
            self.rows[name] = KINDS[kind](variant)
        return self.rows[name]

    def answer(self, word, *args):
        if word == "load":
            rows, cols = int(args[0]), int(args[1])
            w = np.fromfile(args[2], np.float32).reshape(-1, cols)
            self.rows, self.given = {}, len(w)
            self.w = np.ascontiguousarray(np.tile(w, (rows // len(w), 1)))
            self.x = np.fromfile(args[3], np.float32).reshape(-1, cols)
            return []
        if word == "row":
            return [self.row(args[0]).bits(self.w), "-", "-"]
        if word == "time":
            name, regime, ms, least = args
            x = self.x if regime == "batch" else self.x[:1]
            *found, self.y = self.row(name).time(self.w, self.given, x, float(ms), float(least) if regime == "cold" else 0)
            return found
        if word == "output":
            self.y.astype(np.float32).tofile(args[0])
            return []
        if word == "error":
            name, file, rows, cols = args
            w = np.fromfile(file, np.float32).reshape(int(rows), int(cols))
            noise, bits = self.row(name).error(w)
            return [noise, float((w.astype(np.float64) ** 2).sum()), bits]
        if word == "bandwidth":
            src = np.ones(int(args[0]) // 4, np.float32)
            dst = np.ones_like(src)
            return [2 * src.nbytes / measure(lambda: np.copyto(dst, src), 1, 300)[0]]  # read and written
        if word == "kmeans":
            program, file, d, to = args
            centroids, seconds = cluster(program, np.fromfile(file, np.float32), int(d))
            np.asarray(centroids, np.float32).tofile(to)
            return [seconds, "-"]
        if word == "judge":
            file, d, centroids = args
            return [judge(np.fromfile(file, np.float32), int(d), np.fromfile(centroids, np.float32))]
        raise ValueError(f"no request {word}")


def main():
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what packages print must not be taken for an answer
    side = Side()
    for line in sys.stdin:
        try:
            print("ok", *side.answer(*line.split()), file=out, flush=True)
        except Exception as e:  # a row that fails is a line of the report
            print("error", type(e).__name__ + ":", " ".join(str(e).split())[:300], file=out, flush=True)


if __name__ == "__main__":
    main()
