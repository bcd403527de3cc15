"""A server under many clients, with bombs among the uploads, half-open connections, and a worker that is killed."""

from __future__ import annotations

import json
import re
import socket
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from subprocess import PIPE
from typing import Any

import attack_inputs
import numpy as np
import psutil
from attack_crafted import crafted_scans
from attack_inputs import Named
from attack_judged import LARGE
from child_processes import children, started

from bragglens.crystal.library import read_library
from bragglens.scan.pattern import Grid
from bragglens.simulate.instrument import Instrument, emission
from bragglens.simulate.render import reflections_in_range, render_phases
from bragglens.simulate.specimen import Specimen

HALF_OPEN = 300  # connections that send half a header
PATIENCE = 1200.0  # seconds for an answer
BASE = 300  # MB that a process of the server holds at its start, with the network and the fit
GRID = Grid(20.0, 75.0, 0.03)


@dataclass(frozen=True)
class Answered:
    """How an upload ended: the state of its job, `lost` where it has none, and its error."""

    name: str
    honest: bool
    state: str
    error: str = ""


def besieged(seed: int, clients: int) -> dict[str, Any]:
    """The counts of one server: each client sends an honest scan and then a bomb or a damaged scan."""
    serve = [sys.executable, "-c", "from bragglens.cli import main; main()", "serve", "--port", "0", "--workers", "2"]
    uploads = list(zip(honest(clients), hostile(seed, clients), strict=True))
    with tempfile.TemporaryFile("w+") as told, ExitStack() as closing:
        server = closing.enter_context(
            started([*serve, "--phases", attack_inputs.TITANIA], stdout=PIPE, stderr=told, text=True)
        )
        address = re.findall(r"http://[\d.]+:\d+", server.stdout.readline())[0]
        for half in half_open(address):
            closing.callback(half.close)
        done = threading.Event()
        watched = closing.enter_context(ThreadPoolExecutor(1)).submit(watch, server, done)
        with ThreadPoolExecutor(clients) as pool:
            answers = [one for both in pool.map(lambda pair: client(address, *pair), uploads) for one in both]
        health = ask(f"{address}/api/health")["state"]
        done.set()
        largest = watched.result()
        told.seek(0)
        said = told.read()
    return counts(answers, clients, largest, said, health)


def honest(count: int) -> list[Named]:
    """A scan of rutile, with other noise each time."""
    titania = read_library(attack_inputs.TITANIA)
    instrument = Instrument(emission("CuKa"), W=0.006)
    crystals = reflections_in_range(titania.phases, instrument.lines, GRID)
    drawn = render_phases(crystals, instrument, [Specimen(size=40.0)] * len(titania), GRID)[
        titania.names.index("rutile")
    ]
    counted = (np.random.default_rng(i).poisson(5000 * drawn / drawn.max() + 100) for i in range(count))
    tables = ("".join(f"{x:.2f} {y}\n" for x, y in zip(GRID.two_theta, one, strict=True)) for one in counted)
    return [(f"honest {i}.xy", f"# wavelength = 1.5405929\n{table}".encode()) for i, table in enumerate(tables)]


def hostile(seed: int, count: int) -> list[Named]:
    """Crafted scans and damaged ones in turn."""
    crafted, damaged = list(crafted_scans()), list(attack_inputs.scans(seed + 1, count))
    return [crafted[i // 2 % len(crafted)] if i % 2 == 0 else damaged[i] for i in range(count)]


def half_open(address: str) -> list[socket.socket]:
    """Connections that send half a header and wait."""
    host, port = address.removeprefix("http://").split(":")
    opened = []
    for _ in range(HALF_OPEN):
        one = socket.create_connection((host, int(port)), timeout=30)
        one.sendall(b"GET /api/health HTTP/1.1\r\nHost: loc")
        opened.append(one)
    return opened


def watch(server: Any, done: threading.Event) -> float:
    """The most MB that a process of the server held; one worker is killed on the way."""
    largest, begun, killed = 0.0, time.monotonic(), False
    while not done.wait(0.2):
        for pid in [server.pid, *children(server)]:
            with suppress(psutil.Error):
                largest = max(largest, psutil.Process(pid).memory_info().rss / 2**20)
        if not killed and time.monotonic() - begun > 15:
            killed = kill_a_worker(server)
    return largest


def kill_a_worker(server: Any) -> bool:
    """Whether a process that answers was there to be killed, as a system does that is short of memory."""
    for pid in children(server):
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if "spawn_main" in " ".join(process.cmdline()):
                process.kill()
                return True
    return False


def client(address: str, *uploads: Named) -> list[Answered]:
    """Send one file after the other, and wait for what comes of them."""
    return [answered(address, *upload) for upload in uploads]


def answered(address: str, name: str, data: bytes) -> Answered:
    sent_well = name.startswith("honest")
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            (job,) = send(address, name, data)["jobs"]
            break
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503):
                return Answered(name, sent_well, "refused", json.load(error)["error"])
        except OSError:  # no connection is free for now
            pass
        time.sleep(1)
    else:
        return Answered(name, sent_well, "lost", "never taken")
    while time.monotonic() < until:
        with suppress(OSError):
            job = ask(f"{address}/api/jobs/{job['id']}")
        if job["state"] in ("done", "failed"):
            return Answered(name, sent_well, job["state"], job["error"] or "")
        time.sleep(1)
    return Answered(name, sent_well, "lost", f"still {job['state']}")


def send(address: str, name: str, data: bytes) -> Any:
    mark = uuid.uuid4().hex
    head = f'--{mark}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
    choice = f'\r\n--{mark}\r\nContent-Disposition: form-data; name="wavelength_if_missing"\r\n\r\nCuKa'.encode()
    body = head + data + choice + f"\r\n--{mark}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={mark}"}
    return ask(urllib.request.Request(f"{address}/api/identify", body, kind))


def ask(what: str | urllib.request.Request) -> Any:
    with urllib.request.urlopen(what, timeout=60) as answer:
        return json.load(answer)


def counts(answers: list[Answered], clients: int, largest: float, said: str, health: str) -> dict[str, Any]:
    broken = [one for one in answers if "made a mistake" in one.error or "please report" in one.error]
    lost = [one for one in answers if one.state == "lost" or (one.honest and one.state != "done")]
    faults = [f"{one.name}: {one.state}: {one.error}" for one in (*broken, *lost)]
    faults += [f"told on the way: {said[-500:]}"] if "Traceback" in said else []
    faults += [f"health is {health} in the end"] if health != "ok" else []
    return {
        "files": f"{clients} clients at once, {HALF_OPEN} half-open connections, a worker killed",
        "tried": len(answers),
        "answered": sum(one.state == "done" for one in answers),
        "refused": sum(one.state in ("failed", "refused") for one in answers) - len(broken),
        "traceback": len(broken) + said.count("Traceback"),
        "slow": None,
        "large": int(largest > LARGE + BASE),
        "lost": len(lost),
        "slowest": None,
        "largest": largest,
        "faults": faults,
    }
