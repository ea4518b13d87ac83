"""What the models of answers.py are asked about: sounds, pictures and texts, made here so that they are the same anywhere.

Speech is made by the voice in a Python package (models.VOICE), as it comes, from the phonemes below. Its noise is off: the
same phonemes give the same sound.
"""

import bz2
import gzip
import io
import lzma
import tarfile
import wave
import zipfile


import numpy as np

RATE = 16000

# Everyday sentences in Khmer, which is written without spaces between words.
KHMER = [
    "ខ្ញុំទៅផ្សារជាមួយម្តាយរបស់ខ្ញុំ", "ថ្ងៃនេះមេឃភ្លៀងខ្លាំងណាស់", "គាត់ធ្វើការនៅភ្នំពេញ", "កុមារលេងនៅក្នុងសួនច្បារ",
    "យើងញ៉ាំបាយនៅពេលល្ងាច", "សិស្សរៀនភាសាអង់គ្លេសនៅសាលារៀន", "ផ្ទះនេះមានបន្ទប់បី", "តើអ្នកឈ្មោះអ្វី",
    "ទឹកទន្លេឡើងខ្ពស់នៅរដូវវស្សា", "ខ្ញុំចង់ទិញសៀវភៅមួយក្បាល", "ឪពុករបស់គាត់ជាគ្រូបង្រៀន", "ឡានក្រុងមកដល់ម៉ោងប្រាំពីរព្រឹក",
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
    "The ferry leaves at 7:45 from pier 12", "Invoice no. 20931, due in 30 days", "Mix flour, sugar and two eggs",
    "Keep out of reach of children", "Total: 1,482.50 EUR", "Chapter 9: The long way home",
    "Parking for residents only", "Call us on 555 0187 after six", "Serves four to six people",
    "Handle with care, this side up", "Platform 3, coach B, seat 61", "Wash at 40 degrees, do not bleach",
    "Open daily except Mondays", "She sells seashells by the shore", "Batteries are not included",
    "Best before 14/08/2027", "Please mind the gap", "Quarterly report, page 17 of 58", "Jump over the lazy brown dog",
    "Width 84 cm, height 196 cm", "Yours faithfully, Martha Quist", "Warning: hot surface",
    "One adult and three children", "Return this form by Friday", "Voltage 230 V, 50 Hz, 1200 W",
    "Turn left at the second bridge", "Lost dog, answers to Biscuit", "Exit through the gift shop",
    "No refunds without a receipt", "Order 66 boxes of size XL", "Meeting moved to room 4.21",
    "Twelve zebras quietly vexed Jack",
]

