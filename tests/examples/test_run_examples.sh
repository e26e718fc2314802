#!/usr/bin/env bash
# test_run_examples.sh BIN-FOLDER: each program that needs no server. Compares the output and the exit status, and that
# no process is left behind. fetch gets its pages from a web server on the loopback.
set -uo pipefail
export LC_ALL=C
bin=$1
folder=$(mktemp -d)
failed=0
web=
trap '[ -z "$web" ] || kill "$web" 2>/dev/null; wait 2>/dev/null; rm -rf "$folder"' EXIT

# verdict NAME EXPECTED GOT
verdict() {
  if [ "$3" = "$2" ]; then
    echo "ok      $1"
  else
    printf 'FAILED  %s\n  expected: %s\n  got:      %s\n' "$1" "$2" "$3"
    failed=1
  fi
}

# check EXPECTED NORMALISE STATUS NAME ARGS…: stdout through NORMALISE, then the exit status
check() {
  local expected=$1 normalise=$2 status=$3 name=$4 rc
  shift 4
  EXAMPLE_RUN=$$ timeout 60 "$bin/example_$name" "$@" >"$folder/out" 2>"$folder/err"
  rc=$?
  verdict "$name" "$expected
exit status $status" "$("$normalise" <"$folder/out")
exit status $rc"
}

check 'thread Thread-1: exit code 3, the counter is 1
process Process-1: exit code 3, the counter is 1
process sleeper: not done after 0 ms
process sleeper: exit code -15' cat 0 basics

check 'loop: 983124487
threads: 983124487
processes: 983124487' cat 0 three_ways
verdict 'three_ways tells its times' 3 "$(grep -cE '^(loop|threads|processes) took [0-9.]+ s$' "$folder/err")"

check '249833583000 + 249833583000 = 499667166000' cat 0 queue_sums

# How many additions are lost without a lock is not ours to say.
hide_first() { sed '1s/: .* of/: some of/'; }
check 'without lock: some of 200000
with lock:    200000 of 200000
atomic:       200000 of 200000' hide_first 0 shared_value

check 'child got: [1, "hello", null]
parent got: {"answer": 42, "from": "child"}
the child has closed its end' cat 0 pipe

check 'map: [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]
apply_async: 100' cat 0 pool_basics

check '100 results written' cat 0 results_file "$folder/squares"
verdict 'the file of results_file' "$(for i in {0..99}; do echo "$i $((i * i))"; done)" "$(sort -n "$folder/squares")"

check 'map_async: 2666466670000
apply_async: 2666466670000
imap: 2666466670000' cat 0 many_squares
verdict 'many_squares tells its times' 3 "$(grep -cE ' took [0-9.]+ ms$' "$folder/err")"

check 'fib(20) = 6765
fib(21) = 10946
fib(22) = 17711
fib(23) = 28657
fib(24) = 46368
fib(25) = 75025
fib(26) = 121393
fib(27) = 196418
fib(28) = 317811
fib(29) = 514229' sort 0 fibonacci

check '1 is fine
3 is fine
5 is fine
failed: task only_odd: 2 is even
failed: task only_odd: 4 is even
failed: task only_odd: 6 is even' sort 0 even_fails

check '240 images in 12 parts, 244070 edges' cat 0 features
verdict 'features shows its bar to the end' 1 "$(grep -c 'images: 100%|#*| 240/240 ' "$folder/err")"

# Twelve URLs: eleven pages of different lengths and one that is not there.
mkdir "$folder/pages"
for i in {1..11}; do head -c $((i * 3000)) /dev/zero >"$folder/pages/$i"; done
python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$folder/pages" >"$folder/web" 2>/dev/null &
web=$!
until grep -q 'port [0-9]' "$folder/web"; do kill -0 "$web" || exit 1; done
base=http://127.0.0.1:$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$folder/web")
check "$(for i in {1..11}; do echo "$base/$i: $((i * 3000)) bytes"; done)
$base/12: task fetch: HTTP 404" cat 1 fetch "$base"/{1..12}

# Whoever has EXAMPLE_RUN in its environment was started by a program.
verdict 'no process is left' '' "$(grep -lzxF "EXAMPLE_RUN=$$" /proc/[0-9]*/environ 2>/dev/null)"
exit $failed
