"""Download of RRUFF's scans, with a local server that can misbehave."""

from __future__ import annotations

import io
import struct
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from local_server import Server

from bragglens.errors import FetchError
from bragglens.scan import rruff
from bragglens.scan.rruff import ARCHIVE, TITANIA, Fetched, fetch_rruff

RUTILE = "Rutile__R040049-1__Powder__Xray_Data_XY_RAW__115.txt"
BROOKITE = "Brookite__R050591-1__Powder__Xray_Data_XY_RAW__1982.txt"
SCAN = b"##NAMES=Rutile\n5.00, 12\n5.01, 14\n##END=\n" * 100


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_only_requested_scans_are_extracted_from_the_archive(server: Server, tmp_path: Path) -> None:
    server.serve(archive({"XY_RAW/" + RUTILE: SCAN, BROOKITE: b"brookite", "Quartz__R040031-1.txt": b"no"}))
    fetched = fetch_rruff(tmp_path / "new" / "folder", base_url=server.url + "/", samples=["R050591", "R040049"])
    assert server.paths == ["/" + ARCHIVE]
    assert fetched == Fetched((tmp_path / "new/folder" / BROOKITE, tmp_path / "new/folder" / RUTILE), ())
    assert [path.read_bytes() for path in fetched.paths] == [b"brookite", SCAN]
    assert names(tmp_path / "new/folder") == [BROOKITE, RUTILE]


def test_the_default_is_the_eleven_titania_samples(server: Server, tmp_path: Path) -> None:
    server.serve(archive({f"Any__{s}-1__Powder__Xray_Data_XY_RAW__{i}.txt": SCAN for i, s in enumerate(TITANIA)}))
    fetched = fetch_rruff(tmp_path, base_url=server.url)
    assert len(fetched.paths) == len(set(TITANIA)) == 11
    assert fetched.missing == ()


def test_missing_samples_are_reported_and_the_others_kept(server: Server, tmp_path: Path) -> None:
    server.serve(archive({RUTILE: SCAN}))
    fetched = fetch_rruff(tmp_path, base_url=server.url, samples=["R050591", "R040049", "../R050591"])
    assert fetched == Fetched((tmp_path / RUTILE,), ("R050591", "../R050591"))


def test_a_measured_scan_is_preferred_to_a_calculated_one(server: Server, tmp_path: Path) -> None:
    calculated = RUTILE.replace("-1__", "-9__").replace("115", "7")
    server.serve(archive({calculated: b"calculated", RUTILE: b"measured"}))
    assert fetch_rruff(tmp_path, base_url=server.url, samples=["R040049"]).paths == (tmp_path / RUTILE,)


def test_second_call_sends_no_request(server: Server, tmp_path: Path) -> None:
    server.serve(archive({RUTILE: SCAN}))
    first = fetch_rruff(tmp_path, base_url=server.url, samples=["R040049"])
    assert fetch_rruff(tmp_path, base_url=server.url, samples=["R040049"]) == first
    assert len(server.paths) == 1


def test_an_existing_scan_is_kept_when_others_are_downloaded(server: Server, tmp_path: Path) -> None:
    (tmp_path / RUTILE).write_bytes(b"mine")
    server.serve(archive({RUTILE: SCAN, BROOKITE: SCAN}))
    fetched = fetch_rruff(tmp_path, base_url=server.url, samples=["R040049", "R050591"])
    assert fetched.paths == (tmp_path / RUTILE, tmp_path / BROOKITE)
    assert (tmp_path / RUTILE).read_bytes() == b"mine"


def test_progress_ends_with_all_bytes(server: Server, tmp_path: Path) -> None:
    body = archive({RUTILE: bytes(range(256)) * 2000}, zipfile.ZIP_STORED)
    server.serve(body)
    steps: list[tuple[int, int | None]] = []
    fetch_rruff(tmp_path, base_url=server.url, samples=["R040049"], progress=lambda *step: steps.append(step))
    assert len(steps) > 1
    assert steps[-1] == (len(body), len(body))


def test_404_is_reported(server: Server, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"/XY_RAW\.zip: the server answered 404 .*: try again later"):
        fetch_rruff(tmp_path, base_url=server.url)
    assert names(tmp_path) == []


@pytest.mark.parametrize("body", [archive({RUTILE: SCAN})[:-30], b"<html>moved</html>", b""])
def test_incomplete_archives_are_refused(server: Server, tmp_path: Path, body: bytes) -> None:
    server.serve(body)
    with pytest.raises(FetchError, match="the download is not a valid zip archive"):
        fetch_rruff(tmp_path, base_url=server.url)
    assert names(tmp_path) == []


def test_an_incomplete_transfer_is_refused(server: Server, tmp_path: Path) -> None:
    body = archive({RUTILE: SCAN})
    server.serve(body[:-30], length=len(body))
    with pytest.raises(FetchError, match=r"was interrupted after|cannot be downloaded"):
        fetch_rruff(tmp_path, base_url=server.url)
    assert names(tmp_path) == []


def test_a_damaged_member_is_refused_and_leaves_nothing(server: Server, tmp_path: Path) -> None:
    body = archive({RUTILE: SCAN}, zipfile.ZIP_STORED).replace(SCAN[:50], SCAN[:50].swapcase(), 1)
    server.serve(body)
    with pytest.raises(FetchError, match="the download is not a valid zip archive"):
        fetch_rruff(tmp_path, base_url=server.url)
    assert names(tmp_path) == []


