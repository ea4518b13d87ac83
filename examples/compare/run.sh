#!/usr/bin/env bash
# Prepares the peers in a cache folder and runs all parts of the comparison, or the one named, with its flags:
#   run.sh | run.sh PART [flags of its script]: speed (compare.py), size, answers, encoder, decoder, attention (each .py)
# A peer that cannot be had costs its own rows: the reason goes to missing/NAME, and from there into the report.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export COMPARE_CACHE=${COMPARE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/palettize/compare}
llama=0.3.36 # of llama-cpp-python, whose source package has ggml inside
aqlm=1.1.7
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE # for older OpenBLAS than this one
cpu="this CPU" ggml_cpu=-DGGML_NATIVE=ON
case ${PALETTIZE_CPU_OFF:-} in *avx512f*) # so do those peers that can do without
	export OPENBLAS_CORETYPE=Haswell
	cpu=AVX2 ggml_cpu="-DGGML_NATIVE=OFF -DGGML_SSE42=ON -DGGML_AVX=ON -DGGML_AVX2=ON -DGGML_BMI2=ON -DGGML_FMA=ON -DGGML_F16C=ON" ;;
esac

say() { echo "compare: $*" >&2; }
lack() { say "$1: $2"; echo "$2" > "$COMPARE_CACHE/missing/$1"; }
why() { grep -aiE 'error|not found|no matching' "$COMPARE_CACHE/log" | tail -n 1 | cut -c 1-200 | tr '|' ' '; }

case ${1:-} in "" | speed | size | answers | encoder | decoder | attention) ;; *) say "the parts are speed, size, answers, encoder, decoder and attention, flags come after one"; exit 2 ;; esac
if ! { command -v python3 && command -v go; } >/dev/null; then say "needs python3 and go"; exit 1; fi
rm -rf "$COMPARE_CACHE/missing"
mkdir -p "$COMPARE_CACHE/missing"
cd "$COMPARE_CACHE"

python=venv/bin/python
[ -x $python ] && $python -c '' 2>/dev/null || python3 -m venv --clear venv || { say "no venv here: apt-get install python3-venv"; exit 1; }
pip() { venv/bin/python -m pip --disable-pip-version-check "$@" >log 2>&1; }

# One by one: a package without a wheel for this Python must not cost the others.
while read -r package; do
	[ -n "$package" ] || continue
	$python -c "import importlib.metadata as m, sys; n, v = sys.argv[1].split('=='); sys.exit(m.version(n) != v)" "$package" 2>/dev/null && continue
	say "installing $package"
	pip install --only-binary :all: "$package" || pip install "$package" || lack "${package%%==*}" "pip: $(why)"
done < "$here/peers/requirements.txt"
[ -f missing/numpy ] && exit 1
[ -f missing/faiss-cpu ] && cp missing/faiss-cpu missing/faiss
[ -f missing/onnx ] && cp missing/onnx missing/onnxruntime

