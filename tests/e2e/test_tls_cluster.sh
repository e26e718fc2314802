#!/usr/bin/env bash
# test_tls_cluster.sh: the README's three servers over TLS, from nothing: its very commands, with other ports.
# Usage: test_tls_cluster.sh BIN-FOLDER README. Status 77: roostd was built without clusters.
set -uo pipefail
PATH=$(realpath "$1"):$PATH
readme=$(realpath "$2")
roostd --help | grep -- --cluster >/dev/null || exit 77
folder=$(mktemp -d)
cd "$folder" || exit 1
failed=0
trap 'kill -9 $(jobs -p) 2>/dev/null; wait 2>/dev/null; rm -rf "$folder"' EXIT

claim() { # claim WORDS COMMAND…: the command succeeds
  local words=$1
  shift
  if "$@" >out 2>err; then echo "ok      $words"; else echo "FAILED  $words"; cat out err; failed=1; fi
}
ports=$(python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(6)]
print(*(s.getsockname()[1] for s in held))')
sed -n '/^### Three servers over TLS/,/^## /p' "$readme" | sed -n '/^```sh$/,/^```$/p' | sed '/^```/d' >commands
i=0
for port in $ports; do # 7101 … 7103, 7201 … 7203
  sed -i "s/7$((1 + i / 3))0$((1 + i % 3))/$port/g" commands
  i=$((i + 1))
done
port=(none $ports)
sed -i 's|127.0.0.1:710$n|127.0.0.1:${port[$n]}|; s|roostd --data|roostd --owner $$ --data|' commands
sed '/^export/,$d' commands >begin
sed -n '/^export/,$p' commands >use
claim "there are commands" test -s begin -a -s use
. ./begin >out 2>log || { cat log; exit 1; }
. <(grep ^export use)
timeout 60 sh -c 'until roost ping; do sleep 0.05; done' >out 2>err
claim "a client with its key is served" timeout 60 roost dict set scores alice 3
test "$failed" = 0 || cat log
claim "every command of the page works" timeout 60 bash -ec ". ./use"
claim "the leader tells of three nodes" bash -c "timeout 60 roost --json cluster status | grep -o '\"peer\"' | wc -l | grep -qx 3 || timeout 60 roost cluster status | grep -c 127.0.0.1 | grep -q '^[3-9]'"
claim "nobody comes in without the key" env -u ROOST_IDENTITY -u ROOST_KEY_FILE bash -c '! timeout 60 roost dict get scores alice'
exit $failed
