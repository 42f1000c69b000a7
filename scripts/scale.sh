#!/usr/bin/env bash
# Runs the call center on this machine with as many workers as you say: scripts/scale.sh --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Arguments are checked first, so that nobody waits for the set-up to learn of a wrong number.
python=.venv/bin/python
[ -x "$python" ] || python=python3
command -v "$python" >/dev/null || { scripts/setup --python-only && python=.venv/bin/python; }
"$python" -m tools.run.scale.arguments "$@"

case " $* " in
*" --help "* | *" -h "*) exit ;;
*" --compose "*) scripts/setup --python-only ;;
*" up "*) scripts/setup ;;
*) [ -x .venv/bin/python ] || scripts/setup ;;
esac
exec .venv/bin/python -m tools.run.scale "$@"
