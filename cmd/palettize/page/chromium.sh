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

# All libraries that it needs but the C library, which is the machine's, as its loader is.
libraries=$root/lib/x86_64-linux-gnu
rm -f "$libraries"/{ld-linux,libBrokenLocale,libanl,libc.so,libc_malloc,libdl.so,libm.so,libmemusage}* \
	"$libraries"/{libmvec,libnsl,libnss_,libpcprofile,libpthread,libresolv,librt.so,libthread_db,libutil.so}*
export LD_LIBRARY_PATH=$libraries:$root/usr/lib/x86_64-linux-gnu:$root/usr/lib/x86_64-linux-gnu/pulseaudio

export FONTCONFIG_FILE=$root/fonts.conf
[ -e "$FONTCONFIG_FILE" ] || cat >"$FONTCONFIG_FILE" <<-END
	<?xml version="1.0"?>
	<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
	<fontconfig>
	<dir>$root/usr/share/fonts</dir><cachedir>$root/fonts</cachedir>
	<match><edit name="family" mode="append_last"><string>Liberation Sans</string></edit></match>
	</fontconfig>
END
exec "$root/usr/lib/chromium/chromium-headless-shell" "$@"
