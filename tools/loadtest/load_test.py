#!/usr/bin/env python3
"""`python tools/loadtest/load_test.py`: real calls, many at once, and whether the call center withstood them."""

import sys
from pathlib import Path

if not __package__:  # run as a file: the packages are in the root of the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from tools.loadtest.command import main

if __name__ == "__main__":
    raise SystemExit(main())
