#!/usr/bin/env bash
# test_http.sh: metrics, health, who may ask; the slow log, the audit line, the rate. Usage: test_http.sh BIN-FOLDER
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
start() { # start ARGS…: a server, ready when this returns; $http is where it serves
  mkfifo "$folder/ready"
  "$bin/roostd" --listen "ipc://$folder/s" --ready-fd 9 "$@" 9>"$folder/ready" 2>"$folder/log" &
  server=$!
  read -r _ <"$folder/ready"
  rm "$folder/ready"
  http=$(sed -n 's/.*serving \(http.*\)/\1/p' "$folder/log")
}
stop() { kill "$server"; wait "$server"; }
roost() { "$bin/roost" -c "ipc://$folder/s" "$@"; }
get() { curl -s --max-time 20 "${@:2}" "$http$1"; }
status() { curl -s --max-time 20 -o /dev/null -w '%{http_code}' "${@:2}" "$http$1"; }
log_has() { grep -qE "$1" "$folder/log"; }

start --http 127.0.0.1:0
roost dict set scores alice 3 >/dev/null
roost dict get scores nobody >/dev/null 2>&1
roost queue put jobs 1 >/dev/null
get /metrics >"$folder/metrics"
metric() { test "$(grep -F "$1 " "$folder/metrics" | sed 's/.* //')" = "$2"; }
claim "calls are counted by method" metric 'roost_calls_total{method="dict.set"}' 1
claim "… and errors" metric 'roost_call_errors_total{method="dict.get"}' 1
claim "… and every call is in the histogram" metric 'roost_call_duration_seconds_bucket{method="dict.set",le="+Inf"}' 1
claim "… which has a sum" grep -qE '^roost_call_duration_seconds_sum\{method="dict.set"\} [0-9.e-]+$' "$folder/metrics"
claim "objects are counted by type" metric 'roost_objects{type="queue"}' 1
claim "… with their bytes" grep -qE '^roost_object_bytes\{type="dict"\} [1-9]' "$folder/metrics"
claim "connections are counted by transport" grep -qE '^roost_connections\{transport="ipc"\} [0-9]+$' "$folder/metrics"
claim "bytes go in and out" grep -qE '^roost_received_bytes_total [1-9]' "$folder/metrics"
claim "every line is a comment or a sample" \
  sh -c "! grep -vE '^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+=\"[^\"]*\"(,le=\"[^\"]*\")?\})? [0-9.e+-]+)\$' '$folder/metrics'"
if command -v promtool >/dev/null; then
  claim "promtool finds no fault" sh -c "promtool check metrics <'$folder/metrics'"
fi
claim "/health says ok" test "$(get /health)" = ok
claim "/ready says ready" test "$(get /ready)" = ready
claim "/state is JSON and has the objects" sh -c "curl -s '$http/state' | python3 -c '
import json, sys
state = json.load(sys.stdin)
assert sorted(o[\"name\"] for o in state[\"objects\"]) == [\"jobs\", \"scores\"]
'"
get /events --max-time 3 >"$folder/events"
claim "/events sends pictures, one a second" test "$(grep -c '^data: {"info"' "$folder/events")" -ge 2
claim "who watches leaves room for who asks" python3 -c "
import http.client, urllib.parse
where = urllib.parse.urlparse('$http').netloc
watching = []
for _ in range(60):
    c = http.client.HTTPConnection(where, timeout=20)
    c.request('GET', '/events')
    r = c.getresponse()
    watching.append((c, r)) if r.status == 200 else c.close()
assert 30 <= len(watching) <= 40, len(watching)  # one of before may not be gone yet
c = http.client.HTTPConnection(where, timeout=20)
c.request('GET', '/metrics')
assert c.getresponse().status == 200
"
claim "no path leads elsewhere" sh -c "for p in // /../ /metrics/ /%2e%2e/etc/passwd /METRICS /page.html; do
  test \"\$(curl -s --path-as-is --max-time 20 -o /dev/null -w '%{http_code}' '$http'\$p)\" = 404 || exit 1; done"
claim "headers beyond measure are refused" test "$(head -c 200000 /dev/zero | tr '\0' a | sed 's/^/X: /' >"$folder/header"; status / -H @"$folder/header")" = 431
claim "/ is the page" sh -c "curl -s '$http/' | grep -q '<title>roost</title>'"
claim "a name that was made to lead here is refused" test "$(status / -H 'Host: evil.example')" = 403
claim "nothing is changed by HTTP" test "$(status / -X POST -d x)" = 405
claim "what is not there is 404" test "$(status /nothing)" = 404
claim "a watcher does not hold up the end" stop

claim "no token, no address for all" sh -c "! '$bin/roostd' --listen 'ipc://$folder/s' --http 0.0.0.0:0 2>'$folder/why'"
claim "… and it says why" grep -q "http-token-file must say who may ask" "$folder/why"
echo short >"$folder/token"
claim "a token must have a length" sh -c "! '$bin/roostd' --listen 'ipc://$folder/s' --http :0 --http-token-file '$folder/token' 2>/dev/null"
echo 'a token that nobody guesses' >"$folder/token"
printf 'http = "127.0.0.1:0"\nhttp-token-file = "%s"\n' "$folder/token" >"$folder/conf"
start -c "$folder/conf"
claim "without the token: 401" test "$(status /metrics)" = 401
claim "with another: 401" test "$(status /metrics -H 'Authorization: Bearer a token that nobody guessed')" = 401
claim "with the token: 200" test "$(status /metrics -H 'Authorization: Bearer a token that nobody guesses')" = 200
claim "in the URL too, for a browser" test "$(status '/?token=a%20token%20that%20nobody%20guesses')" = 200
claim "health and readiness need none" test "$(status /health)$(status /ready)" = 200200
echo 'and now quite another token' >"$folder/token"
kill -HUP "$server"
timeout 20 sh -c "until grep -q 'http token loaded' '$folder/log'; do sleep 0.02; done"
claim "SIGHUP reads the token again" test "$(status /metrics -H 'Authorization: Bearer and now quite another token')" = 200
claim "… and the old one is none" test "$(status /metrics -H 'Authorization: Bearer a token that nobody guesses')" = 401
stop

start --slow-ms 1 --log-format json --rate 50 --value-max 100
roost array open big d 20000000 >/dev/null
roost array slice big >/dev/null 2>&1
claim "a slow call is in the log, with its method and times" \
  log_has '"message": "slow call", "method": "[a-z.]+", "object": [0-9]+, "exec_us": [0-9]+, "wait_us": [0-9]+, "session": [0-9]+, "peer": "ipc uid [0-9]+ pid [0-9]+"'
roost queue put gone 1 >/dev/null
roost rm gone
claim "a deletion is in the log, with what and who" \
  log_has '"message": "audit", "method": "server.delete", .*"args": ".*gone.*", "session": [0-9]+, "peer": "ipc uid .*"result": "done"'
roost dict set d k "$(printf '%0200d' 0)x" 2>/dev/null
claim "a refusal is in the log" log_has '"message": "refused", "what": "dict.set", "error": "over a limit"'
for _ in $(seq 200); do echo 'dict len d'; done | roost >/dev/null 2>"$folder/why"
claim "a peer over its rate is refused, by name" grep -q 'uid [0-9]* makes more calls a second than the limit rate (50)' "$folder/why"
claim "… and lines of it are few" test "$(grep -c '"what": "rate"' "$folder/log")" -le 60
claim "every line of the log is JSON" python3 -c "
import json
for line in open('$folder/log'): json.loads(line)
"
stop
exit $failed
