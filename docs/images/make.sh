#!/usr/bin/env bash
# Makes the pictures of README.md: docs/images/make.sh [PROGRAM]
# Needs chromium for report.png and alerts.png; without it only scores.svg, which the program draws itself, is made.
# PROGRAM is target/release/morpheus unless it is given. Same version, same bytes, but for the fonts of the machine.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "${1:-$here/../../target/release/morpheus}")
user=userIdentitysessionContextsessionIssueruserName

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

"$program" tools generate --output_dir=logs --users=8 --takeovers=2 --training_rows=1000 --new_rows=250 --days=60 --seed=7
"$program" run pipeline-ae --userid_column_name=$user from-cloudtrail --input_glob='logs/validation/*.csv' \
  train-ae --train_data_glob='logs/training/*.csv' --seed=42 \
  preprocess inf-ae --scorer=recommended alert --alerts_per_day=3 add-scores --surprises serialize \
  to-report --filename=run.html to-file --filename=scored.csv
"$program" plot scored.csv --kind=scores --userid_column_name=$user --output="$here/scores.svg"

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[ -n "$browser" ] || { echo "no chromium: report.png and alerts.png are not made"; exit 0; }

# The alerts alone, the first four.
python3 - <<'PYTHON'
import re
page = open("run.html", encoding="utf-8").read()
page = re.sub(r"<header>.*?</header>|<script.*?</script>", "", page, flags=re.S)
page = re.sub(r'<section id="(?!alerts").*?</section>', "", page, flags=re.S)
head, *rows = page.split('<tr role="row"><td')
rows[-1], tail = rows[-1].split("</tbody></table></div></section>", 1)
rows = '<tr role="row"><td'.join(["", *rows[:4]])
page = head + rows + "</tbody></table></div></section>" + tail
open("alerts.html", "w", encoding="utf-8").write(page)
PYTHON

shoot() {
  "$browser" --headless --no-sandbox --hide-scrollbars --force-device-scale-factor=1.25 --window-size="$3" \
    --screenshot="$here/$2" "file://$work/$1" >/dev/null 2>&1
}
shoot run.html report.png 1000,830
shoot alerts.html alerts.png 1200,485
ls -l "$here"/report.png "$here"/alerts.png
