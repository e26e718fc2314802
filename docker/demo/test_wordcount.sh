#!/usr/bin/env bash
# test_wordcount.sh BIN-FOLDER: the compose demo without containers: three workers, one killed in the middle, exact totals.
set -uo pipefail
bin=$1
folder=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; rm -rf "$folder"' EXIT

"$bin/roostd" --listen tcp://127.0.0.1:0 --log-level info 2>"$folder/log" &
pids+=($!)
for _ in $(seq 200); do url=$(grep -o 'tcp://.*' "$folder/log") && break; sleep 0.02; done
export ROOST_URL=$url

# reach TYPE.len AT LEAST: waits until the object has so many items
reach() { for _ in $(seq 500); do [ "$("$bin/roost" dict len "$1" 2>/dev/null || echo 0)" -ge "$2" ] && return; sleep 0.01; done; exit 1; }

for name in ann bob cid; do
  "$bin/demo_worker" "$url" $name >"$folder/$name" &
  pids+=($!)
done
reach workers 3
"$bin/demo_collector" "$url" >"$folder/out" &
collector=$!
pids+=("$collector")
reach results 8
kill -9 "${pids[2]}"
wait $collector
status=$?
wait "${pids[1]}" "${pids[3]}"
cat "$folder"/{out,ann,cid}
[ $status -eq 0 ] && grep -q 'bob died' "$folder/out" && grep -q 'totals are exact' "$folder/out"
