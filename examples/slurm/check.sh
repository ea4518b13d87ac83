#!/usr/bin/env bash
# Runs the example on a real Slurm: check.sh PROGRAMS, a folder with palettize and mkmodel. A
# controller and two nodes run on this machine, out of Debian packages that are unpacked in a cache
# folder: nothing is installed, no step needs root, and another Slurm here is left alone.
#
# One task is killed, so that the merge must be cancelled, and then, submitted again, requeued in the
# middle of its run. What is merged must be what one run writes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
programs=$(cd "$1" && pwd)
# shellcheck source-path=SCRIPTDIR source=../../kernels/emulate/fetch.sh
. "$here/../../kernels/emulate/fetch.sh"
say() { echo "examples/slurm: $*"; }
fail() { say "$*" >&2; exit 1; }

fetch slurm bookworm slurmctld slurmd slurm-client
slurm=$cache/slurm plugins=$cache/slurm/usr/lib/x86_64-linux-gnu/slurm-wlm
work=$(mktemp -d)
export SLURM_CONF=$work/slurm.conf LD_LIBRARY_PATH=$plugins:$work/lib
export PATH=$programs:$slurm/usr/bin:$slurm/usr/sbin:$PATH

# ours lists the processes of this Slurm and of its jobs: those with its file in their environment.
ours() { env -u SLURM_CONF grep -lzsx "SLURM_CONF=$SLURM_CONF" /proc/[0-9]*/environ | cut -d/ -f3; }

end() {
	local code=$? signal
	trap - EXIT
	[ $code = 0 ] || tail -n 30 "$work"/*.log >&2
	for signal in TERM KILL; do
		# shellcheck disable=SC2046 # a word for each process
		kill -s $signal $(ours) 2>/dev/null || true
		for _ in {1..30}; do [ -z "$(ours)" ] || sleep 0.1; done
	done
	rm -rf "$work"
	exit $code
}
trap end EXIT
trap 'exit 1' HUP INT TERM

# start NAME COMMAND...: starts a daemon.
daemons=()
start() {
	"${@:2}" >"$work/$1.log" 2>&1 &
	daemons+=($!)
}

# await WHAT COMMAND...: waits until the command succeeds, for as long as all of this may take.
SECONDS=0 limit=300
await() {
	local what=$1 daemon
	shift
	until "$@"; do
		for daemon in "${daemons[@]}"; do
			kill -0 "$daemon" 2>/dev/null || fail "a daemon has ended; waited for: $what"
		done
		[ $SECONDS -lt $limit ] || fail "no sign after $limit s: $what"
		sleep 0.2
	done
}

# What Slurm needs and this machine lacks.
mkdir "$work/lib" "$work/state" "$work/n1" "$work/n2"
ldd "$slurm"/usr/sbin/{munged,slurm*-wlm} "$slurm"/usr/bin/{sbatch,scontrol} "$plugins"/*.so 2>&1 |
	sed -n 's/^\t\(.*\) => not found$/\1/p' | sort -u | while read -r library; do
	find "$slurm/lib" "$slurm/usr/lib" -name "$library" -exec ln -s {} "$work/lib" \;
done

# Ports are open to all: only who has this key can use them.
mungekey --create --keyfile "$work/key"
start munged munged --foreground --force --key-file "$work/key" --socket "$work/munge" \
	--pid-file "$work/munge.pid" --seed-file "$work/munge.seed"

host=$(hostname -s) port=$((20000 + RANDOM % 10000))
cat >"$SLURM_CONF" <<-END
	ClusterName=check
	SlurmctldHost=$host(127.0.0.1)
	SlurmctldPort=$port
	SlurmUser=$(id -un)
	SlurmdUser=$(id -un)
	AuthType=auth/munge
	AuthInfo=socket=$work/munge
	CredType=cred/munge
	PluginDir=$plugins
	ProctrackType=proctrack/linuxproc
	TaskPlugin=task/none
	SelectType=select/linear
	SlurmdParameters=config_overrides
	KillWait=5
	StateSaveLocation=$work/state
	SlurmdSpoolDir=$work/%n
	SlurmctldPidFile=$work/slurmctld.pid
	SlurmdPidFile=$work/%n.pid
	NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=8 RealMemory=8192
	NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=8 RealMemory=8192
	PartitionName=all Nodes=n1,n2 Default=YES
END
await "munged" [ -S "$work/munge" ]
start slurmctld slurmctld-wlm -D
for node in n1 n2; do
	start $node slurmd-wlm -D -N $node -d "$slurm/usr/sbin/slurmstepd-wlm"
done
idle() { [ "$(sinfo -h -o %T:%D 2>/dev/null)" = idle:2 ]; }
await "two idle nodes" idle

cd "$work"
mkmodel -o model.safetensors -rows 512 -experts 12
flags=(--storage window --threads 1) # slowly enough to be killed
submit() { "$here/submit.sh" model.safetensors out.pal 2 "${flags[@]}"; }

# What Slurm knows of a job, such as its JobState, and how many layers of part 1 are done.
field() { scontrol --oneliner show job "$1" | sed -n "s/.* $2=\([^ ]*\).*/\1/p"; }
is() { [ "$(field "$1" "$2")" = "$3" ]; }
layers() {
	local n
	n=$(grep -sc '"layer"' out.pal.1-of-2.partial/journal) || true
	echo "${n:-0}"
}
beyond() {
	! is "$task" JobState COMPLETED || fail "part 1 was done before it could be stopped"
	[ "$(layers)" -gt "$1" ]
}

say "killing a task"
read -r array merge < <(submit)
task=${array}_1
waiting=$(sbatch --parsable --dependency="afterok:$array" "$here/merge.sbatch" out.pal 2)
await "layers of part 1" beyond 1
# shellcheck disable=SC2046 # a word for each process
for process in $(ours); do
	! grep -qzsx 1/2 "/proc/$process/cmdline" || kill -s KILL "$process"
done
await "the task fails" is "$task" JobState FAILED
await "the merge is cancelled" is "$merge" JobState CANCELLED
await "a merge without --kill-on-invalid-dep waits for ever" is "$waiting" Reason DependencyNeverSatisfied
scancel "$waiting"
[ ! -e out.pal ] || fail "there is an output, of half a model"
kept=$(layers)

say "submitting again, $kept layers of part 1 are done; requeuing the task"
read -r array merge < <(submit)
task=${array}_1
await "more layers of part 1" beyond $((kept + 1))
scontrol requeue "$task"
await "the task waits" is "$task" JobState PENDING
kept=$(layers)
is "$task" Reason BeginTime || fail "the task waits for $(field "$task" Reason), not for two minutes"
scontrol update JobId="$task" StartTime=now

say "$kept layers of part 1 are done; waiting for the merge"
merged() {
	# A run that began anew would have fewer for a while.
	[ "$(layers)" -ge "$kept" ] || fail "the task began anew, $kept layers of part 1 were done"
	! is "$merge" JobState CANCELLED || fail "the merge was cancelled"
	is "$merge" JobState COMPLETED
}
await "the merge is done" merged
[ "$(grep -c 'part 1/2 on' compress-1.log)" = 3 ] || fail "compress-1.log does not tell of three starts"
palettize compress model.safetensors -o one.pal --quiet --storage window
cmp out.pal one.pal || fail "what is merged is not what one run writes"
say "what is merged is what one run writes"
