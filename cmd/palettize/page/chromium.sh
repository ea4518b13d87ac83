#!/usr/bin/env bash
# Runs a headless Chromium with these arguments, out of Debian packages that are unpacked in a cache
# folder: nothing is installed, no step needs root. Its fonts come with it, so that pages look the
# same on every machine.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../../../kernels/emulate/fetch.sh
. "$here/../../../kernels/emulate/fetch.sh"

fetch chromium bookworm chromium-headless-shell fonts-liberation
root=$cache/chromium
program=$root/usr/lib/chromium/chromium-headless-shell

# What it needs and this machine lacks, and what that needs in turn.
mkdir -p "$root/missing"
export LD_LIBRARY_PATH=$root/missing
lacks() { ldd "$program" | sed -n 's/^\t\(.*\) => not found$/\1/p'; }
for _ in {1..5}; do
	for library in $(lacks); do
		find "$root/lib" "$root/usr/lib" -name "$library" -exec ln -sf {} "$root/missing" \;
	done
done
[ -z "$(lacks)" ] || die "no package has" $(lacks)

export FONTCONFIG_FILE=$root/fonts.conf
[ -e "$FONTCONFIG_FILE" ] || cat >"$FONTCONFIG_FILE" <<-END
	<?xml version="1.0"?>
	<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
	<fontconfig>
	<dir>$root/usr/share/fonts</dir><cachedir>$root/fonts</cachedir>
	<match><edit name="family" mode="append_last"><string>Liberation Sans</string></edit></match>
	</fontconfig>
END
exec "$program" "$@"
