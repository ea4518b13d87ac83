#!/usr/bin/env bash
# Holds decode.py and codebook.py against palettize: check.sh PROGRAMS, a folder with palettize and mkmodel. The packages
# that it needs are kept in the cache folder CACHE.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
programs=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say() { echo "examples/python: $*" >&2; exit 1; }

source "$here/packages.sh"

same() { python3 "$here/$1" "$2" "$3" >"$work/log" 2>&1 || { cat "$work/log" >&2; say "$4: $1 and palettize differ"; }; }
compare() { same decode.py "$@"; same codebook.py "$@"; }

# both_ways MODEL WHAT FLAGS: compresses a model, and compares what both readers make of that.
both_ways() {
	local model=$1 what=$2
	shift 2
	"$programs/palettize" compress "$model.safetensors" --force --quiet "$@"
	"$programs/palettize" decompress "$model.pal" --force >/dev/null
	compare "$model.pal" "dense-$model.safetensors" "$what"
}

for dense in "$here"/../../format/testdata/golden/v?/*.dense.safetensors; do
	compare "${dense%.dense.safetensors}.pal" "$dense" "$(basename "$dense")"
done

cd "$work"
"$programs/mkmodel" -o model.safetensors -rows 128
while read -r flags; do
	# shellcheck disable=SC2086
	both_ways model "$flags" $flags
done <<-FLAGS
	--bits 4
	--states 8 --bits 2
	--states 4 --max-error 0.01
	--storage window --bits 3
	--scheme segments --segment 3 --k 200
	--scheme scalar --k 16 --group 16
	--scheme rows --k 9
	--transposed *layer.1* --bits 5
FLAGS

"$programs/mkmodel" -o model.safetensors -rows 128 -experts 3
both_ways model experts --exclude 'layers.2.mlp.experts.gate_up_proj[1]' --transposed '*down_proj'

python3 "$here/dtypes.py" dtypes.safetensors
while read -r flags; do
	# shellcheck disable=SC2086
	both_ways dtypes "all dtypes $flags" $flags
done <<-FLAGS
	--bits 4
	--scheme segments
	--exclude blocks.weight
FLAGS

# A folder of several files, by its name and by that of the index, and of one.
mkdir several
mv model.safetensors several
"$programs/palettize" compress several --quiet --shard-size 100KB
"$programs/palettize" decompress several.pal --shard-size 900KB >/dev/null
[ -f several.pal/model.pal.index.json ] && [ -f several.dense/model.safetensors.index.json ] || say "several files are one"
same codebook.py several.pal several.dense "a folder"
same codebook.py several.pal/model.pal.index.json several.dense/model.safetensors.index.json "an index"
"$programs/palettize" compress several --quiet --force
"$programs/palettize" decompress several.pal --force >/dev/null
same codebook.py several.pal several.dense "a folder of one file"
