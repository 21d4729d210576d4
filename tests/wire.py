"""Where the recorded traffic of real servers is; a user's machine has none."""

from __future__ import annotations

from pathlib import Path

import pytest

WIRE = Path(__file__).resolve().parents[2] / "shared" / "wire"

needs_wire = pytest.mark.skipif(
    not WIRE.is_dir(), reason="the recorded traffic (../shared/wire) is not on this machine"
)
