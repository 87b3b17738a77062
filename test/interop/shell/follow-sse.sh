#!/bin/bash
# Follows an event stream with curl, through all reconnects, resuming by hand: follow-sse.sh URL [CURL ARGUMENT...]
# Prints the type, a tab, and the data of each event on a line of its own; U+001F stands for the line ends in the data.
url=$1
shift
id=''
while :; do
  next=$id type='' data=''
  while IFS= read -r line; do
    case $line in
    '')
      # The event is whole: only now its id counts.
      id=$next
      if [ -n "$data" ]; then printf '%s\t%s\n' "${type:-message}" "${data%$'\x1f'}"; fi
      type='' data=''
      ;;
    'id: '*) next=${line#id: } ;;
    'event: '*) type=${line#event: } ;;
    'data: '*) data+=${line#data: }$'\x1f' ;;
    esac
  done < <(exec curl -sN ${id:+-H "Last-Event-ID: $id"} "$@" "$url")
done
