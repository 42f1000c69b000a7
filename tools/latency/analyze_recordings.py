"""Measures calls by their recordings: .venv/bin/python tools/latency/analyze_recordings.py --help."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Run by its path, Python looks for modules beside this file, and not in the repository.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from tools.latency.command_line import main

    raise SystemExit(main())
