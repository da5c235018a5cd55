#!/usr/bin/env bash
# Change the code that decides about erasure in every small way, and see that a test notices each.
#
# usage: tests/mutants/run.sh [FOLDER]   (an hour of one core; a second run goes on in FOLDER)
#
# Works on a copy of what git has. Survivors are printed at the end; docs/mutation.md says of those
# that are known why they are harmless.
set -euo pipefail
cd "$(dirname "$0")/../.."
source=$PWD
folder=$(realpath -m "${1:-${TMPDIR:-/tmp}/netspring-mutants}")
mkdir -p "$folder/copy"
git ls-files -z | xargs -0 cp --parents --preserve=timestamps --target-directory "$folder/copy"
if [ ! -x "$folder/venv/bin/mutmut" ]; then
    "$source/.venv/bin/python" -m venv "$folder/venv"
    shared=$("$source/.venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    echo "$shared" > "$("$folder/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/shared.pth"
    "$folder/venv/bin/python" -m pip --disable-pip-version-check -qq install mutmut==3.8.1 cosmic-ray==8.7.0
fi
cd "$folder/copy"
cp tests/mutants/setup.cfg .
export PATH="$folder/venv/bin:$PATH"
# The count of cores is left to others; each mutant is one process.
nice mutmut run --max-children "${MUTANTS_AT_ONCE:-1}" > "$folder/mutmut.log" 2>&1 || tail -n 20 "$folder/mutmut.log" >&2
if [ ! -e "$folder/guard.sqlite" ]; then
    cosmic-ray init tests/mutants/guard.toml "$folder/guard.sqlite"
fi
nice cosmic-ray exec tests/mutants/guard.toml "$folder/guard.sqlite"
echo "== survivors in netspring_provision"
mutmut results | grep survived | while read -r name _; do
    echo "-- ${name%:}"
    mutmut show "${name%:}" 2>/dev/null | grep -E '^[-+]' | grep -vE '^(---|\+\+\+)' || true
done
echo "== survivors in guard.py"
cr-report --surviving-only --show-diff "$folder/guard.sqlite"