# Words that a dictionary may lack, which is what a model for spelling to sound is for.
SPELLED = """
abstraction acorn afterglow anchovy antelope applecart arcade asterisk backwater badger balcony bamboo barnacle bewilder
bicycle blizzard blueprint boulder breadcrumb brocade buttercup cadence calendar candlewick cardboard cauliflower cavern
chandelier chemistry chimney cinnamon cobblestone compass copper coriander crescent crumble daffodil dandelion decibel
detour diagonal dolphin doorbell driftwood earthquake eclipse elastic elderberry envelope equator fathom feather fjord
flamingo footprint freckle gadget galaxy gargoyle geranium gherkin giraffe glacier gondola grapefruit gravel gymnast hammock
harbour hazelnut hedgehog hexagon hibiscus honeycomb horizon hourglass iceberg igloo inkwell isthmus jackdaw jasmine jigsaw
juniper kaleidoscope kettle keyhole kingfisher knapsack labyrinth ladle lantern lavender lemonade lighthouse limestone lizard
lullaby magnolia mandolin marigold marzipan meadow meringue midnight mildew mosaic mulberry mushroom narwhal nectar nickel
nightingale nutmeg oatmeal obelisk octagon orchard origami otter oyster paddock pamphlet paprika parachute peacock pebble
pendulum peninsula pepper pineapple plankton plateau porridge pudding pumpkin quarry quilt quiver raccoon rainfall raspberry
ravine rhubarb ribbon rucksack saffron sandstone satchel saucer sculpture seahorse shipwreck shoelace silhouette skeleton
snowdrift sparrow spatula squirrel stalactite starfish stencil strawberry sunflower swallow tadpole tambourine tangerine
telescope thermos thimble thunder tortoise trampoline treadmill trombone truffle tulip tunnel turquoise twilight umbrella
vanilla velvet village vinegar violin walnut waterfall weasel whirlpool whiskers willow windmill woodpecker xylophone
yoghurt zeppelin zucchini
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
    return np.fft.irfft(np.fft.rfft(x) * gain(np.fft.rfftfreq(len(x), 1 / RATE)), len(x)).astype(np.float32)


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
    """What a voice detector hears: sentences, pauses, noise, music and a telephone, about 40 s."""
    rng = np.random.default_rng(7)
    parts = []
    for i, x in enumerate(spoken):
        pause = np.zeros(int(RATE * rng.uniform(0.3, 1.5)), np.float32)
        x = x * np.float32(rng.uniform(0.15, 1))
        if i % 3 == 1:
            x = filtered(x, lambda f: (f > 300) & (f < 3400))
        parts += [pause, x]
    parts += [tune(np.random.default_rng(3), 4, RATE) * np.float32(0.5), noise(2 * RATE, 5) * np.float32(0.05)]
    parts += [with_noise(x, 6, i) for i, x in enumerate(spoken[:3])]
    return np.clip(with_noise(np.concatenate(parts), 25, 11), -1, 1)


def damaged(spoken):
    """What a quality net hears: 9 s of the same speech, whole and damaged in ways that calls have."""
    speech = np.concatenate([np.concatenate([x, np.zeros(RATE // 4, np.float32)]) for x in spoken])
    speech = np.resize(speech, 144160)
    speech *= np.float32(0.5) / np.abs(speech).max()
    gaps = speech.copy()
    for at in np.random.default_rng(2).integers(0, len(speech) - 1600, 40):
        gaps[at : at + 640] = 0
    sounds = [
        speech, with_noise(speech, 20, 1), with_noise(speech, 5, 2), room(speech, 0.4, 3), room(speech, 1.2, 4),
        np.clip(speech * 6, -0.5, 0.5), filtered(speech, lambda f: (f > 300) & (f < 3400)), gaps,
        np.round(speech * 24) / np.float32(24), with_noise(room(speech, 0.5, 5), 12, 6),
    ]
    return [np.clip(x, -1, 1).astype(np.float32) for x in sounds]


def calls(spoken):
    """What a canceller of echo works on: the far side, the microphone that hears both, and what comes out, all of 8 s."""
    far, near = (np.resize(np.concatenate(part), 8 * RATE) for part in (spoken[:3], spoken[3:]))
    far, near = far * np.float32(0.4 / np.abs(far).max()), near * np.float32(0.4 / np.abs(near).max())
    echo = room(far, 0.3, 21)
    for left, lost, level in ((0.0, 0.0, 40), (0.5, 0.0, 30), (0.1, 0.0, 20), (0.0, 0.7, 30), (0.2, 0.4, 10), (1.0, 0.0, 15)):
        microphone = with_noise(near + echo, level, 22)
        hoarse = filtered(near, lambda f: f < 1500) * np.float32(lost)
        yield far, microphone, with_noise(near * np.float32(1 - lost) + hoarse + echo * np.float32(left), level + 10, 23)


def tune(rng, seconds, rate):
    """Notes of a plucked string, some together."""
    out = np.zeros(int(seconds * rate), np.float32)
    at = 0.0
    while at < seconds - 0.3:
        for midi in rng.integers(45, 80, rng.integers(1, 4)):
            t = np.arange(int(rate * min(1.2, seconds - at))) / rate
            pitch = 440 * 2 ** ((midi - 69) / 12)
            note = sum(np.sin(2 * np.pi * pitch * h * t) / h**1.5 * np.exp(-t * (1.5 + h)) for h in range(1, 9))
            start = int(at * rate)
            out[start : start + len(t)] += (note * rng.uniform(0.1, 0.3))[: len(out) - start].astype(np.float32)
        at += rng.uniform(0.2, 0.6)
    return out


def glides(count):
    """Windows of 1024 samples of voiced sounds with vibrato and noise, from 60 to 1000 Hz."""
    rng, out = np.random.default_rng(9), []
    t = np.arange(1024) / RATE
    for pitch in np.geomspace(60, 1000, count):
        phase = 2 * np.pi * (pitch * t + rng.uniform(0, 0.02) * np.sin(2 * np.pi * 5 * t)) + rng.uniform(0, 6)
        x = sum(np.sin(h * phase) * rng.uniform(0.2, 1) / h for h in range(1, 13) if h * pitch < 7000)
        x = x + rng.standard_normal(1024) * rng.uniform(0, 0.4)
        out.append((x - x.mean()) / x.std())
    return np.array(out, np.float32)


def pictures():
    """Lines of text as a scanner sees them: RGB arrays of height 48, some blurred, tilted, noisy or of little contrast."""
    from PIL import Image, ImageDraw, ImageFilter, ImageFont

    rng, out = np.random.default_rng(4), []
    for i, text in enumerate(PRINTED):
        font = ImageFont.load_default(size=int(rng.integers(22, 34)))
        left, top, right, bottom = font.getbbox(text)
        paper, ink = int(rng.integers(170, 256)), int(rng.integers(0, 110))
        picture = Image.new("RGB", (right - left + 24, bottom - top + 16), (paper,) * 3)
        ImageDraw.Draw(picture).text((12 - left, 8 - top), text, font=font, fill=(ink,) * 3)
        picture = picture.rotate(float(rng.uniform(-1.2, 1.2)), Image.Resampling.BICUBIC, fillcolor=(paper,) * 3)
        picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 1.3))))
        picture = picture.resize((round(picture.width * 48 / picture.height), 48), Image.Resampling.BILINEAR)
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
            draw.text((int(rng.integers(10, 200)), y), text, font=ImageFont.load_default(size=size), fill=(40, 40, 60))
            y += int(size * rng.uniform(1.4, 3))
        page = page.rotate(float(rng.uniform(-4, 4)), Image.Resampling.BICUBIC, fillcolor=(paper,) * 3)
        yield np.clip(np.asarray(page) + rng.normal(0, 8, (640, 640, 1)), 0, 255)


def khmer():
    """Each sentence, and rows of three."""
    rng = np.random.default_rng(15)
    return KHMER + ["".join(rng.choice(KHMER, 3)) for _ in range(20)]


def files(folder):
    """The beginnings and ends of files of many types: those of a package, which are the same wherever it is, and ours."""
    found = [p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and p.stat().st_size > 64]
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


SNIPPETS = ["""
package main

