"""``python -m palettize`` is the palettize program."""

import os
import subprocess
import sys

from palettize import program


def main() -> None:
    words = [program(), *sys.argv[1:]]
    if os.name == "posix":
        os.execv(words[0], words)
    sys.exit(subprocess.run(words).returncode)


if __name__ == "__main__":
    main()
