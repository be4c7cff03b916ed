#!/usr/bin/env bash
# Trains the top of the first pass from the files in this folder, on a GPU if there is one.
#
#   OUT=out LEGS=1 MINUTES=10 ./run.sh [option of `train-live`]...
#
# OUT      folder for the checkpoint in parts, log.jsonl, and the output of the last leg (leg.log).
#          A run resumes from the parts in it, or else starts from the packed top.
# LEGS     number of legs, each of MINUTES from its start. Evaluating the dev clips and writing the
#          checkpoint take about one more minute per leg.
# WORKERS  number of augmentation processes; usually one less than the number of cores.
# SCRATCH  folder for code and decoded samples (0.12 GB per hour of audio).
# PYTHON   Python with torch, numpy, scipy, soundfile, soxr, jiwer and num2words. Wheels of missing
#          packages can be put into the folder wheels/ next to this script.
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