import "fmt"

// area returns the surface of a rectangle.
func area(width, height float64) float64 { return width * height }

func main() {
	for i := 1; i < 5; i++ {
		fmt.Printf("%d: %.2f\\n", i, area(float64(i), 2.5))
	}
}
""", """
#include <stdio.h>
#include <stdlib.h>

struct node { int key; struct node *next; };

static struct node *push(struct node *list, int key) {
    struct node *n = malloc(sizeof *n);
    n->key = key;
    n->next = list;
    return n;
}

int main(void) {
    struct node *list = NULL;
    for (int i = 0; i < 10; i++) list = push(list, i * i);
    while (list) printf("%d\\n", list->key), list = list->next;
    return 0;
}
""", """
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

template <typename T> class Stack {
  public:
    void push(const T &value) { values.push_back(value); }
    T pop() { T last = values.back(); values.pop_back(); return last; }
    bool empty() const { return values.empty(); }

  private:
    std::vector<T> values;
};

int main() {
    Stack<std::string> words;
    for (auto word : {"pear", "apple", "plum"}) words.push(word);
    while (!words.empty()) std::cout << words.pop() << std::endl;
}
""", """
import argparse
import sys


class Counter:
    def __init__(self, start=0):
        self.value = start

    def add(self, step: int = 1) -> int:
        self.value += step
        return self.value


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=3)
    options = parser.parse_args()
    counter = Counter()
    print([counter.add() for _ in range(options.steps)], file=sys.stderr)


if __name__ == "__main__":
    main()
""", """
use std::collections::HashMap;

#[derive(Debug, Clone)]
struct Item { name: String, price: u32 }

fn total(items: &[Item]) -> u32 {
    items.iter().map(|i| i.price).sum()
}

fn main() {
    let mut by_name: HashMap<String, Item> = HashMap::new();
    let item = Item { name: "bread".to_string(), price: 250 };
    by_name.insert(item.name.clone(), item);
    let items: Vec<Item> = by_name.values().cloned().collect();
    println!("{:?} {}", items, total(&items));
}
""", """
package org.example.shop;

import java.util.ArrayList;
import java.util.List;

public final class Basket {
    private final List<String> items = new ArrayList<>();

