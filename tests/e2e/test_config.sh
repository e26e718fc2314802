#!/usr/bin/env bash
# test_config.sh: where roostd's options come from, and what it says of wrong ones. Usage: test_config.sh BIN-FOLDER
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

conf=$folder/roostd.conf
value() { "$bin/roostd" "${@:2}" --print-config | sed -n "s/^$1 = \"\(.*\)\" # .*/\1/p"; }
source_of() { "$bin/roostd" "${@:2}" --print-config | sed -n "s/^$1 = .* # //p"; }
complains() { # complains WORDS ARGS…: status 2, and the words on stderr
  timeout 5 "$bin/roostd" "${@:2}" 2>"$folder/why" >/dev/null
  test $? -eq 2 && grep -qF -- "$1" "$folder/why"
}

printf '# limits\nvalue-max = 1M\nslow-ms = 7\n' >"$conf"
claim "a value comes from the default" test "$(value value-max)" = 64M
claim "the file counts more" test "$(value value-max -c "$conf")" = 1M
claim "… and is said to be the source" test "$(source_of value-max -c "$conf")" = file
export ROOSTD_VALUE_MAX=2M
claim "a variable counts more than the file" test "$(value value-max -c "$conf")" = 2M
claim "a flag counts more than a variable" test "$(value value-max -c "$conf" --value-max 3M)" = 3M
unset ROOSTD_VALUE_MAX
claim "ROOSTD_CONFIG names the file too" env ROOSTD_CONFIG="$conf" sh -c "'$bin/roostd' --print-config | grep -q 'slow-ms = \"7\" # file'"
"$bin/roostd" -c "$conf" --listen ipc:///a --listen tcp://b:1 --print-config >"$folder/printed"
claim "what --print-config prints is a file that says the same" \
  sh -c "'$bin/roostd' -c '$folder/printed' --print-config | sed 's/ #.*//' >'$folder/again' && sed 's/ #.*//' '$folder/printed' | cmp - '$folder/again'"

printf 'slow-ms = 1\n\nvalue-max = lots\n' >"$folder/bad"
claim "a wrong value is named with file and line" complains "$folder/bad:3: value-max is a number of bytes" -c "$folder/bad"
printf 'slow-ms = 1\ncolour = red\n' >"$folder/bad"
claim "an unknown key is named with file and line" complains "$folder/bad:2: no such option 'colour'" -c "$folder/bad"
claim "a file that is not there is an error" complains "$folder/none: No such file" -c "$folder/none"
claim "a folder is no file, and no reason to end without a word" complains "configuration file $folder: Is a directory" -c "$folder"
claim "a wrong flag says what is right" complains "log-level is one of error|warn|info|debug" --log-level loud
claim "a number out of range is an error" complains "depth-max is a number from 1 to 24" --depth-max 25
ROOSTD_SLOW_MS=x claim "a wrong variable is named" complains "ROOSTD_SLOW_MS: slow-ms is a number" --version

printf 'log-level = warn\naudit = no\nvalue-max = 100\n' >"$conf"
mkfifo "$folder/ready"
"$bin/roostd" -c "$conf" --listen "ipc://$folder/s" --ready-fd 9 9>"$folder/ready" 2>"$folder/log" &
server=$!
read -r url <"$folder/ready"
roost() { "$bin/roost" -c "$url" "$@"; }
await_log() { timeout 20 sh -c "until grep -qE '$1' '$folder/log'; do sleep 0.02; done"; }
claim "a limit of the file is the server's" test "$(roost info | sed -n 's/^limits.value_max *//p')" = 100
roost dict set d k "$(printf '%0200d' 0)x" 2>"$folder/why"
claim "… and its error names it" grep -q "value_max (100)" "$folder/why"
claim "log-level warn leaves out what is none" test ! -s "$folder/log"
printf 'log-level = debug\nlog-format = json\nvalue-max = 200\n' >"$conf"
kill -HUP "$server"
claim "SIGHUP reads the file again" await_log '"level": "info", "message": ".*read again; what has changed: log-level, log-format, audit"'
claim "… and warns of what waits for a restart" await_log 'value-max has changed'
printf 'log-level = \n' >"$conf"
kill -HUP "$server"
claim "a file with an error changes nothing" await_log 'has an error: nothing was changed'
claim "… and the server goes on" roost ping
claim "every line of JSON is an object" python3 -c "
import json, sys
for line in open('$folder/log'):
    if line.startswith('{'): json.loads(line)
"
kill "$server"
wait "$server"
claim "it ends with status 0" test $? -eq 0
exit $failed
