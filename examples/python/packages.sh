# Sourced by check.sh, here and in python: puts numpy, safetensors and ml_dtypes on PYTHONPATH, from the cache folder CACHE,
# and names in $pip a Python that has pip. Its caller has say and a folder $work.
cache=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/palettize}
export PYTHONPATH=$cache/python PYTHONDONTWRITEBYTECODE=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1

command -v python3 >/dev/null || say "no python3 here: apt-get install python3 python3-pip"
pip=python3
if ! python3 -m pip --version >/dev/null 2>&1; then
	python3 -m venv "$work/pip" >/dev/null 2>&1 ||
		say "python3 has neither pip nor venv here: apt-get install python3-pip (or python3-venv)"
	pip=$work/pip/bin/python
fi
if ! python3 -c 'import numpy, safetensors, ml_dtypes' 2>/dev/null; then
	echo "installing numpy, safetensors and ml_dtypes in $cache/python"
	rm -rf "$cache/python"
	"$pip" -m pip install --quiet --only-binary :all: --target "$cache/python" \
		-r "$(dirname "${BASH_SOURCE[0]}")/requirements.txt" ml_dtypes ||
		say "pip cannot install numpy, safetensors and ml_dtypes; is there a network?"
	python3 -c 'import numpy, safetensors, ml_dtypes' || say "the packages are there but cannot be imported"
fi
