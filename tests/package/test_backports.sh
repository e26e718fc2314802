#!/usr/bin/env bash
# test_backports.sh SOURCE: tools/backports finds a machine's source of backports in any configuration of apt. No network.
set -uo pipefail
source=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
apt=$folder/apt
failed=0

# begin: an empty configuration; `file NAME` writes a file of it from stdin.
begin() { rm -rf "$apt" && mkdir -p "$apt/sources.list.d"; }
file() { cat >"$apt/$1"; }

# gives WORDS <expected: what is printed is exactly that
gives() {
  local words=$1
  cat >"$folder/expected"
  if "$source/tools/backports" bookworm "$apt" >"$folder/out" 2>"$folder/err" && diff "$folder/expected" "$folder/out"; then
    echo "ok      $words"
  else
    echo "FAILED  $words"; cat "$folder/err"; failed=1
  fi
}
refuses() {
  if "$source/tools/backports" "$1" "$apt" >"$folder/out" 2>"$folder/err" || [ -s "$folder/out" ] || ! grep -q "no source of Debian $1" "$folder/err"; then
    echo "FAILED  $2"; failed=1
  else
    echo "ok      $2"
  fi
}

begin
file sources.list.d/debian.sources <<'APT'
Types: deb
# a comment
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.test/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
APT
gives "deb822, as images have it" <<'APT'
Types: deb
URIs: http://mirror.test/debian
Suites: bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
APT
refuses trixie "a release that is not the machine's is not made up"

begin
printf 'deb http://mirror.test/debian bookworm main\ndeb http://mirror.test/debian-security bookworm-security main\n' | file sources.list
gives "one line, without options" <<'APT'
Types: deb
URIs: http://mirror.test/debian
Suites: bookworm-backports
Components: main
APT

begin
file sources.list <<'APT'
# deb cdrom:[Debian GNU/Linux 12]/ bookworm main
deb cdrom:[Debian]/ bookworm main
deb-src https://mirror.test/debian/ bookworm main
deb [ arch=amd64,arm64 signed-by=/etc/apt/keyrings/debian-archive.gpg check-valid-until=no ] https://mirror.test/debian/ bookworm main non-free-firmware # ours
deb	[arch=amd64]	https://packages.test/linux	bookworm	stable
APT
gives "one line with options, over https; no disc, no sources" <<'APT'
Types: deb
URIs: https://mirror.test/debian/
Suites: bookworm-backports
Components: main
Architectures: amd64 arm64
Signed-By: /etc/apt/keyrings/debian-archive.gpg
check-valid-until: no
APT

begin
file sources.list.d/debian.sources <<'APT'
types: deb deb-src
uris: mirror+file:///etc/apt/mirrors/debian.list
suites: bookworm bookworm-updates bookworm-proposed-updates
components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
APT
gives "mirror+file, fields in small letters, sources too" <<'APT'
Types: deb
URIs: mirror+file:///etc/apt/mirrors/debian.list
Suites: bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
APT

begin
file sources.list.d/debian.sources <<'APT'
Enabled: yes
Types: deb
URIs: https://one.test/debian
 https://two.test/debian
Suites: bookworm
Components: main
Trusted: yes
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abcd
 -----END PGP PUBLIC KEY BLOCK-----
APT
gives "several servers, a key in the file, options" <<'APT'
Types: deb
URIs: https://one.test/debian https://two.test/debian
Suites: bookworm-backports
Components: main
Trusted: yes
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abcd
 -----END PGP PUBLIC KEY BLOCK-----
APT

begin
printf 'deb [signed-by=/k/third.gpg] https://apt.third.test bookworm main\n' | file sources.list.d/a.list
printf 'Types: deb\nURIs: https://proxy.test/os\nSuites: bookworm\nComponents: main\nSigned-By: /k/debian-archive-keyring.gpg\n' | file sources.list.d/z.sources
gives "another's packages for this Debian are not taken for Debian" <<'APT'
Types: deb
URIs: https://proxy.test/os
Suites: bookworm-backports
Components: main
Signed-By: /k/debian-archive-keyring.gpg
APT

printf 'Types: deb\nURIs: https://proxy.test/os\nSuites: bookworm-backports\nComponents: main\nEnabled: no\n' | file sources.list.d/b.sources
gives "backports that are switched off are none" <<'APT'
Types: deb
URIs: https://proxy.test/os
Suites: bookworm-backports
Components: main
Signed-By: /k/debian-archive-keyring.gpg
APT

printf 'deb https://elsewhere.test/debian bookworm-backports main\n' | file sources.list
gives "backports that are there need no source" </dev/null

begin
refuses bookworm "a machine without a source of its Debian"
if grep -rnE 'https?://[a-z]' "$source/tools/setup" "$source/tools/backports" "$source/docker/Dockerfile"; then
  echo "FAILED  no host is named in the scripts"; failed=1
else
  echo "ok      no host is named in the scripts"
fi
exit $failed
