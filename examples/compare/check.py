"""Tests of what the comparison is made with; run.sh runs them first. Each function is a test."""

import contextlib
import io
import pickle
import tempfile
import zipfile
from pathlib import Path

import numpy as np

import answers
import compare
import inputs
import models
import networks


def report_keeps_its_other_parts():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.md"
        for part, text in (
            ("size", "\nsmall\n"),
            ("speed", "fast\n"),
            ("answers", "\nright\n"),
            ("size", "\nsmaller\n"),
        ):
            with contextlib.redirect_stderr(io.StringIO()):
                compare.put(path, part, text)
        assert (
            path.read_text() == "fast\n\n## Size\n\nsmaller\n\n## Answers\n\nright\n"
        ), path.read_text()


def edits_are_counted():
    assert models.edits("kitten", "sitting") == 3
    assert (
        models.edits("", "abc") == 3
        and models.edits("abc", "") == 3
        and models.edits("abc", "abc") == 0
    )
    assert models.edit_rate(["abcd", "ef"], ["abcd", "e"]) == 1 / 6


def warping_finds_a_delayed_copy():
    rows = np.random.default_rng(1).standard_normal((30, 4))
    assert models.warped(rows, np.repeat(rows, 2, axis=0)) == 0
    assert models.warped(rows, rows[::-1]) > 0.5


def resampling_keeps_a_tone():
    def tone(rate):
        return np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)

    for rate, to in ((22050, 16000), (16000, 8000)):
        assert np.abs(inputs.resample(tone(rate), rate, to) - tone(to)).max() < 1e-3


def weights_of_a_network_are_found_and_put_back():
    from onnx import TensorProto, helper, numpy_helper

    def inner(
        name,
    ):  # a constant within a branch, which reaches its product through a transposition
        w = helper.make_node(
            "Constant",
            [],
            [name + "w"],
            value=numpy_helper.from_array(np.eye(2, dtype=np.float32) * 3),
        )
        steps = [
            w,
            helper.make_node("Transpose", [name + "w"], [name + "t"]),
            helper.make_node("MatMul", ["h", name + "t"], [name]),
        ]
        return helper.make_graph(
            steps, name, [], [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2])]
        )

    nodes = [
        helper.make_node("MatMul", ["x", "product"], ["p"]),
        helper.make_node("Add", ["p", "shift"], ["h"]),
        helper.make_node(
            "If", ["yes"], ["y"], then_branch=inner("then"), else_branch=inner("else")
        ),
    ]
    constants = {"product": np.eye(2), "shift": np.ones((1, 2))}
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(c.astype(np.float32), name) for name, c in constants.items()]
        + [numpy_helper.from_array(np.array(True), "yes")],
    )
    network = networks.Network(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    )
    assert set(network.weights) == {"product", "thenw", "elsew"}, set(network.weights)

    def ask(weights):
        return network.session(weights).run(None, {"x": np.array([[1, 2]], np.float32)})[0].tolist()

    assert ask(network.weights) == [[6, 9]]
    assert ask({**network.weights, "product": 2 * np.eye(2, dtype=np.float32)}) == [[9, 15]]


def checkpoints_run_nothing():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bad.pth"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(io.BytesIO))
        try:
            networks.checkpoint(path)
        except compare.Failed as e:
            assert "BytesIO" in str(e)
        else:
            raise AssertionError("a function that no checkpoint needs was taken")


def worse_is_told_in_the_digits_shown():
    more, less = models.Measure("", "more", None), models.Measure("", "less", None)
    assert answers.worse(more, 0.5, 0.6) and not answers.worse(less, 0.5, 0.6)
    assert not answers.worse(more, 0.99991, 0.99994) and answers.worse(more, None, 0)
    assert not answers.worse(more, 0, None) and not answers.worse(more, None, None)
    assert answers.worse(more, float("nan"), 0.1) and answers.worse(less, float("nan"), 0.1)


def main():
    tests = [
        f
        for name, f in globals().items()
        if callable(f) and f.__module__ == "__main__" and name != "main"
    ]
    for test in tests:
        try:
            test()
        except ImportError as e:  # a peer that could not be installed costs its own rows only
            compare.say(f"check: {test.__name__} has not run: {e}")


if __name__ == "__main__":
    main()
