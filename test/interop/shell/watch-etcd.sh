#!/bin/bash
# Watches a key in the manner of etcd's v2 API with curl, one request per event: watch-etcd.sh URL INDEX
# Prints each answer on a line of its own, and goes on behind the event in it, or behind the index of an error.
url=$1
index=$2
# Not beyond whoever started it, whatever becomes of them.
while kill -0 "$PPID" 2>/dev/null; do
  # A failure is a cut, an empty answer the end of the wait: the same index again.
  answer=$(curl -s "$url?wait=true&waitIndex=$index") && [ -n "$answer" ] || { sleep 0.02; continue; }
  printf '%s\n' "$answer"
  case $answer in
  *'"errorCode"'*) last=$(sed -n 's/.*"index":\([0-9]*\).*/\1/p' <<<"$answer") ;;
  *) last=$(sed -n 's/.*"modifiedIndex":\([0-9]*\).*/\1/p' <<<"$answer") ;;
  esac
  index=$((last + 1))
done
