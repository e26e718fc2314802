# shellcheck shell=bash disable=SC2034,SC2154
# a fractal rendered tile by tile; workers are killed and replaced, and the picture is complete
parts=(ann bob cid dan)
told=(collector)

command_of() {
  case $1 in
    bob) printf '%s\n' DEMO_WORK_MS=600000 demo_render_worker "$url" bob ;;
    collector) printf '%s\n' demo_render_collector "$url" "$shared/mandelbrot.png" ;;
    alone) printf '%s\n' demo_render_alone "$shared/alone.png" ;;
    *) printf '%s\n' DEMO_WORK_MS=10 demo_render_worker "$url" "$1" ;;
  esac
}

hash_of() { log_of "$1" | grep -o 'hash [0-9a-f]*'; }

story() {
  await "four workers wait for tiles" in_line tiles 4
  start_part collector # each of those who wait gets one of the first tiles
  await "ten tiles are rendered" has_items dict results 10
  tell "bob, who is slow, is killed over his first tile; eve comes instead"
  kill_part bob
  start_part eve
  await "forty tiles are rendered" has_items dict results 40
  tell "cid is killed wherever he is; fay comes instead"
  kill_part cid
  start_part fay
  claim "the collector ends well" end_of collector
  claim "it noticed that bob died" has_said collector 'bob died'
  for part in ann dan eve fay; do
    claim "$part ends well" end_of "$part"
  done
  tell "one process renders the same picture alone"
  start_part alone
  claim "it ends well" end_of alone
  log_of alone
  claim "the two have the same pixels" [ "$(hash_of collector)" = "$(hash_of alone)" ]
  fetch collector mandelbrot.png "$out/mandelbrot.png"
  tell "the picture is $out/mandelbrot.png"
}
