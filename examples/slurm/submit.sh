#!/usr/bin/env bash
# Compresses a model on as many machines as it has parts: submit.sh MODEL OUT PARTS [FLAGS]. FLAGS
# are those of palettize compress. Prints the numbers of the array and of the job that merges.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 3 ] || { echo "usage: submit.sh MODEL OUT PARTS [FLAGS]" >&2; exit 2; }
model=$1 out=$2 parts=$3
shift 3
array=$(sbatch --parsable --array="0-$((parts - 1))" \
	"$here/compress.sbatch" "$model" "$out" "$parts" "$@")
array=${array%;*} # the name of the cluster may follow
merge=$(sbatch --parsable --dependency="afterok:$array" --kill-on-invalid-dep=yes \
	"$here/merge.sbatch" "$out" "$parts")
echo "$array ${merge%;*}"