    public void add(String item) {
        if (item == null || item.isEmpty()) {
            throw new IllegalArgumentException("an item needs a name");
        }
        items.add(item);
    }

    @Override
    public String toString() { return String.join(", ", items); }

    public static void main(String[] args) {
        Basket basket = new Basket();
        basket.add("apples");
        System.out.println(basket);
    }
}
""", """
'use strict';

const fs = require('fs');

function countWords(text) {
  const counts = new Map();
  for (const word of text.toLowerCase().split(/\\W+/)) {
    counts.set(word, (counts.get(word) || 0) + 1);
  }
  return [...counts.entries()].sort((a, b) => b[1] - a[1]);
}

module.exports = { countWords };

if (require.main === module) {
  console.log(countWords(fs.readFileSync(process.argv[2], 'utf8')).slice(0, 10));
}
""", """
interface Point { readonly x: number; readonly y: number }

type Shape = { kind: 'circle'; centre: Point; radius: number } | { kind: 'square'; corner: Point; side: number };

export function area(shape: Shape): number {
  switch (shape.kind) {
    case 'circle': return Math.PI * shape.radius ** 2;
    case 'square': return shape.side ** 2;
  }
}

const shapes: Shape[] = [{ kind: 'circle', centre: { x: 0, y: 0 }, radius: 2 }];
console.log(shapes.map(area));
""", """
<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>Opening hours</title>
  <link rel="stylesheet" href="style.css">
</head>
<body>
  <h1>Opening hours</h1>
  <table><tr><td>Monday</td><td>9 to 5</td></tr><tr><td>Sunday</td><td>closed</td></tr></table>
  <p>Call us on <a href="tel:5550187">555 0187</a>.</p>
</body>
</html>
""", """
body { margin: 0 auto; max-width: 40rem; font: 1rem/1.5 sans-serif; color: #222; }
h1, h2 { font-weight: 600; letter-spacing: -0.02em; }
.button:hover { background-color: rgba(0, 80, 160, 0.8); border-radius: 4px; }
@media (max-width: 600px) { nav ul { display: none; } }
""", """
<?xml version="1.0" encoding="UTF-8"?>
<library xmlns="urn:example:library">
  <book id="b1" year="1987"><title>The Tide Tables</title><author>M. Quist</author></book>
  <book id="b2" year="2003"><title>Nine Bridges</title><author>A. Lund</author></book>
</library>
""", """
{"name": "pump", "version": "2.1.0", "sensors": [{"id": 1, "unit": "kPa", "values": [101.2, 101.9, 100.8]},
 {"id": 2, "unit": "C", "values": [20.5, 21.0, null]}], "active": true, "owner": {"team": "water", "mail": null}}
""", """
name: build
on:
  push:
    branches: [main]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - name: Test
        run: |
          make test
          make lint
""", """
[package]
name = "pump"
version = "0.3.1"
edition = "2021"

[dependencies]
serde = { version = "1.0", features = ["derive"] }
tokio = { version = "1", optional = true }
""", """
[server]
host = 127.0.0.1
port = 8080
; how long to wait, in seconds
timeout = 30

[log]
level = info
file = /var/log/pump.log
""", """
id,name,city,amount
1,Martha Quist,Aarhus,120.50
2,Ade Lund,Bergen,87.25
3,Ines Prado,Porto,310.00
4,Jun Mori,Kobe,45.10
5,Lena Holm,Malmo,99.99
""", """
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer VARCHAR(80) NOT NULL,
    amount DECIMAL(10, 2) DEFAULT 0
);

INSERT INTO orders (id, customer, amount) VALUES (1, 'Quist', 120.50), (2, 'Lund', 87.25);

SELECT customer, SUM(amount) AS total FROM orders WHERE amount > 10 GROUP BY customer ORDER BY total DESC;
""", """
#!/bin/bash
set -euo pipefail

for file in "$@"; do
    if [ ! -f "$file" ]; then
        echo "no such file: $file" >&2
        exit 1
    fi
    lines=$(wc -l < "$file")
    echo "$file: $lines"
done
""", """
# Pump

A small tool that reads sensors.

## Install

    make install

