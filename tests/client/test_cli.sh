#!/bin/sh
# test_cli.sh BIN: the command line against a real server, claim by claim. Prints what went wrong; fails if anything did.
set -u
bin=$1
dir=$(mktemp -d)
failed=0
ROOST_URL=ipc://$dir/sock
HOME=$dir
PATH=$bin:$PATH
export ROOST_URL HOME PATH
unset XDG_STATE_HOME XDG_RUNTIME_DIR 2>/dev/null

mkfifo "$dir/ready"
roostd --listen "$ROOST_URL" --log-level warn --owner $$ --ready-fd 3 3>"$dir/ready" &
server=$!
trap 'kill $server; wait $server; rm -rf "$dir"' EXIT
read -r url <"$dir/ready"
[ "$url" = "$ROOST_URL" ] || { echo "roostd listens at '$url'"; exit 1; }

# claim STATUS OUTPUT WORD…: the command ends with STATUS and prints OUTPUT (a pattern) to stdout.
claim() {
    status=$1 expected=$2
    shift 2
    got=$("$@" 2>"$dir/err")
    rc=$?
    # shellcheck disable=SC2254
    case $got in $expected) ok=1 ;; *) ok=0 ;; esac
    if [ $rc -ne "$status" ] || [ $ok -eq 0 ]; then
        echo "FAILED: $*"
        echo "  status $rc, expected $status; stdout: $got, expected: $expected"
        sed 's/^/  stderr: /' "$dir/err"
        failed=1
    fi
}

# says PATTERN: what the last command wrote to stderr.
says() {
    err=$(cat "$dir/err")
    # shellcheck disable=SC2254
    case $err in $1) ;; *) echo "FAILED: stderr is '$err', expected: $1"; failed=1 ;; esac
}

# The examples, typed.
claim 0 '' roost dict set scores alice 3
claim 0 3 roost dict get scores alice
claim 0 '' roost queue put jobs '{"id": 7}'
claim 0 '{"id": 7}' roost queue get jobs --timeout 500
roost list open l '["a", 1, null, 2.5]' >/dev/null
claim 0 '\["a", 1, null, 2.5\]' roost list slice l 0 10

# Pages, and all of it line by line.
claim 0 '\[\["a", 1\], 2\]' roost list page l 0 --max 2
claim 0 '"a"
1
null
2.5' roost each l
claim 0 '\["alice", 3\]' roost each scores
claim 2 '' roost each jobs
says '*jobs is a queue*'
claim 1 '' roost each nothing-of-that-name

# Arguments: JSON, else strings; optional ones by place or by name.
claim 0 '' roost dict set d k '[1, {"a": true}]'
claim 0 '\[1, {"a": true}\]' roost dict get d k
claim 0 '' roost dict set d k plain
claim 0 '"plain"' roost dict get d k
claim 0 plain roost --raw dict get d k
claim 0 plain roost dict get d k --raw
claim 0 9 roost dict get d absent 9
claim 0 9 roost dict get d absent --default 9
claim 0 9 roost dict get d absent --default=9
claim 0 null roost dict get d absent null
claim 0 '' roost dict set d -- --odd -1
claim 0 -1 roost dict get d -- --odd
claim 0 '\["a", 2.5\]' roost list slice l null null 3
claim 0 '' roost list set_slice l 0 1 '["x", "y"]'
claim 0 '"x"' roost list get l 0
claim 0 18446744073709551615 roost server ping 18446744073709551615
claim 0 '' roost dict set d bytes '{"base64": "aGk="}'
claim 0 '{"base64": "aGk="}' roost dict get d bytes
claim 0 hi roost --raw dict get d bytes
claim 0 '' roost dict set d inner '{"ref": "l"}'
claim 0 '{"ref": *, "type": "list"}' roost dict get d inner
claim 0 '' roost set update s '[1, 2]'
claim 0 '\[1, 2\]' roost set union s s
claim 0 '*' roost value open v --typecode i --value 5
claim 0 6 roost value incr v
claim 0 '*' roost lock open mine
claim 0 '*' roost condition open c --lock mine
claim 0 '' roost namespace set n 1 2
claim 0 2 roost namespace get n 1

