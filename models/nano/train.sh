#!/usr/bin/env bash
# Makes the model in the box and everything that is measured on it. Stop it at any time; called again it goes on.
set -euo pipefail
cd "$(dirname "$0")"
run=$(realpath -m "${NANO_RUN:-../../data/nano}")
python=$run/venv/bin/python
mkdir -p "$run"
[ -x "$python" ] || python3 -m venv "$run/venv"
"$python" -m pip install --quiet --requirement requirements.txt

nice -n 19 "$python" -m training.train --out "$run"
"$python" -m training.export --run "$run" --out rightsize-nano.gguf --frozen ../../test/fixtures/nano/frozen.json
cp "$run/log.jsonl" training-log.jsonl
"$python" -m training.curve --log training-log.jsonl --out training-curve.svg
"$python" -m curriculum.write_examination --out .

cd ../..
npm run fixtures:model
cat > "$run/routes.yaml" <<'END'
version: 1
upstreams: { local: { kind: llama, model: "builtin:nano", contextTokens: 1024, parallel: 4 } }
tiers: [{ name: small, models: [{ upstream: local }] }]
routes: [{ name: default, match: { model: auto }, tier: small }]
END
node bin/rightsize.js calibrate --confidence --labels models/nano/calibration.jsonl --upstream local \
  --config "$run/routes.yaml" --out models/nano/rightsize-nano.confidence.json
npm run nano:evaluate -- --write
