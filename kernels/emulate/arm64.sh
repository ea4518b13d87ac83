#!/bin/bash
# Runs a static linux/arm64 program on an emulated CPU, in QEMU's user mode.
#
#   GOARCH=arm64 CGO_ENABLED=0 go test -exec "$PWD/kernels/emulate/arm64.sh max" ./kernels
#   arm64.sh CPU PROGRAM [ARGUMENTS]
#
#   cortex-a72   NEON
#   neoverse-n1  NEON, SDOT
#   max          NEON, SDOT, I8MM
#
# EMULATE_TIMEOUT: seconds until it gives up (900).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=fetch.sh
. "$(dirname "${BASH_SOURCE[0]}")/fetch.sh"

[ $# -ge 2 ] || die "usage: arm64.sh CPU PROGRAM [ARGUMENTS]"
case $1 in
cortex-a72 | neoverse-n1 | max) ;;
*) die "no CPU $1 (known: cortex-a72, neoverse-n1, max)" ;;
esac
fetch qemu bookworm qemu-user-static
exec timeout -k 5 "${EMULATE_TIMEOUT:-900}" "$cache/qemu/usr/bin/qemu-aarch64-static" -cpu "$@"
