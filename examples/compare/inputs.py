"""What the models of answers.py are asked about: sounds, pictures and texts, made here so that
they are the same anywhere.

Speech is made by the voice in a Python package (models.VOICE), as it comes, from the phonemes
below. Its noise is off: the same phonemes give the same sound.
"""

import bz2
import gzip
import io
import lzma
import tarfile
import wave
import zipfile


import numpy as np

from snippets import SNIPPETS

RATE = 16000

# Everyday sentences in Khmer, which is written without spaces between words.
KHMER = [
    "ខ្ញុំទៅផ្សារជាមួយម្តាយរបស់ខ្ញុំ",
    "ថ្ងៃនេះមេឃភ្លៀងខ្លាំងណាស់",
    "គាត់ធ្វើការនៅភ្នំពេញ",
    "កុមារលេងនៅក្នុងសួនច្បារ",
    "យើងញ៉ាំបាយនៅពេលល្ងាច",
    "សិស្សរៀនភាសាអង់គ្លេសនៅសាលារៀន",
    "ផ្ទះនេះមានបន្ទប់បី",
    "តើអ្នកឈ្មោះអ្វី",
    "ទឹកទន្លេឡើងខ្ពស់នៅរដូវវស្សា",
    "ខ្ញុំចង់ទិញសៀវភៅមួយក្បាល",
    "ឪពុករបស់គាត់ជាគ្រូបង្រៀន",
    "ឡានក្រុងមកដល់ម៉ោងប្រាំពីរព្រឹក",
]

# In the phonemes of espeak-ng for American English, which the voice was trained on.
SPOKEN = [
    "ðə wˈɔːɾɚ wʌz kˈoʊld ænd klˈɪɹ, ænd ðə fˈɪʃ keɪm klˈoʊs.",
    "ʃiː ɹˈɛd ðə lˈɛɾɚ twˈaɪs bᵻfˌoːɹ ʃiː ˈænsɚd.",
    "ɪts ɹˈeɪnɪŋ ɪnðə mˈaʊntɪnz təmˈɔːɹoʊ.",
    "hˌaʊ mˈɛni bˈɑːksᵻz wɪl fˈɪt ɪnðə kˈɑːɹ?",
    "ðə ˈoʊld klˈɑːk stˈɑːpt æt fˈaɪv mˈɪnɪts pˈæst θɹˈiː.",
    "plˈiːz klˈoʊz ðə wˈɪndoʊ wˌɛn juː lˈiːv.",
]

# Lines as scans have them: words, numbers, punctuation.
PRINTED = [
    "The ferry leaves at 7:45 from pier 12",
    "Invoice no. 20931, due in 30 days",
    "Mix flour, sugar and two eggs",
    "Keep out of reach of children",
    "Total: 1,482.50 EUR",
    "Chapter 9: The long way home",
    "Parking for residents only",
    "Call us on 555 0187 after six",
    "Serves four to six people",
    "Handle with care, this side up",
    "Platform 3, coach B, seat 61",
    "Wash at 40 degrees, do not bleach",
    "Open daily except Mondays",
    "She sells seashells by the shore",
    "Batteries are not included",
    "Best before 14/08/2027",
    "Please mind the gap",
    "Quarterly report, page 17 of 58",
    "Jump over the lazy brown dog",
    "Width 84 cm, height 196 cm",
    "Yours faithfully, Martha Quist",
    "Warning: hot surface",
    "One adult and three children",
    "Return this form by Friday",
    "Voltage 230 V, 50 Hz, 1200 W",
    "Turn left at the second bridge",
    "Lost dog, answers to Biscuit",
    "Exit through the gift shop",
    "No refunds without a receipt",
    "Order 66 boxes of size XL",
    "Meeting moved to room 4.21",
    "Twelve zebras quietly vexed Jack",
]

