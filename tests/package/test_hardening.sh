#!/usr/bin/env bash
# test_hardening.sh BUILD: the programs and the library were built as tools/package/hardening.cmake wants, seen from outside.
set -u # no pipefail: grep -q leaves readelf as soon as it has seen enough
build=$1
failed=0

claim() { # claim WORDS COMMAND…: the command succeeds
  local words=$1
  shift
  if "$@"; then echo "ok      $words"; else echo "FAILED  $words"; failed=1; fi
}

# has FILE READELF-OPTION PATTERN
has() { readelf -W "$2" "$1" 2>/dev/null | grep -qE "$3"; }
lacks() { ! has "$@"; }

# No segment is writable and executable, on disk …
no_writable_code() { lacks "$1" -l '^ *(LOAD|GNU_STACK).* RWE '; }
# … or in a running process, whatever libraries it has.
no_writable_code_in_memory() { [ -r "/proc/$1/maps" ] && ! grep -qE '^[0-9a-f-]+ .?wx' "/proc/$1/maps"; }

look_at() {
  local file=$1 name=${1##*/}
  claim "$name: relocations become read-only" has "$file" -l GNU_RELRO
  claim "$name: … all of them, at the start" has "$file" -d 'BIND_NOW|FLAGS.*NOW'
  claim "$name: no segment is writable and executable" no_writable_code "$file"
  claim "$name: the stack is not executable" has "$file" -l 'GNU_STACK.* RW '
  claim "$name: functions check their stack frame" has "$file" --dyn-syms '__stack_chk_fail'
  claim "$name: libc's calls check their buffers" has "$file" --dyn-syms '__[a-z]+_chk(@| |$)'
  claim "$name: no folder is searched for libraries but the system's" lacks "$file" -d '\((RPATH)\)'
  if [ "$(uname -m)" = x86_64 ]; then
    claim "$name: indirect branches are marked" sh -c "readelf -nW '$file' | grep -q IBT || objdump -d '$file' | grep -q endbr64"
  fi
}

for program in roostd roost; do
  look_at "$build/bin/$program"
  claim "$program: position independent" has "$build/bin/$program" -h 'DYN .*'
  claim "$program: … as a program" has "$build/bin/$program" -d 'FLAGS_1.*PIE'
done
look_at "$build/lib/libroost.so"

folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null; wait 2>/dev/null; rm -rf "$folder"' EXIT
mkfifo "$folder/ready"
"$build/bin/roostd" --listen "ipc://$folder/s" --ready-fd 9 9>"$folder/ready" 2>"$folder/log" &
server=$!
read -r url <"$folder/ready"
"$build/bin/roost" -c "$url" dict set d k 1
claim "a running server has no memory that is writable and executable" no_writable_code_in_memory "$server"
exit $failed
