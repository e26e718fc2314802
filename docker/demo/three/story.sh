# shellcheck shell=bash disable=SC2034,SC2154
# three servers; the one that leads is killed in the middle, later comes back, and the totals are exact
servers=(one two three)
parts=(ann bob cid)
told=(teller)

command_of() {
  case $1 in
    teller) printf '%s\n' demo_three_teller "$url" ;;
    *) printf '%s\n' demo_three_clerk "$url" "$1" ;;
  esac
}

# the node that leads, by its name
leader() {
  local id
  id=$(roost cluster status 2>/dev/null | awk '$3 == "leads" { print $1 }')
  [ -z "$id" ] || echo "${servers[id - 1]}"
}

has_leader() { [ -n "$(leader)" ]; }
has_booked() { [ "$(roost dict get bank booked 2>/dev/null || echo 0)" -ge "$1" ]; }

# a node has all that the leader has: the last column
has_caught_up() {
  roost cluster status 2>/dev/null | awk -v applied=0 '/^[0-9]/ { match_of[$1] = $NF } /^term/ { applied = $NF }
    END { for (id in match_of) if (match_of[id] + 0 < applied - 5) exit 1; exit length(match_of) == 0 }'
}

story() {
  local first
  await "one of the servers leads" has_leader
  start_part teller
  await "a hundred deposits are booked" has_booked 100
  first=$(leader)
  tell "$first leads, and is killed"
  kill_part "$first"
  await "the others elect a leader, and the clerks go on" has_booked 250
  tell "$(leader) leads; $first comes back"
  start_part "$first"
  claim "the teller ends well" end_of teller
  claim "the totals are exact" has_said teller 'totals are exact'
  claim "the teller's session went on at the next leader" has_said teller 'goes on at'
  for part in "${parts[@]}"; do
    claim "$part ends well" end_of "$part"
    claim "$part lost no lock" not has_said "$part" 'died'
  done
  await "$first has caught up" has_caught_up
}
