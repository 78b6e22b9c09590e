#!/usr/bin/env bash
# From nothing to long-tail recommendations: called by `make demo`, readable as a tour.
set -euo pipefail
longtail=$BIN/longtail
began=$SECONDS

if [ -n "${PRESET:-}" ] && [ -z "$DATA" ]; then
  echo "PRESET=$PRESET names the layout of DATA; name the folder too: DATA=your/folder" >&2
  exit 2
fi

step() { printf '\n\033[1m== %s\033[0m\n' "$1"; }

if [ -z "$DATA" ]; then
  DATA=$DEMO/shop
  step "writing a demo shop to $DATA"
  $longtail data synth "$DATA"
elif [ -n "${PRESET:-}" ]; then
  step "converting $DATA, a layout named $PRESET"
  # Named after the data: a users file of other data would stay behind in a folder of the layout's.
  converted=$DEMO/$(basename "$DATA")-$PRESET
  $longtail data convert --from "$PRESET" "$DATA" --out "$converted"
  DATA=$converted
fi

step "validating $DATA"
mkdir -p "$DEMO"
$longtail data validate "$DATA" --rejected "$DEMO/rejected.csv"

step "training (settings: $CONFIG)"
$longtail train "$DATA" --config "$CONFIG" --out "$RUN" --overwrite --rejected "$DEMO/rejected.csv"

step "the index"
$longtail index info "$RUN"

user=$("$BIN/python" - "$RUN" <<'PY'
import sys

from longtail import Retriever

log = Retriever.open(sys.argv[1]).bundle.log
print(log.user_ids[log.user[len(log) // 2]])
PY
)
step "what should user $user see from the long tail, and why?"
$longtail query "$RUN" --user "$user" -k 5 --explain

step "evaluating on the held-out test part"
$longtail evaluate "$RUN"

step "done in $((SECONDS - began)) s"
cat <<SCREEN
made:  $RUN/              towers, relevance head, index: copy the folder anywhere
       $RUN/report.html   the evaluation, opens offline
       $RUN/metrics.json  the same numbers for programs
next:  source $(dirname "$BIN")/bin/activate
       longtail query $RUN --user $user --pool all --debias 0   (what popularity would show)
       longtail query $RUN --text "a present for somebody who bakes bread" --pool tail
       longtail serve $RUN   (the same over HTTP, and a page to look at: http://127.0.0.1:8000)
       longtail recommend $RUN --all -k 100 --out recs.parquet
       longtail data validate YOUR_FOLDER   (items.csv and interactions.csv; see docs/data.md)
SCREEN
