#!/usr/bin/env bash
# test_man.sh BUILD SYMBOLS: there is a man page for every command, method, header and exported function, and mandoc finds no fault.
set -u
build=$1 symbols=$2
man=$build/man
failed=0
fail() { echo "FAILED  $*"; failed=1; }

# Function names of the page that a link leads to.
page_of() { zcat "$man/man3/$1.3.gz"; }

while read -r symbol; do
  case $symbol in roost__*) continue ;; esac # not for users
  [ -e "$man/man3/$symbol.3.gz" ] || { fail "no page for $symbol()"; continue; }
  page_of "$symbol" | grep -qE "^\.Fo $symbol\$" || fail "the page of $symbol() lacks it"
done <"$symbols"

for page in man7/roost.7 man1/roost.1 man8/roostd.8 man3/roost_dict.3 man3/roost_queue.3 man3/roost_lock.3 man3/roost_local_queue.3; do
  [ -s "$man/$page.gz" ] || fail "no $page"
done

options=$("$build/bin/roostd" --help | grep -oE '^ +(-., )?--[a-z-]+' | grep -oE -- '--[a-z-]+')
for option in $options; do
  zcat "$man/man8/roostd.8.gz" | grep -qE "^\.It Cm .*$option( |\$)" || fail "roostd(8) lacks $option"
done
commands=$("$build/bin/roost" completion next '')
for command in $commands; do
  zcat "$man/man1/roost.1.gz" | grep -qE "^\.(It Cm|Ss) $command( |\$)" || fail "roost(1) lacks $command"
done

# A page says what its header says.
zcat "$man/man3/roost_error.3.gz" | grep -q 'ROOST_ETIMEDOUT = -3, .*timed out' || fail "roost_error(3) lacks the codes"

if command -v mandoc >/dev/null; then
  folder=$(mktemp -d /tmp/roost-man-XXXXXX) # without a dot, behind which mandoc would look for a section
  trap 'rm -rf "$folder"' EXIT
  while read -r page; do
    zcat "$page" >"$folder/page"
    mandoc -T lint -W warning "$folder/page" | sed "s|mandoc: $folder/page|${page#"$man"/}|"
  done < <(find "$man" -name '*.gz' -type f) >"$folder/faults"
  if [ -s "$folder/faults" ]; then cat "$folder/faults"; fail "mandoc finds faults"; fi
fi
[ $failed -ne 0 ] || echo "ok      $(find "$man" -name '*.gz' -type f | wc -l) pages, $(find "$man" -name '*.gz' -type l | wc -l) links"
exit $failed
