"""The model file: a round trip, and all kinds of damage to a file."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bragglens.errors import BragglensError, ModelError
from bragglens.learn.model import Model, activate, load_model, save_model


@pytest.fixture
def saved(small_model: Model, tmp_path: Path) -> Path:
    return save_model(small_model, tmp_path / "titania.bragglens")


def test_round_trip(small_model: Model, saved: Path) -> None:
    loaded = load_model(saved)
    x = np.random.default_rng(0).random((3, 2, small_model.preparation.grid.size), dtype=np.float32)
    np.testing.assert_array_equal(loaded.probabilities(x), small_model.probabilities(x))
    assert loaded == replace(small_model, name="titania.bragglens", library=loaded.library)
    assert loaded.library.hash == small_model.library.hash
    assert loaded.library.phases == small_model.library.phases


def test_no_partial_file_is_left(saved: Path) -> None:
    assert [p.name for p in saved.parent.iterdir()] == ["titania.bragglens"]


def rewrite(path: Path, member: str, content: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[member] = content
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def manifest(path: Path) -> dict[str, object]:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("manifest.json"))  # type: ignore[no-any-return]


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model file: train one"):
        load_model(tmp_path / "none.bragglens")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_cut_short(saved: Path, share: float) -> None:
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelError, match="cut short"):
        load_model(saved)


def test_flipped_bytes_never_load_silently(saved: Path) -> None:
    whole = saved.read_bytes()
    random = np.random.default_rng(0)
    for position in random.integers(0, len(whole) - 200, 20):
        spoiled = bytearray(whole)
        spoiled[position] ^= 0xFF
        saved.write_bytes(bytes(spoiled))
        with pytest.raises(ModelError):
            load_model(saved)


@pytest.mark.parametrize("content", [b"hello", b"\x80\x04\x95pickle", b"PK\x03\x04", b"{}"])
def test_foreign(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign.bragglens"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="is no bragglens model"):
        load_model(path)


def test_other_zip(tmp_path: Path) -> None:
    path = tmp_path / "other.bragglens"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ModelError, match="is no bragglens model"):
        load_model(path)


def test_newer_format(saved: Path) -> None:
    rewrite(saved, "manifest.json", json.dumps(manifest(saved) | {"format": 99}).encode())
    with pytest.raises(ModelError, match="format 99"):
        load_model(saved)


def test_exchanged_network(saved: Path) -> None:
    rewrite(saved, "network.onnx", b"other")
    with pytest.raises(ModelError, match="checksum"):
        load_model(saved)


SPOILED = [(field, value) for field in ("preparation", "phases", "answer", "recipe") for value in (None, "x", -1)]


@pytest.mark.parametrize(("field", "value"), [*SPOILED, ("temperature", None), ("temperature", "x"), ("alike", [1])])
def test_spoiled_manifest(saved: Path, field: str, value: object) -> None:
    fields = manifest(saved)
    rewrite(saved, "manifest.json", json.dumps(fields | {field: value}).encode())
    with pytest.raises(ModelError, match=rf"its manifest\.{field}"):
        load_model(saved)


def test_bomb(saved: Path) -> None:
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b" " * 25_000_000)
        archive.writestr("network.onnx", b"")
    with pytest.raises(ModelError, match="would unpack"):
        load_model(saved)
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b'{"values": [' + b"[]," * 5_100_000 + b"[]]}")
        archive.writestr("network.onnx", np.random.default_rng(0).bytes(100_000))
    with pytest.raises(ModelError, match="is no bragglens model"):
        load_model(saved)


def test_unwritable(small_model: Model, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BragglensError, match="cannot be written"):
        save_model(small_model, tmp_path / "file" / "m.bragglens")


def test_activation() -> None:
    z = np.array([[0.0, 800.0, -800.0]])
    np.testing.assert_allclose(activate(z, "sigmoid", 1.0), [[0.5, 1.0, 0.0]], atol=1e-12)
    np.testing.assert_allclose(activate(z, "softmax", 1.0), [[0.0, 1.0, 0.0]], atol=1e-12)
    assert activate(np.array([[2.0]]), "sigmoid", 2.0)[0, 0] == pytest.approx(1 / (1 + np.exp(-1)))
