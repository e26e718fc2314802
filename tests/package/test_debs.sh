#!/usr/bin/env bash
# test_debs.sh SOURCE BUILD: the Debian packages can be made, have what they should, and lintian finds no error in them.
set -u
source=$1 folder=$2/package
failed=0
fail() { echo "FAILED  $*"; failed=1; }
claim() { # claim WORDS COMMAND…: the command succeeds
  local words=$1
  shift
  if "$@"; then echo "ok      $words"; else fail "$words"; fi
}

command -v dpkg-shlibdeps >/dev/null || { echo "skipped: no dpkg-dev here"; exit 77; }
"$source/tools/package/debs" "$folder" >"$2/package.log" 2>&1 || { cat "$2/package.log"; exit 1; }
rm -f "$2/package.log"

deb() { echo "$folder/$1"_*.deb; }
field() { dpkg-deb -f "$(deb "$1")" "$2"; }
has_file() { dpkg-deb -c "$(deb "$1")" | grep -E " \./$2( ->.*)?$" >/dev/null; } # -q would leave dpkg-deb in the middle
soversion=$(sed -n 's/^set(ROOST_SOVERSION \([0-9]*\)).*/\1/p' "$source/CMakeLists.txt")
version=$(sed -n 's/^project(roost VERSION \([0-9.]*\) .*/\1/p' "$source/CMakeLists.txt")
lib=libroost$soversion

for package in roost-server "$lib" libroost-dev roost-tools; do
  claim "$package has the project's version" test "$(field "$package" Version)" = "$version-1"
  for file in copyright changelog.gz changelog.Debian.gz; do
    claim "$package has its $file" has_file "$package" "usr/share/doc/$package/$file"
  done
done
claim "the server is in roost-server" has_file roost-server usr/bin/roostd
claim "… with its service" has_file roost-server lib/systemd/system/roostd.service
claim "… and its socket" has_file roost-server lib/systemd/system/roostd.socket
claim "… and a configuration that upgrades keep" sh -c "dpkg-deb --ctrl-tarfile '$(deb roost-server)' | tar -xO ./conffiles | grep -qx /etc/default/roostd"
claim "… a file of options among it" sh -c "dpkg-deb --ctrl-tarfile '$(deb roost-server)' | tar -xO ./conffiles | grep -qx /etc/roost/roostd.conf"
claim "the command is in roost-tools" has_file roost-tools usr/bin/roost
claim "… with its manual" has_file roost-tools usr/share/man/man1/roost.1.gz
claim "… and completion for bash" has_file roost-tools usr/share/bash-completion/completions/roost
claim "… and zsh" has_file roost-tools usr/share/zsh/vendor-completions/_roost
claim "the library has the soname of its package" has_file "$lib" "usr/lib/[^/]*/libroost.so.$soversion"
claim "headers are in libroost-dev" has_file libroost-dev usr/include/roost/roost.h
claim "… with a manual for each function" has_file libroost-dev usr/share/man/man3/roost_dict_get.3.gz
claim "libroost-dev wants the library of its own version" sh -c "echo '$(field libroost-dev Depends)' | grep -q '$lib (= $version-1)'"
claim "what the server is linked with, it depends on" sh -c "echo '$(field roost-server Depends)' | grep -q 'libconfuse2.*libmicrohttpd12.*libnng1'"
claim "… and on a libraft that loses nothing" sh -c "echo '$(field roost-server Depends)' | grep -q 'libraft0 (>= 0.22.1~)'"
claim "nothing is open to write" sh -c "! dpkg-deb -c '$(deb roost-server)' | grep -qE '^-.......w'"

if command -v lintian >/dev/null; then
  claim "lintian finds no error" lintian --allow-root --fail-on error --suppress-tags initial-upload-closes-no-bugs "$folder"/*.deb
else
  echo "skipped: no lintian here"
fi
exit $failed
