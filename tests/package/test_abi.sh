#!/usr/bin/env bash
# test_abi.sh SOURCE BUILD CC: libroost.so exports what lib/roost.symbols lists, and a name that disappears is noticed.
set -u
source=$1 build=$2 cc=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0
claim() { # claim WORDS COMMAND…: the command succeeds
  local words=$1
  shift
  if "$@" >"$folder/said" 2>&1; then echo "ok      $words"; else cat "$folder/said"; echo "FAILED  $words"; failed=1; fi
}
refuses() { ! "$@"; }
library=$build/lib/libroost.so
soversion=$(sed -n 's/^set(ROOST_SOVERSION \([0-9]*\)).*/\1/p' "$source/CMakeLists.txt")

claim "the exported names are those of the list" "$source/tools/package/symbols" --check "$build"
claim "only roost's own" sh -c "! nm -D --defined-only '$library' | grep -vE ' A ROOST_| [TDBRVW] roost_'"
claim "all are of the soname's version" sh -c "! nm -D --defined-only '$library' | grep ' [TDBRVW] ' | grep -v '@@ROOST_$soversion'"
claim "the soname is libroost.so.$soversion" sh -c "readelf -d '$library' | grep -q 'SONAME.*\[libroost.so.$soversion\]'"

# A library that lost a function.
mkdir -p "$folder/less/lib"
sed 's/^  local:/  local: roost_dict_get;/' "$source/lib/roost.map" >"$folder/map"
claim "a library with a function less can be linked" "$cc" -shared -o "$folder/less/lib/libroost.so" -Wl,-soname,"libroost.so.$soversion" \
  -Wl,--version-script="$folder/map" -Wl,--whole-archive "$build/lib/libroost.a" -Wl,--no-whole-archive -lmsgpackc -lm -lpthread
claim "its loss is noticed" refuses "$source/tools/package/symbols" --check "$folder/less"
claim "… by name, and it alone" test "$(grep -v differs "$folder/said")" = 'gone: roost_dict_get'

if command -v abidiff >/dev/null; then
  claim "abidiff finds the library equal to itself" "$source/tools/package/abi" --same "$library" "$library"
  claim "abidiff finds the loss, too" refuses "$source/tools/package/abi" --same "$library" "$folder/less/lib/libroost.so"
  claim "nothing changed since the release" "$source/tools/package/abi" "$build"
else
  echo "skipped: no abidiff here"
fi
exit $failed
