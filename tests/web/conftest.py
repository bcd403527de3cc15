"""A server of the room web, as a user's machine runs it, and scans to send to it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import uvicorn

from bragglens.crystal.library import Library
from bragglens.learn.model import Model
from bragglens.scan.pattern import Grid
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.reference import pattern
from bragglens.simulate.render import reflections_in_range
from bragglens.simulate.specimen import Specimen
from bragglens.web.connection import settings
from bragglens.web.server import application


@pytest.fixture(scope="session")
def server(small_model: Model) -> Iterator[str]:
    """Address of a server that asks the small model."""
    fresh = replace(small_model)  # one whose network was not loaded here can be sent to another process
    listening = socket.create_server(("127.0.0.1", 0))
    served = uvicorn.Server(settings(application(fresh, workers=1)))
    thread = threading.Thread(target=served.run, args=([listening],))
    thread.start()
    while not served.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    served.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def scans(titania: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rutile.xy, which states its wavelength, nameless.xy, which does not, and bad.xy, which is none."""
    folder = tmp_path_factory.mktemp("sent")
    grid, instrument = Grid(20.0, 75.0, 0.03), Instrument(emission("CuKa"), W=0.006)
    index = titania.names.index("rutile")
    (crystal,) = reflections_in_range(titania.phases[index : index + 1], instrument.lines, grid)
    clean = pattern(crystal, instrument, Specimen(size=40.0), grid)
    counts = np.random.default_rng(0).poisson(5000 * clean / clean.max() + 100)
    columns = np.column_stack([grid.two_theta, counts])
    np.savetxt(folder / "rutile.xy", columns, fmt=("%.2f", "%d"), header="wavelength = 1.5405929")
    np.savetxt(folder / "nameless.xy", columns, fmt=("%.2f", "%d"))
    (folder / "bad.xy").write_text("this is no scan")
    return folder