# Words that a dictionary may lack, which is what a model for spelling to sound is for.
SPELLED = """
abstraction acorn afterglow anchovy antelope applecart arcade asterisk backwater badger balcony
bamboo barnacle bewilder bicycle blizzard blueprint boulder breadcrumb brocade buttercup cadence
calendar candlewick cardboard cauliflower cavern chandelier chemistry chimney cinnamon cobblestone
compass copper coriander crescent crumble daffodil dandelion decibel detour diagonal dolphin
doorbell driftwood earthquake eclipse elastic elderberry envelope equator fathom feather fjord
flamingo footprint freckle gadget galaxy gargoyle geranium gherkin giraffe glacier gondola
grapefruit gravel gymnast hammock harbour hazelnut hedgehog hexagon hibiscus honeycomb horizon
hourglass iceberg igloo inkwell isthmus jackdaw jasmine jigsaw juniper kaleidoscope kettle keyhole
kingfisher knapsack labyrinth ladle lantern lavender lemonade lighthouse limestone lizard lullaby
magnolia mandolin marigold marzipan meadow meringue midnight mildew mosaic mulberry mushroom
narwhal nectar nickel nightingale nutmeg oatmeal obelisk octagon orchard origami otter oyster
paddock pamphlet paprika parachute peacock pebble pendulum peninsula pepper pineapple plankton
plateau porridge pudding pumpkin quarry quilt quiver raccoon rainfall raspberry ravine rhubarb
ribbon rucksack saffron sandstone satchel saucer sculpture seahorse shipwreck shoelace silhouette
skeleton snowdrift sparrow spatula squirrel stalactite starfish stencil strawberry sunflower
swallow tadpole tambourine tangerine telescope thermos thimble thunder tortoise trampoline
treadmill trombone truffle tulip tunnel turquoise twilight umbrella vanilla velvet village vinegar
violin walnut waterfall weasel whirlpool whiskers willow windmill woodpecker xylophone yoghurt
zeppelin zucchini
""".split()


def noise(samples, seed):
    return np.random.default_rng(seed).standard_normal(samples).astype(np.float32)


