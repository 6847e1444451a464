# Sourced by ./run, ./test and the scripts in tests/ and bench/: the steps from a bare machine to a
# built Lenz. Each step does nothing when there is nothing to do, and a step that fails ends the
# script with one sentence that says what failed and what to do.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=$root/.cache
mkdir -p "$cache"

say() { printf '==> %s\n' "$*" >&2; }

fail() {
  printf '\nLenz: %s\n' "$*" >&2
  exit 1
}

# run_logged NAME COMMAND...: keeps what the command prints in .cache/NAME.log and shows the end of
# it when the command fails.
run_logged() {
  local log=$cache/$1.log
  shift
  "$@" >"$log" 2>&1 </dev/null && return 0
  tail -n 25 "$log" >&2
  return 1
}

as_root() {
  if [[ $(id -u) == 0 ]]; then "$@"; else sudo -- "$@"; fi
}

is_installed() { [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# The packages of tools/packages.txt up to a level (run, test, all), or those of bench, that this
# machine does not have.
missing_packages() {
  local wanted=" run " level package
  [[ $1 == run ]] || wanted+="test "
  [[ $1 == bench ]] && wanted=" bench "
  [[ $1 == all ]] && wanted+="all "
  while read -r level package; do
    [[ $wanted == *" $level "* ]] || continue
    [[ $package == chromium && -n ${CHROMIUM:-} ]] && continue
    is_installed "$package" || echo "$package"
  done < <(grep -v '^#' "$root/tools/packages.txt")
}

# Debian starts a service when its package is installed. Lenz starts its own server when it needs
# one, so meanwhile a policy forbids that, and an enabled unit is disabled again.
install_packages() {
  local policy=/usr/sbin/policy-rc.d kept='' status=0
  if [[ -e $policy ]]; then
    kept=$policy.before-lenz
    as_root mv "$policy" "$kept"
  fi
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
  run_logged apt as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-remove \
    --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" || status=$?
  as_root rm -f "$policy"
  [[ -z $kept ]] || as_root mv "$kept" "$policy"
  local service
  for service in mosquitto influxdb victoria-metrics; do
    [[ $status == 0 && " $* " == *" $service "* ]] || continue
    as_root deb-systemd-helper disable "$service.service" >/dev/null 2>&1 || true
    as_root update-rc.d "$service" disable >/dev/null 2>&1 || true
  done
  return "$status"
}

# ensure_packages LEVEL
ensure_packages() {
  command -v apt-get >/dev/null ||
    fail "this system has no apt: use Debian 12 or Ubuntu 24.04, or a container of one of them."
  local missing
  mapfile -t missing < <(missing_packages "$1")
  has_node || has_own_node || command -v npm >/dev/null || missing+=(npm)
  [[ ${#missing[@]} == 0 ]] && return
  say "Installing with apt: ${missing[*]}"
  if [[ $(id -u) != 0 ]] && ! command -v sudo >/dev/null; then
    fail "packages are missing and there is no sudo: as root, run" \
      "'apt-get install --no-install-recommends ${missing[*]}', then start again."
  fi
  run_logged apt as_root apt-get update -o DPkg::Lock::Timeout=300 ||
    fail "the package lists could not be fetched: check the network and 'apt-get update'," \
      "then start again."
  install_packages "${missing[@]}" ||
    fail "a package could not be installed (above, and in .cache/apt.log):" \
      "put that right with apt-get, then start again."
}

# The page's build needs Node 20.19, or 22.12 and later.
has_node() {
  command -v npm >/dev/null && command -v node >/dev/null && node -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1);
  ' 2>/dev/null
}

own_node=$cache/node/node_modules/.bin

has_own_node() {
  [[ -x $own_node/node && -x $own_node/npm ]] &&
    cmp -s "$root/tools/node/package-lock.json" "$cache/node/package-lock.json"
}

# Puts a Node that is new enough, and its npm, on the PATH of this script and what it starts.
ensure_node() {
  has_node && return
  if ! has_own_node; then
    say "Fetching Node 22 into .cache/node"
    mkdir -p "$cache/node"
    cp "$root"/tools/node/package{,-lock}.json "$cache/node/"
    # npm links the programs of its packages into one folder, but leaves out one named node.
    if ! run_logged node npm ci --prefix "$cache/node" --no-audit --no-fund ||
      ! ln -sf "$cache/node/node_modules"/node-linux-*/bin/node "$own_node/node" ||
      ! run_logged node "$own_node/node" --version; then
      rm -f "$cache/node/package-lock.json"
      fail "Node 22 could not be fetched with npm (.cache/node.log): check the network and npm's" \
        "settings, or install Node 22 yourself, then start again."
    fi
  fi
  PATH=$own_node:$PATH
}

# A file's or many files' content as one word.
hash_of() { sha256sum "$@" | sha256sum | cut -d' ' -f1; }

# What the page needs from npm, exactly as its lock file says.
ensure_web_packages() {
  local lock
  lock=$(hash_of "$root/web/package-lock.json")
  [[ -d $root/web/node_modules && $(cat "$cache/web_packages" 2>/dev/null) == "$lock" ]] && return
  say "Fetching what the page is built with"
  run_logged npm npm ci --prefix "$root/web" --no-audit --no-fund ||
    fail "the page's packages could not be fetched (.cache/npm.log): check the network and npm's" \
      "settings, then start again."
  echo "$lock" >"$cache/web_packages"
}

page_sources() {
  find "$root/web" \( -name node_modules -o -name dist \) -prune -o -type f -print0 | sort -z |
    xargs -0 sha256sum | sha256sum
}

# The page into web/dist.
ensure_page() {
  local sources
  sources=$(page_sources)
  [[ -f $root/web/dist/index.html && $(cat "$cache/page" 2>/dev/null) == "$sources" ]] && return
  ensure_node
  ensure_web_packages
  say "Building the page"
  run_logged page npm run build --prefix "$root/web" ||
    fail "the page could not be built: put right what is said above (.cache/page.log)," \
      "then start again."
  echo "$sources" >"$cache/page"
}

# One compiler needs up to 1.5 GB.
build_jobs() {
  local cores by_memory
  cores=$(nproc)
  by_memory=$(awk '/^MemAvailable/ {print int($2 / 1500000)}' /proc/meminfo)
  echo $((by_memory < 1 ? 1 : by_memory < cores ? by_memory : cores))
}

# ensure_build PRESET [TARGET...]: configures once, then builds what has changed.
ensure_build() {
  local preset=$1 folder=$root/build/$1
  shift
  if [[ ! -f $folder/build.ninja || $folder/build.ninja -ot $root/CMakePresets.json ]]; then
    say "Preparing the build in build/$preset"
    (cd "$root" && run_logged configure cmake --preset "$preset") ||
      fail "the build could not be prepared: put right what is said above (.cache/configure.log)," \
        "then start again."
    touch "$folder/build.ninja"
  fi
  say "Building Lenz in build/$preset (some minutes the first time)"
  ninja -C "$folder" -j "$(build_jobs)" "$@" >&2 </dev/null ||
    fail "Lenz could not be built: put right what the compiler says above, then start again."
}