# --at: what is nested.
claim 0 '' roost dict set nest k '{"l": [1, [2]], "a/b": {"0": 1}}'
claim 0 '' roost list append nest x --at k/l
claim 0 '' roost list append nest '[9]' --at='["k", "l", 1]'
claim 0 '\[1, \[2, \[9\]\], "x"\]' roost list copy nest --at k/l
claim 0 '\[9\]' roost list pop nest --at k/l/-2
claim 0 1 roost dict incr nest 0 --at '["k", "a/b"]'
claim 0 '{"0": 1, "0": 1}' roost dict copy nest --at '["k", "a/b"]'
claim 1 '' roost list append nest x --at k/none
says 'roost: dict "nest" at \["k", "none"\]: list.append: path step 1 ("none"): no such key'
claim 1 '' roost list append nest x --at k/l/7
claim 4 '' roost list append nest x --at k/l/0
claim 1 '' roost list append nowhere x --at k
claim 2 '' roost list append nest x --at '[1'
claim 2 '' roost list append nest x --at
claim 2 '' roost queue put q x --at k
claim 0 'usage: roost list append NAME VALUE \[--at PATH\]*' roost list append --help

# Transactions.
roost dict open stock '{"n": 1, "l": []}' >/dev/null
printf '{"if": [["equals", "stock", ["n"], 1]],\n "do": [["stock", "incr", ["n", 4]], ["stock", "list.append", [7], ["l"]], ["stock", "copy"]]}' >"$dir/in"
claim 0 '\[5, null, {"n": 5, "l": \[7\]}\]' sh -c "roost transact <$dir/in"
claim 1 '' roost transact '{"if": [["equals", "stock", ["n"], 1]], "do": [["stock", "clear"]], "timeout": 0}'
says 'roost: server: transact: condition 0 (dict "stock"): does not hold'
claim 1 '' roost transact '{"if": [["absent", "stock", ["n"]]], "timeout": 5}'
says 'roost: server: transact: timed out after 5 ms: condition 0 (dict "stock"): does not hold'
claim 1 '' roost transact '{"do": [["stock", "set", ["n", 9]], ["stock", "pop", ["x"]]]}'
says 'roost: server: transact: call 1 (dict "stock": pop): no such key'
claim 0 5 roost dict get stock n
claim 2 '' roost transact '[1]'
claim 2 '' roost transact '{"if": 1}'
claim 2 '' sh -c 'roost transact </dev/null'
claim 0 '\[\]' roost server transact '[]' '[]'
claim 0 '' roost dict set stock brief 1 60000
claim 0 '[56]????' roost dict ttl stock brief
claim 0 '' roost server expire stock 60000
claim 0 true roost server persist stock

# Status 1: a "no".
claim 1 '' roost dict get scores bob
says 'roost: dict "scores": get: *'
claim 1 '' roost queue get jobs --timeout 0
claim 1 '' roost queue get jobs --timeout 10
says 'roost: queue "jobs": get: timed out after 10 ms'
claim 1 '' roost dict get nowhere x
says 'roost: no object is named "nowhere"'
claim 1 '' roost list get l 99
claim 1 '' roost rm nowhere

# Status 2: usage.
claim 2 '' roost foo
claim 2 '' roost dict
claim 2 '' roost dict foo
claim 2 '' roost dict set d
says 'usage: roost dict set NAME KEY VALUE*'
claim 2 '' roost dict len d more
claim 2 '' roost dict get d k --nonsense 1
claim 2 '' roost queue get jobs --timeout soon
claim 2 '' roost queue get jobs --timeout
claim 2 '' roost dict update d '[1]'
claim 2 '' roost dict set d k 99999999999999999999999
claim 2 '' roost --nonsense
claim 2 '' roost -c http://x ping
claim 2 '' roost lock run L true
claim 2 '' roost cluster
claim 2 '' roost cluster add 4
claim 2 '' roost cluster remove none
says 'roost: usage: roost cluster remove NODE'

# Status 3: no connection. Status 4: refused.
claim 3 '' roost -c "ipc://$dir/none" ping
claim 3 '' roost -c tcp://127.0.0.1:1 ping
claim 3 '' roost -c "ipc://$dir/none,tcp://127.0.0.1:1" ping
says "roost: no server answers: *ipc://$dir/none: *; *tcp://127.0.0.1:1: *"
claim 4 '' roost cluster status
claim 4 '' roost list get scores 0
says 'roost: "scores" is a dict, not a list'
claim 4 '' roost list append scores 0
claim 4 '' roost value set v 99999999999