def resample(x, rate, to):
    """x at another rate, band-limited."""
    spectrum, samples = np.fft.rfft(x), round(len(x) * to / rate)
    kept = np.zeros(samples // 2 + 1, complex)
    n = min(len(kept), len(spectrum))
    kept[:n] = spectrum[:n]
    return (np.fft.irfft(kept, samples) * (samples / len(x))).astype(np.float32)


def filtered(x, gain):
    """x with its spectrum weighted by gain(frequencies)."""
    return np.fft.irfft(np.fft.rfft(x) * gain(np.fft.rfftfreq(len(x), 1 / RATE)), len(x)).astype(
        np.float32
    )


def room(x, seconds, seed):
    """x in a room whose echo falls by 60 dB in so many seconds."""
    t = np.arange(int(seconds * RATE)) / RATE
    echo = noise(len(t), seed) * (10 ** (-3 * t / seconds)).astype(np.float32)
    echo /= np.linalg.norm(echo)
    echo[0] = 2
    n = len(x) + len(echo)
    wet = np.fft.irfft(np.fft.rfft(x, n) * np.fft.rfft(echo, n), n)[: len(x)].astype(np.float32)
    return wet * (np.abs(x).max() / np.abs(wet).max())


def with_noise(x, decibels, seed):
    """x and pink noise that is so many decibels weaker."""
    pink = filtered(noise(len(x), seed), lambda f: 1 / np.sqrt(np.maximum(f, 50)))
    pink *= np.linalg.norm(x) / np.linalg.norm(pink) * np.float32(10 ** (-decibels / 20))
    return x + pink


def conversation(spoken):
    """What a voice detector hears: sentences, pauses, noise, music and a telephone, half a minute."""
    rng = np.random.default_rng(7)
    parts = []
    for i, x in enumerate(spoken):
        pause = np.zeros(int(RATE * rng.uniform(0.3, 1.5)), np.float32)
        x = x * np.float32(rng.uniform(0.15, 1))
        if i % 3 == 1:
            x = filtered(x, lambda f: (f > 300) & (f < 3400))
        parts += [pause, x]
    parts += [
        tune(np.random.default_rng(3), 4, RATE) * np.float32(0.5),
        noise(2 * RATE, 5) * np.float32(0.05),
    ]
    parts += [with_noise(x, 6, i) for i, x in enumerate(spoken[:3])]
    return np.clip(with_noise(np.concatenate(parts), 25, 11), -1, 1)


def damaged(spoken):
    """What a quality net hears: 9 s of speech, whole and damaged in ways that calls have."""
    speech = np.concatenate([np.concatenate([x, np.zeros(RATE // 4, np.float32)]) for x in spoken])
    speech = np.resize(speech, 144160)
    speech *= np.float32(0.5) / np.abs(speech).max()
    gaps = speech.copy()
    for at in np.random.default_rng(2).integers(0, len(speech) - 1600, 40):
        gaps[at : at + 640] = 0
    sounds = [
        speech,
        with_noise(speech, 20, 1),
        with_noise(speech, 5, 2),
        room(speech, 0.4, 3),
        room(speech, 1.2, 4),
        np.clip(speech * 6, -0.5, 0.5),
        filtered(speech, lambda f: (f > 300) & (f < 3400)),
        gaps,
        np.round(speech * 24) / np.float32(24),
        with_noise(room(speech, 0.5, 5), 12, 6),
    ]
    return [np.clip(x, -1, 1).astype(np.float32) for x in sounds]


def calls(spoken):
    """What a canceller of echo works on, and makes: far side, microphone, result, 8 s each."""
    far, near = (np.resize(np.concatenate(part), 8 * RATE) for part in (spoken[:3], spoken[3:]))
    far, near = far * np.float32(0.4 / np.abs(far).max()), near * np.float32(
        0.4 / np.abs(near).max()
    )
    echo = room(far, 0.3, 21)
    for left, lost, level in (
        (0.0, 0.0, 40),
        (0.5, 0.0, 30),
        (0.1, 0.0, 20),
        (0.0, 0.7, 30),
        (0.2, 0.4, 10),
        (1.0, 0.0, 15),
    ):
        microphone = with_noise(near + echo, level, 22)
        hoarse = filtered(near, lambda f: f < 1500) * np.float32(lost)
        yield far, microphone, with_noise(
            near * np.float32(1 - lost) + hoarse + echo * np.float32(left), level + 10, 23
        )


def tune(rng, seconds, rate):
    """Notes of a plucked string, some together."""
    out = np.zeros(int(seconds * rate), np.float32)
    at = 0.0
    while at < seconds - 0.3:
        for midi in rng.integers(45, 80, rng.integers(1, 4)):
            t = np.arange(int(rate * min(1.2, seconds - at))) / rate
            pitch = 440 * 2 ** ((midi - 69) / 12)
            note = sum(
                np.sin(2 * np.pi * pitch * h * t) / h**1.5 * np.exp(-t * (1.5 + h))
                for h in range(1, 9)
            )
            start = int(at * rate)
            out[start : start + len(t)] += (note * rng.uniform(0.1, 0.3))[
                : len(out) - start
            ].astype(np.float32)
        at += rng.uniform(0.2, 0.6)
    return out


def glides(count):
    """Windows of 1024 samples of voiced sounds with vibrato and noise, from 60 to 1000 Hz."""
    rng, out = np.random.default_rng(9), []
    t = np.arange(1024) / RATE
    for pitch in np.geomspace(60, 1000, count):
        phase = 2 * np.pi * (
            pitch * t + rng.uniform(0, 0.02) * np.sin(2 * np.pi * 5 * t)
        ) + rng.uniform(0, 6)
        x = sum(
            np.sin(h * phase) * rng.uniform(0.2, 1) / h for h in range(1, 13) if h * pitch < 7000
        )
        x = x + rng.standard_normal(1024) * rng.uniform(0, 0.4)
        out.append((x - x.mean()) / x.std())
    return np.array(out, np.float32)


def pictures():
    """Lines of text as a scanner sees them, RGB of height 48: blurred, tilted, noisy, pale."""
    from PIL import Image, ImageDraw, ImageFilter, ImageFont

    rng, out = np.random.default_rng(4), []
    for i, text in enumerate(PRINTED):
        font = ImageFont.load_default(size=int(rng.integers(22, 34)))
        left, top, right, bottom = font.getbbox(text)
        paper, ink = int(rng.integers(170, 256)), int(rng.integers(0, 110))
        picture = Image.new("RGB", (right - left + 24, bottom - top + 16), (paper,) * 3)
        ImageDraw.Draw(picture).text((12 - left, 8 - top), text, font=font, fill=(ink,) * 3)
        picture = picture.rotate(
            float(rng.uniform(-1.2, 1.2)), Image.Resampling.BICUBIC, fillcolor=(paper,) * 3
        )
        picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 1.3))))
        picture = picture.resize(
            (round(picture.width * 48 / picture.height), 48), Image.Resampling.BILINEAR
        )
        grain = rng.normal(0, rng.uniform(0, 18), (48, picture.width, 1))
        out.append(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.float32))
    return out


def pages():
    """Pages of such lines, each 640 by 640, at several sizes and angles."""
    from PIL import Image, ImageDraw, ImageFont

    rng = np.random.default_rng(14)
    for _ in range(3):
        paper = int(rng.integers(190, 256))
        page = Image.new("RGB", (640, 640), (paper,) * 3)
        draw, y = ImageDraw.Draw(page), 20
        while y < 590:
            size = int(rng.integers(12, 36))
            text = PRINTED[rng.integers(len(PRINTED))]
            draw.text(
                (int(rng.integers(10, 200)), y),
                text,
                font=ImageFont.load_default(size=size),
                fill=(40, 40, 60),
            )
            y += int(size * rng.uniform(1.4, 3))
        page = page.rotate(
            float(rng.uniform(-4, 4)), Image.Resampling.BICUBIC, fillcolor=(paper,) * 3
        )
        yield np.clip(np.asarray(page) + rng.normal(0, 8, (640, 640, 1)), 0, 255)


def khmer():
    """Each sentence, and rows of three."""
    rng = np.random.default_rng(15)
    return KHMER + ["".join(rng.choice(KHMER, 3)) for _ in range(20)]


def files(folder):
    """Files of many types, whole and halved: those of a package, and those written here."""
    found = [
        p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and p.stat().st_size > 64
    ]
    whole = found + [s.lstrip("\n").encode() for s in SNIPPETS] + list(packed())
    return whole + [content[: len(content) // 2] for content in whole]


def packed():
    """Files that programs write: archives, compressed data, pictures, sound."""
    from PIL import Image

    text = "\n".join(PRINTED).encode()
    picture = Image.fromarray(np.add.outer(np.arange(96), np.arange(64)).astype(np.uint8))
    for kind in ("PNG", "BMP", "GIF", "TIFF", "JPEG", "WEBP", "ICO", "PDF"):
        out = io.BytesIO()
        picture.save(out, kind)
        yield out.getvalue()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lines.txt", text)
    yield out.getvalue()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("lines.txt")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    yield out.getvalue()
    yield gzip.compress(text, mtime=0)
    yield bz2.compress(text)
    yield lzma.compress(text)
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes((tune(np.random.default_rng(1), 1, RATE) * 9000).astype("<i2").tobytes())
    yield out.getvalue()
    out = io.BytesIO()
    np.savez(out, a=np.arange(99))
    yield out.getvalue()
