#!/usr/bin/env bash
# Trains the top of the first pass from the files beside this script, on a GPU where there is one.
#
#   OUT=out LEGS=1 MINUTES=10 ./run.sh [option of `train-live`]...
#
# OUT      checkpoint in parts, log.jsonl, and what the last leg printed (leg.log). A run goes on
#          from the parts that are there; without, it begins with the packed top.
# LEGS     how often to train for MINUTES, counted from the start of the leg; dev clips and the
#          parts of the checkpoint take about a minute more.
# WORKERS  processes that disturb; usually one less than there are cores.
# SCRATCH  folder of the code and of decoded samples (0.12 GB an hour of sound).
# PYTHON   with torch, numpy, scipy, soundfile, soxr, jiwer and num2words; wheels/ beside this
#          script may hold what it lacks.
set -euo pipefail

job=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python3}
out=${OUT:-$PWD/out}
scratch=${SCRATCH:-$(mktemp -d)}
mkdir -p "$out" "$scratch"

if compgen -G "$job/wheels/*.whl" > /dev/null; then
  "$python" -m pip install --quiet --no-index --no-deps --target "$scratch/site" "$job"/wheels/*.whl
fi
"$python" -m zipfile -e "$job/code.zip" "$scratch/code"
export PYTHONPATH=$scratch/code:$scratch/site${PYTHONPATH:+:$PYTHONPATH}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

for ((leg = 1; leg <= ${LEGS:-1}; leg++)); do
  "$python" -m auricle_train train-live --job "$job" --store "$scratch/store" --out "$out" \
    --minutes "${MINUTES:-10}" ${WORKERS:+--workers "$WORKERS"} "$@" 2>&1 | tee "$out/leg.log"
done
