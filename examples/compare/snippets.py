"""Small files in many languages, written for magika to tell apart; see inputs.files."""

SNIPPETS = [
    """
package main

import "fmt"

// area returns the surface of a rectangle.
func area(width, height float64) float64 { return width * height }

func main() {
	for i := 1; i < 5; i++ {
		fmt.Printf("%d: %.2f\\n", i, area(float64(i), 2.5))
	}
}
""",
    """
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
""",
    """
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
""",
    """
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
""",
    """
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
""",
    """
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
""",
    """
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
""",
    """
interface Point { readonly x: number; readonly y: number }

type Circle = { kind: 'circle'; centre: Point; radius: number };
type Square = { kind: 'square'; corner: Point; side: number };
type Shape = Circle | Square;

export function area(shape: Shape): number {
  switch (shape.kind) {
    case 'circle': return Math.PI * shape.radius ** 2;
    case 'square': return shape.side ** 2;
  }
}

const shapes: Shape[] = [{ kind: 'circle', centre: { x: 0, y: 0 }, radius: 2 }];
console.log(shapes.map(area));
""",
    """
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
""",
    """
body { margin: 0 auto; max-width: 40rem; font: 1rem/1.5 sans-serif; color: #222; }
h1, h2 { font-weight: 600; letter-spacing: -0.02em; }
.button:hover { background-color: rgba(0, 80, 160, 0.8); border-radius: 4px; }
@media (max-width: 600px) { nav ul { display: none; } }
""",
    """
<?xml version="1.0" encoding="UTF-8"?>
<library xmlns="urn:example:library">
  <book id="b1" year="1987"><title>The Tide Tables</title><author>M. Quist</author></book>
  <book id="b2" year="2003"><title>Nine Bridges</title><author>A. Lund</author></book>
</library>
""",
    """
{"name": "pump", "version": "2.1.0", "sensors": [{"id": 1, "unit": "kPa", "values": [101.2, 101.9]},
 {"id": 2, "unit": "C", "values": [20.5, 21.0, null]}],
 "active": true, "owner": {"team": "water", "mail": null}}
""",
    """
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
""",
    """
[package]
name = "pump"
version = "0.3.1"
edition = "2021"

[dependencies]
serde = { version = "1.0", features = ["derive"] }
tokio = { version = "1", optional = true }
""",
    """
[server]
host = 127.0.0.1
port = 8080
; how long to wait, in seconds
timeout = 30

[log]
level = info
file = /var/log/pump.log
""",
    """
id,name,city,amount
1,Martha Quist,Aarhus,120.50
2,Ade Lund,Bergen,87.25
3,Ines Prado,Porto,310.00
4,Jun Mori,Kobe,45.10
5,Lena Holm,Malmo,99.99
""",
    """
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer VARCHAR(80) NOT NULL,
    amount DECIMAL(10, 2) DEFAULT 0
);

INSERT INTO orders (id, customer, amount) VALUES (1, 'Quist', 120.50), (2, 'Lund', 87.25);

SELECT customer, SUM(amount) AS total FROM orders WHERE amount > 10
GROUP BY customer ORDER BY total DESC;
""",
    """
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
""",
    """
# Pump

A small tool that reads sensors.

## Install

    make install

- reads **any** sensor
- writes [CSV](https://example.org/csv)

| flag | meaning |
| --- | --- |
| `-v` | say more |
""",
    """
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates \\
    && rm -rf /var/lib/apt/lists/*
WORKDIR /srv
COPY build/pump /usr/local/bin/pump
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/pump", "--listen", ":8080"]
""",
    """
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
""",
    """
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
""",
    """
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
""",
    """
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
""",
    """
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
""",
    """
The ferry was late again. Martha stood on the pier with her collar up and counted the
gulls, of which there were eleven, and the crates, of which there were too many. When the
boat came round the point it was lower in the water than she had ever seen it, and the
captain did not wave. She put down her bag and waited for somebody to explain.

Nobody did. The ropes went over the posts, the ramp came down, and out of the hold walked a horse.
""",
    """
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
""",
    """
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
""",
    """
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
""",
    """
library(stats)

heights <- data.frame(name = c("a", "b", "c"), cm = c(171.2, 168.9, 180.4))
model <- lm(cm ~ as.numeric(factor(name)), data = heights)
summary(model)
plot(heights$cm, main = "Heights", xlab = "person", ylab = "cm")
print(mean(heights$cm, na.rm = TRUE))
""",
    """
module Main where

import qualified Data.Map as Map
import Data.List (sortBy)

count :: String -> Map.Map Char Int
count = foldr (\\c -> Map.insertWith (+) c 1) Map.empty

main :: IO ()
main = do
  text <- getContents
  mapM_ print (sortBy (\\(_, a) (_, b) -> compare b a) (Map.toList (count text)))
""",
    """
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
""",
]