# Special commands.
claim 0 "$ROOST_URL answers in * ms" roost ping
claim 0 "$ROOST_URL answers in * ms" roost -c "ipc://$dir/none,$ROOST_URL" ping
claim 0 '*scores*' roost ls
claim 0 '*"name": "scores"*' roost ls dict --json
claim 0 '*objects *' roost info
claim 0 '{"version": *}' roost info --json
claim 0 "*address *$ROOST_URL*" roost -c "ipc://$dir/none,$ROOST_URL" info
claim 0 '*transport *ring: client and server share memory*' roost info
claim 0 '' roost rm scores
claim 1 '' roost dict get scores alice
claim 0 'roost *' roost --version
claim 0 '*usage*' roost help
claim 0 '*roost queue put NAME ITEM \[TIMEOUT\]*' roost help queue
claim 0 'usage: roost queue put NAME ITEM \[TIMEOUT\]*' roost queue put --help
claim 0 '*"dict.get": *' roost server methods

# lock run: the lock is held meanwhile, the status is the command's.
claim 0 true roost lock run L -- roost lock locked L
claim 0 false roost lock locked L
claim 0 'holds  session *pid *' roost lock run L -- roost who L
claim 7 '' roost lock run L -- sh -c 'exit 7'
claim 143 '' roost lock run L -- sh -c 'kill -TERM $$'
claim 127 '' roost lock run L -- no-such-command
claim 126 '' roost lock run L -- "$dir"
claim 1 '' roost lock run L -- roost lock run L --timeout 10 -- echo unreached
claim 0 1 roost rlock run R --timeout 100 -- sh -c '[ "$ROOST_TOKEN" -gt 0 ] && echo 1'
claim 0 0 roost semaphore run S -- roost semaphore get_value S
claim 0 1 roost semaphore get_value S

# A guarded call is refused when the grant is over.
claim 0 '' roost lock run G -- sh -c 'roost dict set d guarded 1 --guard G:$ROOST_TOKEN'
claim 4 '' roost dict set d guarded 2 --guard G:1
says 'roost: dict "d": *: nothing was changed: the grant with token 1 of lock "G" is over'
claim 0 1 roost dict get d guarded
claim 2 '' roost dict set d guarded 2 --guard G
claim 1 '' roost dict set d guarded 2 --guard nobody:1

# Several at once, keys, times to live; who shows it all.
claim 0 '\[\[*, false\], \[*, false\]\]' roost server acquire '["G", "S"]' 0
claim 0 '\[*, false\]' roost keyed_lock acquire K '["x", 5]' --ttl 60000
claim 0 '\[\]' roost keyed_lock held K
printf 'keyed_lock acquire K [\\"x\\",5] --ttl 60000\nwho K\nkeyed_lock locked K 5\nlock acquire L1\nlock acquire L1\n' >"$dir/in"
claim 4 '*holds  session *, token *, left_ms *, key x*key 5*true*' sh -c "roost <$dir/in"
says 'roost: lock "L1": acquire: deadlock: pid * thread 1 waits for lock "L1" held by pid * thread 1'

# SIGTERM goes on to the command.
mkfifo "$dir/up"
roost lock run T -- sh -c "trap 'exit 9' TERM; echo up >$dir/up; while :; do read -r never <$dir/up; done" &
run=$!
read -r _ <"$dir/up"
kill -TERM $run
wait $run
claim 0 9 echo $?

# Lines from stdin: one session, so that a lock stays held between them; the status is the last failure's.
printf 'lock acquire held\nlock locked held\ndict set d "a b" '"'"'{"x": 1}'"'"'\ndict get d "a b"\n# no command\n' >"$dir/in"
claim 0 '*true
{"x": 1}' sh -c "roost <$dir/in"
claim 0 false roost lock locked held
printf 'dict len d\nno-such-command\nquit\ndict len d\n' >"$dir/in"
claim 2 '[0-9]' sh -c "roost <$dir/in"
printf 'dict get "d\n' >"$dir/in"
claim 2 '' sh -c "roost <$dir/in"

exit $failed
