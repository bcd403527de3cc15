"""The garbage collector rests and works again, also where it was off before, and after an error."""

from __future__ import annotations

import gc

import pytest

from bragglens.collector import resting, starting


@pytest.mark.parametrize("context", [resting, starting])
def test_the_collector_rests_and_works_again(context) -> None:  # type: ignore[no-untyped-def]
    try:
        with context():
            assert not gc.isenabled()
            with resting():
                pass
            assert not gc.isenabled()
        assert gc.isenabled()
        with pytest.raises(ValueError, match="no"), context():
            raise ValueError("no")
        assert gc.isenabled()
    finally:
        gc.unfreeze()
