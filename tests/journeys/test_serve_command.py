"""`bragglens serve` as a user starts and stops it."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from importlib.resources import files
from urllib.error import HTTPError

import pytest
from child_processes import all_end, children, started
from command_line import run

SERVE = [sys.executable, "-c", "from bragglens.cli import main; main()", "serve"]
PHASES = ["--phases", str(files("bragglens") / "data" / "titania")]


OTHERS_REACH_IT = "import bragglens.web.token as t; t.token_for = lambda address: 'secret'; "


@pytest.mark.parametrize("token", ["", "secret"])
def test_serve_prints_its_address_answers_and_ends(token: str) -> None:
    first = OTHERS_REACH_IT if token else ""  # listens on 127.0.0.1 nevertheless
    words = [SERVE[0], "-c", first + SERVE[2], "serve", *PHASES, "--port", "0", "--workers", "1"]
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    with started(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        ((port, given),) = re.findall(r"http://[\d.]+:(\d+)/(\S*)", server.stdout.readline())
        assert given == (f"?token={token}" if token else "")
        model = f"http://127.0.0.1:{port}/api/model"
        with urllib.request.urlopen(urllib.request.Request(model, headers=bearer), timeout=300) as told:
            assert json.load(told)["name"] == "5 structures"
        if token:
            with pytest.raises(HTTPError, match="401"):
                urllib.request.urlopen(model, timeout=60)
        foreign = {"Origin": "http://127.0.0.1:1"} | bearer  # another server on this machine
        with pytest.raises(HTTPError, match="403"):
            urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/api/identify", b"", foreign))
        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=300)
    assert server.returncode == 0
    assert ("other machines can reach it" in said) == bool(token)
    assert "Traceback" not in said


def test_workers_of_serve_end_when_it_is_killed() -> None:
    words = [*SERVE, *PHASES, "--port", "0", "--workers", "1"]
    with started(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        assert "http://" in server.stdout.readline()
        while not (workers := children(server)) and server.poll() is None:
            time.sleep(0.05)
        server.kill()
        server.wait()
        assert workers
        assert all_end(workers)


def test_a_port_in_use_and_a_foreign_host() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for words, says in ((["--port", port], f"cannot listen on 127.0.0.1:{port} (address already in use"),
                            (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1:8000")):  # fmt: skip
            done = run("serve", *PHASES, *words)
            assert done.returncode == 2
            assert says in done.stderr
            assert done.stderr.count("error:") == 1


def test_serve_needs_its_extra() -> None:
    without = "import sys; sys.modules['fastapi'] = None; sys.argv[1:1] = ['serve']; "
    command = [sys.executable, "-c", without + "from bragglens.cli import main; main()", *PHASES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert 'pip install "bragglens[web]"' in done.stderr