- reads **any** sensor
- writes [CSV](https://example.org/csv)

| flag | meaning |
| --- | --- |
| `-v` | say more |
""", """
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /srv
COPY build/pump /usr/local/bin/pump
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/pump", "--listen", ":8080"]
""", """
CC = cc
CFLAGS = -O2 -Wall

all: pump

pump: main.o sensor.o
	$(CC) $(CFLAGS) -o $@ $^

%.o: %.c
	$(CC) $(CFLAGS) -c $<

.PHONY: all clean
clean:
	rm -f *.o pump
""", """
<?php
namespace App\\Shop;

class Basket
{
    private array $items = [];

    public function add(string $item, float $price): void
    {
        $this->items[] = ['item' => $item, 'price' => $price];
    }

    public function total(): float
    {
        return array_sum(array_column($this->items, 'price'));
    }
}

$basket = new Basket();
$basket->add('bread', 2.5);
echo $basket->total() . PHP_EOL;
""", """
require 'json'

class Basket
  attr_reader :items

  def initialize
    @items = []
  end

  def add(item, price:)
    @items << { item: item, price: price }
    self
  end

  def total
    @items.sum { |i| i[:price] }
  end
end

puts JSON.generate(Basket.new.add('bread', price: 2.5).items)
""", """
local Basket = {}
Basket.__index = Basket

function Basket.new()
  return setmetatable({ items = {} }, Basket)
end

function Basket:add(item, price)
  table.insert(self.items, { item = item, price = price })
end

local basket = Basket.new()
basket:add("bread", 2.5)
for i, entry in ipairs(basket.items) do print(i, entry.item, entry.price) end
""", """
\\documentclass{article}
\\usepackage{amsmath}
\\title{On pumps}
\\author{M. Quist}
\\begin{document}
\\maketitle
\\section{Flow}
The flow through a pipe of radius $r$ is
\\begin{equation}
  Q = \\frac{\\pi r^4 \\Delta p}{8 \\mu L}.
\\end{equation}
\\end{document}
""", """
The ferry was late again. Martha stood on the pier with her collar up and counted the gulls, of which there were
eleven, and the crates, of which there were too many. When the boat came round the point it was lower in the water
than she had ever seen it, and the captain did not wave. She put down her bag and waited for somebody to explain.

Nobody did. The ropes went over the posts, the ramp came down, and out of the hold walked a horse.
""", """
From: Martha Quist <martha@example.org>
To: Ade Lund <ade@example.org>
Subject: Crates
Date: Tue, 4 Mar 2025 09:12:44 +0100
Message-ID: <20250304091244.1182@example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Hello Ade,

the crates came, but one of them has a horse in it.

Martha
""", """
--- a/main.c
+++ b/main.c
@@ -1,6 +1,7 @@
 #include <stdio.h>
+#include <stdlib.h>

 int main(void) {
-    printf("hello\\n");
+    puts("hello");
     return 0;
 }
""", """
using System;
using System.Collections.Generic;
using System.Linq;

namespace Shop
{
    public class Basket
    {
        private readonly List<(string Item, decimal Price)> items = new();

        public void Add(string item, decimal price) => items.Add((item, price));

        public decimal Total => items.Sum(i => i.Price);

        public static void Main(string[] args)
        {
            var basket = new Basket();
            basket.Add("bread", 2.5m);
            Console.WriteLine(basket.Total);
        }
    }
}
""", """
library(stats)

heights <- data.frame(name = c("a", "b", "c"), cm = c(171.2, 168.9, 180.4))
model <- lm(cm ~ as.numeric(factor(name)), data = heights)
summary(model)
plot(heights$cm, main = "Heights", xlab = "person", ylab = "cm")
print(mean(heights$cm, na.rm = TRUE))
""", """
module Main where

import qualified Data.Map as Map
import Data.List (sortBy)

count :: String -> Map.Map Char Int
count = foldr (\\c -> Map.insertWith (+) c 1) Map.empty

main :: IO ()
main = do
  text <- getContents
  mapM_ print (sortBy (\\(_, a) (_, b) -> compare b a) (Map.toList (count text)))
""", """
import UIKit

struct Item: Codable {
    let name: String
    var price: Double
}

final class Basket {
    private(set) var items: [Item] = []

    func add(_ item: Item) {
        guard item.price >= 0 else { return }
        items.append(item)
    }

    var total: Double { items.reduce(0) { $0 + $1.price } }
}

let basket = Basket()
basket.add(Item(name: "bread", price: 2.5))
print(basket.total)
"""]
