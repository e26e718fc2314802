#!/usr/bin/env bash
# test_completion.sh BIN: what bash and zsh offer after a TAB, with `roost completion SHELL` sourced, beside a live server.
set -u
bin=$1
folder=$(mktemp -d)
failed=0
export PATH=$bin:$PATH ROOST_URL=ipc://$folder/s
unset XDG_RUNTIME_DIR
mkfifo "$folder/ready"
roostd --listen "$ROOST_URL" --log-level warn --ready-fd 9 9>"$folder/ready" &
server=$!
trap 'kill "$server"; wait; rm -rf "$folder"' EXIT
read -r _ <"$folder/ready"
roost dict set scores alice 1
roost list append 'two words' 1
roost list append log:1 1

eval "$(roost completion bash)"

# offers LINE: what bash offers at the end of it
offers() {
  COMP_LINE=$1 COMP_POINT=${#1} COMPREPLY=()
  _roost
  printf '%s\n' "${COMPREPLY[@]}"
}

claim() { # claim LINE WORDS: exactly these are offered
  local got
  got=$(offers "$1" | tr '\n' ' ')
  if [ "$got" = "$2 " ]; then echo "ok      bash: $1<TAB>"; else echo "FAILED  bash: $1<TAB>: $got, not $2"; failed=1; fi
}

has() { # has LINE WORD: the word is among them
  if offers "$1" | grep -qx -- "$2"; then echo "ok      bash: $1<TAB> offers $2"; else echo "FAILED  bash: $1<TAB> lacks $2"; failed=1; fi
}

has 'roost ' dict
has 'roost ' ls
has 'roost ' completion
claim 'roost trans' transact
claim 'roost dict compare' compare_and_set
has 'roost dict ' page
claim 'roost dict get ' scores
claim 'roost list get ' 'two\ words log:1'
claim 'roost list get log:' 1
claim 'roost lock get ' ''
claim 'roost dict get scores --d' --default
has 'roost queue get jobs --' --timeout
has 'roost dict set scores --' --at
claim 'roost --r' --raw
claim 'roost lock ru' run
claim 'roost lock run door --ti' --timeout
has 'roost help ' keyed_lock
claim 'roost help event wa' wait
claim 'roost completion ' 'bash zsh'
has 'roost who ' scores
claim "roost -c $ROOST_URL dict get sc" scores
claim 'roost -c ipc:///nowhere/s dict get ' ''

# Every method of the table is offered.
for type in $(roost completion next help ''); do
  for method in $(roost help "$type" | sed -n "s/^roost $type \([a-z_]*\).*/\1/p"); do
    offers "roost $type $method" | grep -qx "$method" || { echo "FAILED  bash: roost $type lacks $method"; failed=1; }
  done
done

if command -v zsh >/dev/null; then
  # compadd and _files are the completion system's own: here they tell what they were given.
  got=$(zsh -f -c '
    compdef() { :; }; compadd() { print -r -- "${(P@j: :)2}"; }; _files() { print files; }
    source <(roost completion zsh)
    words=(roost list get ""); CURRENT=4; _roost
    words=(roost set get ""); _roost
    words=(roost dict comp); CURRENT=3; _roost' 2>&1)
  expected=$'two words log:1\nfiles\ncompare_and_set'
  if [ "$got" = "$expected" ]; then echo "ok      zsh offers the same"; else echo "FAILED  zsh offers $got"; failed=1; fi
  mkdir "$folder/functions"
  roost completion zsh >"$folder/functions/_roost"
  got=$(zsh -f -c "fpath=($folder/functions \$fpath); autoload -U compinit; compinit -u -D; print \$_comps[roost]" 2>&1)
  if [ "$got" = _roost ]; then echo "ok      zsh finds the file"; else echo "FAILED  zsh: $got"; failed=1; fi
fi
exit $failed
