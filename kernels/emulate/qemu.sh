#!/bin/bash
# Runs a static Linux program for another architecture on an emulated CPU, in QEMU's user mode.
#
#   GOARCH=arm64 CGO_ENABLED=0 go test -exec "$PWD/kernels/emulate/qemu.sh max" ./kernels
#   qemu.sh CPU PROGRAM [ARGUMENTS]
#
#   cortex-a72   arm64: NEON
#   neoverse-n1  arm64: NEON, SDOT
#   max          arm64: NEON, SDOT, I8MM
#   s390x        bytes in the other order
#
# EMULATE_TIMEOUT: seconds until it gives up (900).
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=fetch.sh
. "$(dirname "${BASH_SOURCE[0]}")/fetch.sh"

[ $# -ge 2 ] || die "usage: qemu.sh CPU PROGRAM [ARGUMENTS]"
case $1 in
cortex-a72 | neoverse-n1 | max) machine=aarch64 ;;
s390x) machine=s390x && set -- max "${@:2}" ;;
*) die "no CPU $1 (known: cortex-a72, neoverse-n1, max, s390x)" ;;
esac
fetch qemu bookworm qemu-user-static
exec timeout -k 5 "${EMULATE_TIMEOUT:-900}" "$cache/qemu/usr/bin/qemu-$machine-static" -cpu "$@"
