# shellcheck shell=bash
# For x86.sh and qemu.sh: unpacks Debian packages into a cache folder. Nothing is installed and no
# step needs root; apt-get does the work with a folder of its own for all that it keeps.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/palettize/emulate

die() {
  echo "${0##*/}: $*" >&2
  exit 2
}

native="\`make check PALETTIZE_LANES=native\` goes without the emulated CPUs"
[ "$(uname -sm)" = "Linux x86_64" ] || die "needs Linux on x86-64, preferably Debian. $native"

# fetch NAME SUITE PACKAGES: makes $cache/NAME, which holds the packages and all that they need.
fetch() {
  local name=$1 suite=$2 tool mirror package
  shift 2
  [ ! -e "$cache/$name" ] || return 0
  for tool in apt-get dpkg-deb flock setpriv; do
    command -v "$tool" >/dev/null || die "needs $tool, as Debian has it. $native"
  done
  mkdir -p "$cache" || die "cannot write to $cache"
  ( # Whoever comes second waits here and finds the work done.
    flock 9
    [ ! -e "$cache/$name" ] || exit 0
    echo "${0##*/}: fetching $* ($suite) to $cache/$name" >&2
    rm -rf "$cache/$name.new"
    mkdir -p "$cache/$name.new/apt/lists/partial" "$cache/$name.new/apt/archives/partial"
    cd "$cache/$name.new" || exit
    touch apt/status
    cat >apt/conf <<END
#clear APT::Update::Post-Invoke;
Dir::State "$PWD/apt";
Dir::State::status "$PWD/apt/status";
Dir::Cache "$PWD/apt";
APT::Sandbox::User "";
Acquire::Languages "none";
END
    # Where this machine takes Debian from. apt tells only what it has lists of.
    mirror=${EMULATE_MIRROR:-$(mirrors)}
    [ -n "$mirror" ] || mirror=$(apt-get -qq -c apt/conf update >&2 && mirrors -c apt/conf)
    [ -n "$mirror" ] || die "apt knows no archive of Debian; set EMULATE_MIRROR to the address of one. $native"
    printf "deb $mirror %s main\n" "${suite%-backports}" "$suite" | sort -u >apt/sources.list
    cat >>apt/conf <<END
Dir::Etc::sourcelist "$PWD/apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
END
    if ! apt-get -qq -c apt/conf update >&2 ||
      ! apt-get -qq -c apt/conf install --download-only --no-install-recommends --yes "$@" >&2; then
      die "apt-get cannot fetch $* ($suite) from $mirror; is there a network? $native"
    fi
    for package in apt/archives/*.deb; do
      dpkg-deb --extract "$package" .
    done
    rm -rf apt
    mv "$PWD" "$cache/$name"
  ) 9>"$cache/lock"
}

mirrors() {
  # shellcheck disable=SC2016 # apt-get fills in $(REPO_URI)
  apt-get indextargets "$@" --format '$(REPO_URI)' 'Origin: Debian' 'Created-By: Packages' 2>/dev/null |
    sed -n '/security/!{p;q}' || true
}
