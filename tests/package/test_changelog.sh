#!/usr/bin/env bash
# test_changelog.sh SOURCE: CHANGELOG.md is in order, and becomes a Debian changelog.
set -u
source=$1
failed=0
claim() { # claim WORDS COMMAND…: the command succeeds
  local words=$1
  shift
  if "$@"; then echo "ok      $words"; else echo "FAILED  $words"; failed=1; fi
}
version=$(sed -n 's/^project(roost VERSION \([0-9.]*\) .*/\1/p' "$source/CMakeLists.txt")
versions=$(sed -nE 's/^## \[?([0-9][0-9.]*)\]?.*/\1/p' "$source/CHANGELOG.md")
debian=$(SOURCE_DATE_EPOCH=0 "$source/tools/package/changelog" "$source/CHANGELOG.md" 1 'Somebody <somebody@example.org>')
claim "the newest version is the project's" test "$(head -n 1 <<<"$versions")" = "$version"
claim "versions descend" test "$versions" = "$(sort -rV <<<"$versions")"
claim "every version is unreleased or has a date" sh -c "! grep -E '^## ' '$source/CHANGELOG.md' | grep -vE '^## (\[?[0-9.]+\]? (\(unreleased\)|- [0-9]{4}-[0-9]{2}-[0-9]{2})|Unreleased)$'"
claim "Debian's begins with it" test "$(head -n 1 <<<"$debian")" = "roost ($version-1) unstable; urgency=medium"
claim "… and its lines are short" test -z "$(grep -E '^.{81}' <<<"$debian" | grep ' .* ')"
if command -v dpkg-parsechangelog >/dev/null; then
  claim "dpkg reads it" test "$(dpkg-parsechangelog -l - -S Version <<<"$debian")" = "$version-1"
fi
exit $failed
