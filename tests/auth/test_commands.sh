#!/usr/bin/env bash
# test_commands.sh: the README's way from nothing to a server with TLS and keys. Usage: test_commands.sh BIN-FOLDER
set -uo pipefail
PATH=$1:$PATH
folder=$(mktemp -d)
cd "$folder" || exit 1
failed=0
server=
trap 'kill "$server" 2>/dev/null; wait 2>/dev/null; rm -rf "$folder"' EXIT

claim() { # claim WORDS COMMAND…: the command succeeds
  local words=$1
  shift
  if "$@" >out 2>err; then echo "ok      $words"; else echo "FAILED  $words"; cat out err; failed=1; fi
}
fails() { ! timeout 20 "$@"; }

claim "keygen makes an authority" roost keygen certs
claim "cert makes servers and clients in one command" \
  roost cert certs --server db1,localhost,127.0.0.1 --client alice --client bob
claim "keys are their owner's alone" test "$(stat -c %a certs/ca.key certs/db1.key certs/alice.key | sort -u)" = 600
claim "an authority is not written over" fails roost keygen certs
claim "a certificate is not written over" fails roost cert certs --server db1
claim "a name that is none is refused" fails roost cert certs --server ../db2
claim "cert makes nodes of a cluster" roost cert certs --node node-1.prod,10.0.0.1 --node node-2.prod
claim "… and no others by that option" fails roost cert certs --node db2
claim "key makes an identity" roost key keys alice alice.key
claim "… with rights" roost key keys worker worker.key read,write 'job*'
claim "a key is not written over" fails roost key keys eve alice.key
claim "both files are their owner's alone" test "$(stat -c %a keys alice.key | sort -u)" = 600

mkfifo ready
roostd --owner $$ --listen tls+tcp://0.0.0.0:0 --tls-cert certs/db1.pem --tls-key certs/db1.key --tls-ca certs/ca.pem \
  --tls-require-client-cert --keys keys --ready-fd 9 9>ready 2>log &
server=$!
read -r url <ready
export ROOST_URL=tls+tcp://localhost:${url##*:} ROOST_TLS_CA=certs/ca.pem
export ROOST_TLS_CERT=certs/alice.pem ROOST_TLS_KEY=certs/alice.key ROOST_IDENTITY=worker ROOST_KEY_FILE=worker.key
claim "the worker does what it may" timeout 20 roost queue put jobs 1
claim "… and nothing else" fails roost dict set accounts bob 7
claim "… which is said" bash -c "roost dict set accounts bob 7 2>&1 | grep -q 'lacks the right to write \"accounts\"'"
claim "options go before the environment" \
  timeout 20 roost --identity alice --key-file alice.key dict set accounts bob 7
claim "a key without certificate is not enough" env -u ROOST_TLS_CERT -u ROOST_TLS_KEY bash -c '! timeout 20 roost ping'
claim "a certificate without key is not enough" env -u ROOST_IDENTITY -u ROOST_KEY_FILE bash -c '! timeout 20 roost ping'
claim "the log says who was refused" grep -q 'refused what=.*lacks the right to write.*identity=worker' log
exit $failed
