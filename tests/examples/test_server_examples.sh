#!/usr/bin/env bash
# test_server_examples.sh BIN-FOLDER: each program that uses a server: with a private one, and against one that another
# process started, over ipc and tcp. Compares the output, and that nothing is left behind.
set -uo pipefail
bin=$1
folder=$(mktemp -d)
failed=0
trap 'kill "$server" 2>/dev/null; wait 2>/dev/null; rm -rf "$folder"' EXIT

: >"$folder/log"
"$bin/roostd" --listen "ipc://$folder/s" --listen tcp://127.0.0.1:0 2>"$folder/log" &
server=$!
until [ "$(grep -c 'listening at' "$folder/log")" = 2 ]; do kill -0 $server || exit 1; done
tcp=$(sed -n 's/.*listening at \(tcp:.*\)/\1/p' "$folder/log")

# check NAME EXPECTED NORMALISE: runs it three ways
check() {
  local name=$1 expected=$2 normalise=$3 url got
  for url in "" "ipc://$folder/s" "$tcp"; do
    # shellcheck disable=SC2086
    got=$(EXAMPLE_RUN=$$ "$bin/example_$name" $url 2>&1 | eval "$normalise")
    if [ "$got" = "$expected" ]; then
      echo "ok      $name ${url:-(private server)}"
    else
      printf 'FAILED  %s %s\n  expected: %s\n  got:      %s\n' "$name" "$url" "$expected" "$got"
      failed=1
    fi
  done
}

# The order of processes is not ours to say: sort what they put.
sorted_words='sed "s/[][{},]/ /g; s/ = */ /" | while read -r name rest; do echo "$name $(tr " " "\n" <<<"${rest// : /:}" | grep . | sort | tr "\n" " ")"; done'
pairs='sed "s/\": /\":/g" | '"$sorted_words"

check fill 'dict "0":"1" "0.25":null "1":"1" "2":"1" "2":2 "3":"1" "4":"1" "5":"1" "6":"1" "7":"1" "8":"1" "9":"1" 
list 0 0 1 1 2 2 3 3 4 4 5 6 7 8 9 ' "LC_ALL=C; $pairs"
check squares '20 keys, sum of squares 2470, the square of 19 is 361' cat
check drain 'read 300 items, sum 44850' cat
check messages '[42, 0, "hello"]
[42, 1, "hello"]
[42, 2, "hello"]' sort
check counter 'under the lock: 1000
in one call: 1000' cat
check as_completed 'worker 0: 500500
worker 1: 2001000
worker 2: 4501500
worker 3: 8002000
worker 4: 12502500' sort
check load '10000 entries in 20 batches, 0 failed' 'grep -vE "^one by one: [0-9.]+ ms, in batches: [0-9.]+ ms$"'
check pages '200000 elements, sum 19999900000
first half: 100000 elements; the rest: 100000' cat
check event_loop 'ticks 10, items 10, sum 45' cat

left=$("$bin/roost" -c "$tcp" info | awk '$1 == "objects" || $1 == "holds" || $1 == "waiters" || $1 == "deliveries" {n += $2} END {print n}')
if [ "$left" = 0 ]; then echo "ok      nothing is left in the server"; else echo "FAILED  $left things are left"; failed=1; fi
# Whoever has EXAMPLE_RUN in its environment was started by a program.
left=$(grep -lzxF "EXAMPLE_RUN=$$" /proc/[0-9]*/environ 2>/dev/null)
if [ -z "$left" ]; then echo "ok      no process is left"; else echo "FAILED  left: $left"; failed=1; fi
exit $failed
