#!/usr/bin/env bash
# What a hub, a meter and a broker cost this machine, at 42 clamps and one sample a second:
# `bench/footprint.sh [seconds]`. From /proc, after a start of 20 s that does not count.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
seconds=${1:-60}
program=${LENZ_PROGRAM:-$root/build/release/lenz}
[[ -x $program ]] || { echo "There is no $program yet: run './run --version' first." >&2; exit 1; }

output=$(mktemp)
"$program" demo --house neighbours --port 0 >"$output" 2>&1 &
demo=$!
trap 'kill -INT "$demo" 2>/dev/null; wait "$demo" || true; rm -f "$output"' EXIT
sleep 20
kill -0 "$demo" 2>/dev/null || { cat "$output" >&2; exit 1; }

# The processes that the demo started, as "pid name".
parts() {
  local pid words
  for pid in $(pgrep -P "$demo"); do
    mapfile -d '' -t words <"/proc/$pid/cmdline"
    case ${words[0]##*/} in
      lenz) echo "$pid ${words[1]}" ;;
      mosquitto) echo "$pid broker" ;;
    esac
  done
}
# User and system time so far, in clock ticks; what stands before the last parenthesis may hold spaces.
ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{print $12 + $13}'; }

declare -A before
mapfile -t running < <(parts)
for part in "${running[@]}"; do before[${part% *}]=$(ticks "${part% *}"); done
sleep "$seconds"
printf '%-8s %12s %14s\n' part 'CPU of one' 'peak memory'
for part in "${running[@]}"; do
  pid=${part% *}
  share=$(awk -v used=$(($(ticks "$pid") - before[$pid])) -v hz="$(getconf CLK_TCK)" -v s="$seconds" \
    'BEGIN {printf "%.2f", 100 * used / hz / s}')
  peak=$(awk '/^VmHWM/ {printf "%.1f", $2 / 1024}' "/proc/$pid/status")
  printf '%-8s %10s %% %10s MiB\n' "${part#* }" "$share" "$peak"
done