if [ ! -f aqlm/version ] || [ "$(cat aqlm/version)" != $aqlm ]; then
	say "fetching aqlm"
	rm -rf aqlm && mkdir aqlm
	if pip download --no-deps --dest aqlm aqlm==$aqlm && $python -m zipfile -e aqlm/*.whl aqlm; then
		echo $aqlm > aqlm/version
	else
		lack aqlm "pip: $(why)"
	fi
fi

# ggml of the source package, for the CPU that this runs on.
build_ggml() {
	if ! { command -v cc && command -v c++; } >/dev/null; then lack llama.cpp "no C and C++ compilers here"; return; fi
	cmake=$(command -v cmake) || { pip install cmake && cmake=venv/bin/cmake; } || { lack llama.cpp "no cmake"; return; }
	source=ggml/llama_cpp_python-$llama/vendor/llama.cpp
	# A build is for the CPU of the day.
	for_cpu="$llama $ggml_cpu $(grep -m1 '^flags' /proc/cpuinfo | sha256sum | cut -c 1-16)"
	if [ "$(cat ggml/built 2>/dev/null)" != "$for_cpu" ]; then
		say "fetching and building ggml"
		rm -rf ggml && mkdir ggml
		pip download --no-deps --no-binary :all: --dest ggml llama-cpp-python==$llama || { lack llama.cpp "pip: $(why)"; return; }
		tar -C ggml -xzf ggml/*.tar.gz
		{ "$cmake" -S $source -B ggml/build -DCMAKE_BUILD_TYPE=Release $ggml_cpu -DGGML_OPENMP=OFF -DLLAMA_BUILD_COMMON=OFF \
			-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF &&
			"$cmake" --build ggml/build --target ggml -j "$(nproc)"; } >log 2>&1 || { lack llama.cpp "cmake: $(why)"; return; }
		echo "$for_cpu" > ggml/built
	fi
	cc -O2 -Wall -I$source/ggml/include "$here/peers/ggml.c" -o ggml-side -Lggml/build/bin -lggml -lggml-cpu -lggml-base \
		-Wl,-rpath,"$COMPARE_CACHE/ggml/build/bin" >log 2>&1 || { lack llama.cpp "cc: $(why)"; return; }
	echo "ggml $(sed -n 's/.*GGML_VERSION_\(MAJOR\|MINOR\|PATCH\) \([0-9]*\)).*/\2/p' $source/ggml/CMakeLists.txt | paste -sd .)" \
		"in llama-cpp-python $llama, built for $cpu by $(cc --version | head -n 1)" > ggml-version
}
# All of llama.cpp, of the same build.
build_llama() {
	[ -f missing/llama.cpp ] && return
	say "building libllama, if it is not there"
	"$cmake" --build ggml/build --target llama -j "$(nproc)" >log 2>&1 || { lack llama "cmake: $(why)"; return; }
	cc -O2 -Wall -I$source/include -I$source/ggml/include "$here/peers/llama.c" -o llama-side -Lggml/build/bin -lllama -lggml -lggml-cpu \
		-lggml-base -Wl,-rpath,"$COMPARE_CACHE/ggml/build/bin" >log 2>&1 || lack llama "cc: $(why)"
}
rm -f ggml-side ggml-version llama-side
build_ggml
case ${1:-decoder} in decoder) build_llama ;; esac

(cd "$here" && go build -o "$COMPARE_CACHE/palettize-side" . && go build -o "$COMPARE_CACHE/" ../../cmd/palettize ../encoder ../decoder)
$python "$here/check.py"
for part in ${1:-speed size answers encoder decoder attention}; do
	case $part in speed) script=compare.py ;; *) script=$part.py ;; esac
	$python "$here/$script" "${@:2}"
done

# The same in transformers' own model class. PyPI's torch is too large to fetch for this.
torch=${COMPARE_TORCH:-$python}
has_torch() { $torch -c 'import torch, transformers' 2>/dev/null; }
case ${1:-answers} in answers)
	model=../all-MiniLM-L6-v2
	if has_torch; then
		say "a codebook file in transformers' BertModel"
		./palettize compress $model.safetensors -o work/bert.pal --quiet --force
		$torch "$here/../python/bert.py" work/bert.pal $model.{safetensors,tokenizer.json} "$here/sentences/eval.txt" >work/bert.txt
		(cd "$here/../.." && python3 python/wheels.py "$COMPARE_CACHE/wheels" "$(go env GOOS)/$(go env GOARCH)" &&
			go build -o "$COMPARE_CACHE/" ./examples/mkmodel && CACHE=$COMPARE_CACHE/.. TORCH=$torch python/check.sh "$COMPARE_CACHE"/{wheels,.})
	else
		say "examples/python/bert.py and the tests of python's part for torch have not run: COMPARE_TORCH names a Python that has torch and transformers"
	fi ;;
esac
case ${1:-decoder} in decoder)
	if has_torch; then
		say "logits of SmolLM2 beside those of transformers"
		$torch "$here/logits.py" smollm2 "$PWD/palettize-side"
	else
		say "logits.py has not run: COMPARE_TORCH names a Python that has torch and transformers"
	fi ;;
esac
