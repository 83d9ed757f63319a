"""Places around the tests."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Recordings from the original systems, which do not belong to the repository.
GOLDEN = ROOT.parent / "shared" / "golden"
