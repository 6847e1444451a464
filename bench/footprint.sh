#!/usr/bin/env bash
# What a hub, a meter and a broker cost this machine, at 42 clamps and one sample a second:
# `bench/footprint.sh [seconds [hub's options]]`, with options of a home without circuits, else of the
# demo. From /proc, after a start of 20 s that does not count.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
seconds=${1:-60}
options=("${@:2}")
program=${LENZ_PROGRAM:-$root/build/release/lenz}
[[ -x $program ]] || { echo "There is no $program yet: run './run --version' first." >&2; exit 1; }

folder=$(mktemp -d)
started=()
trap 'kill -INT "${started[@]}" 2>/dev/null; wait || true; rm -rf "$folder"' EXIT
if [[ ${#options[@]} == 0 ]]; then
  "$program" demo --house neighbours --port 0 >"$folder/output" 2>&1 &
  started=($!)
else
  "$program" hub --data "$folder/hub" --meter meter-1 --port 0 "${options[@]}" \
    >"$folder/output" 2>&1 &
  started=($!)
  until [[ -s $folder/hub/broker ]]; do
    kill -0 "${started[0]}" 2>/dev/null || { cat "$folder/output" >&2; exit 1; }
    sleep 0.1
  done
  "$program" meter --data "$folder/hub" --house neighbours >>"$folder/output" 2>&1 &
  started+=($!)
fi
sleep 20
for pid in "${started[@]}"; do
  kill -0 "$pid" 2>/dev/null || { cat "$folder/output" >&2; exit 1; }
done

# The processes that were started, as "pid name".
parts() {
  local pid words
  for pid in "${started[@]}" $(pgrep -P "$(IFS=,; echo "${started[*]}")"); do
    mapfile -d '' -t words <"/proc/$pid/cmdline"
    case ${words[0]##*/} in
      lenz*) [[ ${words[1]} == demo ]] || echo "$pid ${words[1]}" ;;
      mosquitto) echo "$pid broker" ;;
    esac
  done
}
# Nanoseconds of CPU so far, and how often it was put on one.
used() { cut -d' ' -f1,3 "/proc/$1/schedstat"; }

declare -A before
mapfile -t running < <(parts)
for part in "${running[@]}"; do before[${part% *}]=$(used "${part% *}"); done
sleep "$seconds"
printf '%-8s %12s %10s %14s %14s\n' part 'CPU of one' 'a day' 'turns a second' 'peak memory'
for part in "${running[@]}"; do
  pid=${part% *}
  figures=$(echo "${before[$pid]} $(used "$pid")" | awk -v s="$seconds" \
    '{printf "%10.2f %% %8.1f s %14.1f", ($3 - $1) / 1e7 / s, ($3 - $1) / 1e9 / s * 86400, ($4 - $2) / s}')
  peak=$(awk '/^VmHWM/ {printf "%.1f", $2 / 1024}' "/proc/$pid/status")
  printf '%-8s %s %10s MiB\n' "${part#* }" "$figures" "$peak"
done
