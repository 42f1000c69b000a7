#!/usr/bin/env bash
# Runs the call center on this machine with as many workers as you say: scripts/scale.sh --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
case " $* " in
*" --help "* | *" -h "*) [ -x .venv/bin/python ] || scripts/setup --python-only ;;
*" --compose "*) scripts/setup --python-only ;;
*" up "*) scripts/setup ;;
*) [ -x .venv/bin/python ] || scripts/setup ;;
esac
exec .venv/bin/python -m tools.scale "$@"