def test_a_member_with_another_compression_is_refused(server: Server, tmp_path: Path) -> None:
    server.serve(archive({RUTILE: SCAN}, zipfile.ZIP_BZIP2))
    with pytest.raises(FetchError, match="unusual way"):
        fetch_rruff(tmp_path, base_url=server.url)


def test_an_encrypted_member_is_refused(server: Server, tmp_path: Path) -> None:
    body = bytearray(archive({RUTILE: SCAN}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        body[body.index(signature) + offset] |= 1
    server.serve(bytes(body))
    with pytest.raises(FetchError, match="encrypted"):
        fetch_rruff(tmp_path, base_url=server.url)
    assert names(tmp_path) == []


def test_a_bomb_is_refused(server: Server, tmp_path: Path) -> None:
    server.serve(archive({RUTILE: bytes(rruff._MEMBER_LIMIT + 1)}))
    with pytest.raises(FetchError, match="unpacks to more than 20 MB"):
        fetch_rruff(tmp_path, base_url=server.url)
    assert names(tmp_path) == []


def test_a_bomb_among_other_members_is_not_opened(server: Server, tmp_path: Path) -> None:
    server.serve(archive({"bomb.txt": bytes(rruff._MEMBER_LIMIT + 1), RUTILE: SCAN}))
    assert fetch_rruff(tmp_path, base_url=server.url, samples=["R040049"]).paths == (tmp_path / RUTILE,)


def test_an_archive_over_the_limit_is_refused_by_its_stated_length(server: Server, tmp_path: Path) -> None:
    server.serve(b"", length=rruff._ARCHIVE_LIMIT + 1)
    with pytest.raises(FetchError, match="larger than 300 MB"):
        fetch_rruff(tmp_path, base_url=server.url)


def test_an_archive_over_the_limit_is_refused_during_the_transfer(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rruff, "_ARCHIVE_LIMIT", 2**20)
    server.serve_without_end()
    with pytest.raises(FetchError, match="larger than 1 MB"):
        fetch_rruff(tmp_path, base_url=server.url)
    assert names(tmp_path) == []


@pytest.mark.parametrize("sixty_four_bit", [False, True])
def test_a_table_of_contents_that_would_fill_the_memory_is_refused(
    server: Server, tmp_path: Path, sixty_four_bit: bool
) -> None:
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1) if sixty_four_bit else b""
    size = 0 if sixty_four_bit else rruff._DIRECTORY_LIMIT + 1
    server.serve(locator + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, size, 0, 0))
    with pytest.raises(FetchError, match="lists far more files"):
        fetch_rruff(tmp_path, base_url=server.url)


@pytest.mark.parametrize("prefix", ["../../", "/", "..\\..\\", "C:\\", "a/../../"])
def test_folders_in_names_are_ignored(server: Server, tmp_path: Path, prefix: str) -> None:
    folder = tmp_path / "deep" / "inside"
    server.serve(archive({prefix + RUTILE: SCAN}))
    assert fetch_rruff(folder, base_url=server.url, samples=["R040049"]).paths == (folder / RUTILE,)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [folder / RUTILE]


@pytest.mark.parametrize("mineral", ["", ".hidden", "C:x", "a\x01b", "x" * 200])
def test_names_in_another_form_are_skipped(server: Server, tmp_path: Path, mineral: str) -> None:
    server.serve(archive({RUTILE.replace("Rutile", mineral): SCAN}))
    assert fetch_rruff(tmp_path, base_url=server.url, samples=["R040049"]) == Fetched((), ("R040049",))
    assert names(tmp_path) == []


def test_a_server_without_an_answer_gives_a_timeout(server: Server, tmp_path: Path) -> None:
    server.answer = lambda _: server.released.wait(20)  # type: ignore[assignment,return-value]
    with pytest.raises(FetchError, match=r"no answer for 0\.2 s"):
        fetch_rruff(tmp_path, base_url=server.url, timeout=0.2)
    assert names(tmp_path) == []


def test_a_server_that_stops_halfway_gives_a_timeout(server: Server, tmp_path: Path) -> None:
    def halfway(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"PK")
        handler.wfile.flush()
        server.released.wait(20)

    server.answer = halfway
    with pytest.raises(FetchError, match=r"no answer for 0\.2 s"):
        fetch_rruff(tmp_path, base_url=server.url, timeout=0.2)


def test_an_unreachable_server_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        port = closed.server_address[1]
    with pytest.raises(FetchError, match=r"cannot be downloaded .*check the network"):
        fetch_rruff(tmp_path, base_url=f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("base_url", ["", "http://", "file:///etc", "ftp://127.0.0.1", "www.rruff.net"])
def test_only_web_addresses_are_accepted(tmp_path: Path, base_url: str) -> None:
    with pytest.raises(FetchError, match="is not a web address"):
        fetch_rruff(tmp_path, base_url=base_url)


@pytest.mark.parametrize("base_url", ["http://[", "http://127.0.0.1:port", "http://a b"])
def test_an_invalid_address_is_a_fetch_error(tmp_path: Path, base_url: str) -> None:
    with pytest.raises(FetchError, match="cannot be downloaded"):
        fetch_rruff(tmp_path, base_url=base_url)


def test_a_folder_that_is_a_file_is_a_fetch_error(server: Server, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("here")
    with pytest.raises(FetchError, match="choose a folder you can write to"):
        fetch_rruff(tmp_path / "taken", base_url=server.url)
    assert server.paths == []


def test_error_messages_are_one_line(server: Server, tmp_path: Path) -> None:
    with pytest.raises(FetchError) as caught:
        fetch_rruff(tmp_path, base_url=server.url)
    assert "\n" not in str(caught.value)
