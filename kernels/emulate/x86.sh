#!/bin/bash
# Runs a static linux/amd64 program on an emulated CPU, which may have what this machine's lacks:
# boots Debian's kernel in Bochs with the program as its only process.
#
#   CGO_ENABLED=0 go test -exec "$PWD/kernels/emulate/x86.sh ice-lake" ./kernels
#   x86.sh CPU PROGRAM [ARGUMENTS]
#
#   haswell          AVX2
#   arrow-lake       AVX2, AVX-VNNI
#   cascade-lake     AVX-512, VNNI
#   ice-lake         AVX-512, VNNI, VBMI
#   sapphire-rapids  AVX-512, VNNI, VBMI, AVX-VNNI, AMX; see below for what AMX is worth here
#
# The program sees the folder testdata, the variables PALETTIZE_*, GODEBUG and GOMAXPROCS, and a clock
# that counts instructions. What it prints comes out as it runs, and its exit status is passed on. 124: no
# result within EMULATE_TIMEOUT seconds (900). EMULATE_MEM: its memory in MiB (768).
#
# AMX in Bochs 3.0: TDPBSSD, TDPBSUD, TDPBUSD and TDPBUUD all multiply unsigned bytes, so signs cannot be tested, and
# the registers may be lost when the kernel switches threads.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=fetch.sh
. "$(dirname "${BASH_SOURCE[0]}")/fetch.sh"

[ $# -ge 2 ] || die "usage: x86.sh CPU PROGRAM [ARGUMENTS]"
case $1 in
haswell) cpu='model=corei7_haswell_4770' ;;
arrow-lake) cpu='model=arrow_lake' ;;
cascade-lake) cpu='model=corei7_icelake_u, exclude_features="avx512vbmi,avx512vbmi2,avx512bitalg,avx512vpopcnt,avx512ifma52,avx512vp2intersect"' ;;
ice-lake) cpu='model=corei7_icelake_u' ;;
sapphire-rapids) cpu='model=sapphire_rapids' ;;
*) die "no CPU $1 (known: haswell, arrow-lake, cascade-lake, ice-lake, sapphire-rapids)" ;;
esac
model=$1 program=$2 timeout=${EMULATE_TIMEOUT:-900}
shift 2

# Bochs of Debian 12 knows neither AVX-VNNI nor AMX.
fetch bochs trixie bochs-term ncurses-base xorriso isolinux syslinux-common busybox-static linux-image-cloud-amd64
kernel=$cache/bochs options='' ips=200000000
if [ "$model" = sapphire-rapids ]; then
  # The kernel hands out AMX only together with XFD, which Bochs lacks. From Linux 6.15 on it can be
  # told that XFD, feature 10 * 32 + 4, were there. With more instructions a second there
  # are fewer thread switches.
  fetch linux-backports trixie-backports linux-image-cloud-amd64/trixie-backports
  kernel=$cache/linux-backports options=setcpuid=324 ips=2000000000
fi
tools=$cache/bochs/usr
run=("$tools/lib64/ld-linux-x86-64.so.2" --library-path "$tools/lib/x86_64-linux-gnu") # with its own C library

emulator=
here=$(mktemp -d)
trap '[ -z "$emulator" ] || { kill -KILL "$emulator" && wait "$emulator" || true; } 2>/dev/null; rm -rf "$here"' EXIT

# The initial RAM disk.
mkdir -p "$here"/ram/{bin,dev,proc,sys,tmp,here} "$here/cd"
cp "$tools/bin/busybox" "$here/ram/bin/"
install "$program" "$here/ram/program"
[ ! -d testdata ] || cp -r testdata "$here/ram/here/"
{
  echo '#!/bin/busybox sh'
  echo '/bin/busybox mount -t proc proc /proc; /bin/busybox mount -t sysfs sys /sys'
  echo '/bin/busybox stty raw; cd /here'
  for name in ${!PALETTIZE_*} GODEBUG GOMAXPROCS; do
    [ -z "${!name+set}" ] || echo "export $name=${!name@Q}"
  done
  echo "/program ${*@Q}"
  echo 'echo "<exit:$?>"; /bin/busybox sleep 1000'
} >"$here/ram/init"
chmod +x "$here/ram/init"
(cd "$here/ram" && "$tools/bin/busybox" find . | "$tools/bin/busybox" cpio -o -H newc 2>/dev/null) >"$here/cd/ram"

# The CD to boot from.
cp "$tools/lib/ISOLINUX/isolinux.bin" "$tools/lib/syslinux/modules/bios/ldlinux.c32" "$here/cd/"
find "$kernel" -name 'vmlinuz*' -type f -exec cp {} "$here/cd/linux" \;
cat >"$here/cd/isolinux.cfg" <<END
default linux
label linux
  kernel linux
  append initrd=ram console=ttyS0,115200 loglevel=1 mitigations=off no5lvl nokaslr $options
END
"${run[@]}" "$tools/bin/xorriso" -as mkisofs -quiet -o "$here/cd.iso" -b isolinux.bin -c boot.cat \
  -no-emul-boot -boot-load-size 4 -boot-info-table "$here/cd" 2>"$here/log" || die "xorriso: $(cat "$here/log")"

# The machine. Its serial port writes to descriptor 3.
cat >"$here/bochsrc" <<END
cpu: $cpu, count=1, ips=$ips
memory: guest=${EMULATE_MEM:-768}, host=${EMULATE_MEM:-768}
romimage: file="$tools/share/bochs/BIOS-bochs-latest"
vgaromimage: file="$tools/share/bochs/VGABIOS-lgpl-latest"
ata0-master: type=cdrom, path="$here/cd.iso", status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=/dev/fd/3
clock: sync=none
display_library: term
log: "$here/log"
error: action=ignore
info: action=ignore
panic: action=fatal
END
export LTDL_LIBRARY_PATH=$tools/lib/x86_64-linux-gnu/bochs/plugins TERM=vt100 TERMINFO=$tools/share/terminfo
exec 4< <(exec 3>&1 >"$here/screen" 2>&1 </dev/null
  exec setpriv --pdeathsig KILL "${run[@]}" "$tools/bin/bochs-bin" -q -f "$here/bochsrc")
emulator=$! SECONDS=0
while ((SECONDS < timeout)) && IFS= read -r -t $((timeout - SECONDS)) line <&4; do
  case $line in
  *'<exit:'*'>')
    printf %s "${line%<exit:*}"
    status=${line##*<exit:}
    exit "${status%>}"
    ;;
  *'Kernel panic'*) break ;;
  esac
  printf '%s\n' "$line"
done
printf '%s\n' "$line"
if ((SECONDS < timeout)); then
  { grep -a PANIC "$here/log" || tail -n 5 "$here/log" "$here/screen"; } >&2
  die "the emulated $model stopped"
fi
echo "x86.sh: no result from the emulated $model within $timeout s" >&2
exit 124
