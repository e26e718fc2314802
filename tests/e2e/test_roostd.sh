#!/usr/bin/env bash
# test_roostd.sh: roostd as a program: its listeners, its log, its end. Usage: test_roostd.sh BIN-FOLDER
set -uo pipefail
bin=$1
folder=$(mktemp -d)
failed=0
server=
trap 'kill "$server" 2>/dev/null; wait 2>/dev/null; rm -rf "$folder"' EXIT

claim() { # claim WORDS COMMAND…: the command succeeds
  local words=$1
  shift
  if "$@"; then echo "ok      $words"; else echo "FAILED  $words"; failed=1; fi
}

# start ARGS…: a server, ready when this returns; $url is its first URL
start() {
  mkfifo "$folder/ready"
  "$bin/roostd" --ready-fd 9 "$@" 9>"$folder/ready" 2>"$folder/log" &
  server=$!
  read -r url <"$folder/ready"
  rm "$folder/ready"
}

# stop SIGNAL: ends it; its exit status
stop() {
  kill -"$1" "$server"
  wait "$server"
}

answers() { "$bin/roost" -c "$1" ping >/dev/null 2>&1; }
log_has() { grep -qE "$1" "$folder/log"; }

start --listen "ipc://$folder/s" --listen tcp://127.0.0.1:0 --listen 'tcp://[::1]:0' --listen nng+tcp://127.0.0.1:0
claim "the first URL comes on --ready-fd" test "$url" = "ipc://$folder/s"
claim "it answers over ipc" answers "$url"
for tcp in $(sed -n 's/.*listening at \(tcp:.*\)/\1/p' "$folder/log"); do
  claim "port 0 became a port, which answers: $tcp" answers "$tcp"
done
claim "each listener is one line of the log" test "$(grep -c 'listening at' "$folder/log")" = 4
claim "the socket is its owner's only" test "$(stat -c %a "$folder/s")" = 600
claim "a second server at the same path is refused" \
  sh -c "! '$bin/roostd' --listen 'ipc://$folder/s' 2>'$folder/second'"
claim "… and says why" grep -q "another roostd listens here" "$folder/second"
claim "… and the first goes on" answers "$url"
claim "SIGTERM stops it with status 0" stop TERM
claim "nothing is left of its sockets" test -z "$(ls "$folder" | grep -vE '^(log|second)$')"

start --listen "ipc://$folder/s" --log-level error
claim "SIGINT stops it with status 0" stop INT
claim "--log-level error leaves out what is no error" test ! -s "$folder/log"

start --listen "ipc://$folder/s"
kill -9 "$server"
wait "$server" 2>/dev/null
start --listen "ipc://$folder/s"
claim "the socket of a killed server is no obstacle" answers "$url"
stop TERM

mkdir "$folder/of_node" && echo "roost 1" >"$folder/of_node/node"
claim "the folder of a node is not that of a server by itself" \
  sh -c "! '$bin/roostd' --data '$folder/of_node' --listen 'ipc://$folder/s' 2>'$folder/second'"
claim "… which it says" grep -q "of a node of a cluster" "$folder/second"
if "$bin/roostd" --help | grep -q -- --cluster; then
  echo 'node { id = 1 peer = "127.0.0.1:1" client = "tcp://127.0.0.1:2" }' >"$folder/nodes"
  start --data "$folder/alone" --listen "ipc://$folder/s"
  stop TERM
  claim "… and the other way round" \
    sh -c "! '$bin/roostd' --data '$folder/alone' --node 1 --cluster '$folder/nodes' --listen 'ipc://$folder/s' 2>'$folder/second'"
  claim "… which it says, too" grep -q "of a server by itself" "$folder/second"
fi

sleep 1000 &
owner=$!
start --listen "ipc://$folder/s" --owner "$owner"
kill -INT "$server"
claim "a server with an owner stays through Ctrl-C" answers "$url"
kill "$owner"
claim "… and ends when its owner does, with status 0" wait "$server"
claim "… and says so" log_has "owner ended"

export XDG_RUNTIME_DIR=$folder/run
mkdir -m 700 "$XDG_RUNTIME_DIR"
start
claim "without --listen it serves the user's socket" test "$url" = "ipc://$XDG_RUNTIME_DIR/roost/roost.sock"
claim "… where roost finds it without -c" sh -c "'$bin/roost' ping >/dev/null"
stop TERM

for bad in "--listen http://x" "--listen tcp://127.0.0.1" "--listen ipc:///nowhere/at/all/s"; do
  # shellcheck disable=SC2086
  claim "a bad listener is an error: $bad" sh -c "! timeout 5 '$bin/roostd' $bad 2>/dev/null"
done
"$bin/roostd" --no-such-option 2>/dev/null
claim "a usage error is status 2" test $? -eq 2
claim "--version says the version" sh -c "'$bin/roostd' --version | grep -q '^roostd [0-9]'"
exit $failed
