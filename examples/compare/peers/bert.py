"""all-MiniLM-L6-v2 in ONNX Runtime: a peer of examples/encoder, a process of its own so that its memory can be told.

    bert.py make MODEL.safetensors FLOAT.onnx INT8.onnx    the graph, and the same quantised by quantize_dynamic
    bert.py run GRAPH.onnx    answers requests TOKENS BATCH SECONDS, a line each, on one thread, with the least time for a
                              text of so many tokens, so many of them at a time, within so many seconds
"""

import os
import sys
import time

import numpy as np

LAYERS, HEADS, WIDTH = 6, 12, 384


def graph(weights):
    """The model from token numbers [batch, tokens] to unit vectors [batch, WIDTH]. All texts are of one length: there is
    no mask."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants = [], {}

    def constant(name, value):
        constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def op(kind, *inputs, name=None, **attributes):
        name = name or f"{kind}.{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def linear(name, x):
        product = op("MatMul", x, constant(name + ".weight", weights[name + ".weight"].T))
        return op("Add", product, constant(name + ".bias", weights[name + ".bias"]))

    def norm(name, x):
        gain, bias = (constant(f"{name}.{part}", weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        return op("LayerNormalization", x, gain, bias, axis=-1, epsilon=1e-12)

    def heads(x, order):
        return op("Transpose", op("Reshape", x, split), perm=order)

    split = constant("split", np.array([0, 0, HEADS, WIDTH // HEADS]))
    join = constant("join", np.array([0, 0, WIDTH]))
    scale = constant("scale", np.float32((WIDTH // HEADS) ** -0.5))
    words = op("Gather", constant("words", weights["embeddings.word_embeddings.weight"]), "tokens")
    tokens = op("Slice", op("Shape", "tokens"), constant("1", np.array([1])), constant("2", np.array([2])))
    places = constant("places", weights["embeddings.position_embeddings.weight"]
                      + weights["embeddings.token_type_embeddings.weight"][0])
    x = op("Add", words, op("Slice", places, constant("0", np.array([0])), tokens))
    x = norm("embeddings.LayerNorm", x)
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}."
        q, k, v = (linear(f"{at}attention.self.{part}", x) for part in ("query", "key", "value"))
        scores = op("MatMul", heads(q, [0, 2, 1, 3]), heads(k, [0, 2, 3, 1]))
        shares = op("Softmax", op("Mul", scores, scale), axis=-1)
        mixed = op("Transpose", op("MatMul", shares, heads(v, [0, 2, 1, 3])), perm=[0, 2, 1, 3])
        out = linear(at + "attention.output.dense", op("Reshape", mixed, join))
        x = norm(at + "attention.output.LayerNorm", op("Add", x, out))
        inner = op("Gelu", linear(at + "intermediate.dense", x))
        x = norm(at + "output.LayerNorm", op("Add", x, linear(at + "output.dense", inner)))
    mean = op("ReduceMean", x, "1", keepdims=0)
    op("LpNormalization", mean, name="vectors", axis=-1, p=2)
    return helper.make_model(
        helper.make_graph(
            nodes, "bert",
            [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch", "tokens"])],
            [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", WIDTH])],
            list(constants.values()),
        ),
        opset_imports=[helper.make_opsetid("", 20)], ir_version=10,
    )


def make(model, plain, int8):
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from safetensors.numpy import load_file

    onnx.save(graph(load_file(model)), plain)
    # Signed weights, a scale for each column: what its documentation recommends for accuracy.
    quantize_dynamic(plain, int8, weight_type=QuantType.QInt8, per_channel=True)


def texts(tokens, batch):
    """Token numbers as BenchmarkModel of examples/transformer has them."""
    i, j = np.ogrid[:batch, :tokens]
    return 1000 + (i * 7919 + j * 104729) % 20000


def run(path):
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    for request in sys.stdin:
        tokens, batch, seconds = request.split()
        given = {"tokens": texts(int(tokens), int(batch))}
        session.run(None, given)
        rounds, best, end = 0, float("inf"), time.perf_counter() + float(seconds)
        while time.perf_counter() < end:
            start = time.perf_counter()
            session.run(None, given)
            best, rounds = min(best, time.perf_counter() - start), rounds + 1
        print("ok", best / int(batch), rounds, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    {"make": make, "run": run}[sys.argv[1]](*sys.argv[2:])
