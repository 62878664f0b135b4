"""Downloads from a server of this machine: whole or not at all, resumed, checked, retried."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from forecast.datasets.catalogue import available, find_dataset, load_dataset
from forecast.datasets.named import download
from forecast.datasets.named.download import NotThere, cache_folder, check_cached, fetch
from forecast.errors import ConfigError, DataError

BODY = b"date,HUFL,OT\n" + b"".join(b"2016-07-01 %02d:00:00,%d.5,%d.25\n" % (hour, hour, hour) for hour in range(24))
DIGEST = hashlib.sha256(BODY).hexdigest()


class Server:
    """What the server holds, how it misbehaves, and what it was asked."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"/ETTh1.csv": BODY}
        self.ranges = True
        self.break_after: list[int] = []  # bytes after which the next answers break off
        self.codes: list[int] = []  # status of the next answers
        self.tag: str | None = '"one"'
        self.kind = "text/csv"
        self.asked: list[tuple[str, str | None]] = []
        self.shifted = 0  # added to the first byte of every range

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append((request.path, wanted))
        body = self.files.get(request.path)
        code = self.codes.pop(0) if self.codes else 200
        if body is None or code != 200:
            return request.send_error(code if code != 200 else 404)
        matches = request.headers.get("If-Range") in (None, self.tag)
        first = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.ranges and matches else 0
        if first >= len(body):
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(body)}")
            request.send_header("Content-Length", "0")
            return request.end_headers()
        first += self.shifted if first else 0
        request.send_response(206 if first else 200)
        if first:
            request.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        if self.tag:
            request.send_header("ETag", self.tag)
        request.send_header("Content-Type", self.kind)
        request.send_header("Content-Length", str(len(body) - first))
        request.end_headers()
        part = body[first:]
        request.wfile.write(part[: self.break_after.pop(0)] if self.break_after else part)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.answer(self)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        state.address = f"http://127.0.0.1:{http.server_port}"  # type: ignore[attr-defined]
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        http.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FORECAST_CACHE", str(tmp_path / "cache"))
    for name in ("FORECAST_DATA", "FORECAST_MIRROR", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    return tmp_path / "cache"


def _get(server: Server, target: Path, **options: Any) -> Path:
    return fetch(f"{server.address}/ETTh1.csv", target, timeout=5, **options)  # type: ignore[attr-defined]


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_with_its_checksum_beside_it(server: Server, tmp_path: Path) -> None:
    target = _get(server, tmp_path / "new" / "ETTh1.csv", sha256=DIGEST)
    assert target.read_bytes() == BODY
    assert _left(tmp_path / "new") == ["ETTh1.csv", "ETTh1.csv.sha256"]


def test_a_break_is_resumed_where_it_happened(server: Server, tmp_path: Path) -> None:
    server.break_after = [100, 50]
    assert _get(server, tmp_path / "f" / "x").read_bytes() == BODY
    assert [wanted for _, wanted in server.asked] == [None, "bytes=100-", "bytes=150-"]


def test_a_later_call_goes_on_from_what_arrived_before(server: Server, tmp_path: Path) -> None:
    server.break_after = [200]
    with pytest.raises(DataError, match=r"broke off after 200 bytes\n.*goes on where it stopped"):
        _get(server, tmp_path / "x", attempts=1)
    assert not (tmp_path / "x").exists()
    assert _get(server, tmp_path / "x").read_bytes() == BODY
    assert server.asked[-1][1] == "bytes=200-"


def test_a_server_without_ranges_is_read_from_the_start_again(server: Server, tmp_path: Path) -> None:
    server.ranges, server.break_after = False, [100]
    assert _get(server, tmp_path / "x").read_bytes() == BODY


def test_a_server_without_tags_is_resumed_too(server: Server, tmp_path: Path) -> None:
    server.tag, server.break_after = None, [100]
    assert _get(server, tmp_path / "x").read_bytes() == BODY
    assert server.asked[-1][1] == "bytes=100-"


def test_a_range_that_begins_elsewhere_is_not_appended(server: Server, tmp_path: Path) -> None:
    server.shifted, server.break_after = 7, [100]
    assert _get(server, tmp_path / "x").read_bytes() == BODY
    assert [wanted for _, wanted in server.asked] == [None, "bytes=100-", None]


def test_a_file_that_changed_between_two_tries_is_fetched_anew(server: Server, tmp_path: Path) -> None:
    server.break_after = [100]
    with pytest.raises(DataError):
        _get(server, tmp_path / "x", attempts=1)
    server.files["/ETTh1.csv"], server.tag = BODY.upper(), '"two"'
    assert _get(server, tmp_path / "x").read_bytes() == BODY.upper()


def test_a_change_that_the_server_hides_is_caught_by_the_checksum(server: Server, tmp_path: Path) -> None:
    server.break_after = [100]
    with pytest.raises(DataError):
        _get(server, tmp_path / "x", attempts=1)
    server.files["/ETTh1.csv"] = BODY.upper()
    digest = hashlib.sha256(BODY.upper()).hexdigest()
    assert _get(server, tmp_path / "x", sha256=digest).read_bytes() == BODY.upper()


def test_a_part_that_is_whole_already_is_only_renamed(server: Server, tmp_path: Path) -> None:
    server.break_after = [100]
    with pytest.raises(DataError):
        _get(server, tmp_path / "x", attempts=1)
    (tmp_path / "x.part").write_bytes(BODY)
    assert _get(server, tmp_path / "x").read_bytes() == BODY


def test_a_part_longer_than_the_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    server.break_after = [100]
    with pytest.raises(DataError):
        _get(server, tmp_path / "x", attempts=1)
    (tmp_path / "x.part").write_bytes(BODY + b"more")
    assert _get(server, tmp_path / "x").read_bytes() == BODY


def test_a_part_of_unknown_origin_is_not_continued(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(b"something else")
    assert _get(server, tmp_path / "x").read_bytes() == BODY


def test_a_part_that_another_process_is_writing_is_left_alone(server: Server, tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    with (tmp_path / "x.part").open("wb") as held:
        held.write(b"theirs")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        assert _get(server, tmp_path / "x").read_bytes() == BODY
    assert _left(tmp_path) == ["x", "x.part", "x.sha256"]
    assert (tmp_path / "x.part").read_bytes() == b"theirs"


def test_a_wrong_checksum_is_refused_and_leaves_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"wrong checksum .SHA-256 {DIGEST}, expected 000"):
        _get(server, tmp_path / "f" / "x", sha256="0" * 64)
    assert "x" not in _left(tmp_path / "f")
    assert not any(path.suffix == ".part" for path in (tmp_path / "f").iterdir())


def test_a_checksum_once_recorded_is_kept_to(server: Server, tmp_path: Path) -> None:
    target = _get(server, tmp_path / "x")
    assert check_cached(target) == target
    target.write_bytes(b"edited")
    with pytest.raises(DataError, match="x has changed since it was downloaded\nDelete it"):
        check_cached(target)
    target.unlink()
    server.files["/ETTh1.csv"] = BODY.upper()
    with pytest.raises(DataError, match="wrong checksum"):
        _get(server, target)


def test_a_busy_server_is_asked_again_a_refusing_one_is_not(server: Server, tmp_path: Path) -> None:
    server.codes = [503, 429]
    assert _get(server, tmp_path / "x").read_bytes() == BODY
    server.codes = [403]
    with pytest.raises(DataError, match="was refused: 403"):
        _get(server, tmp_path / "y")
    assert len(server.asked) == 4
    server.codes = [500] * 4
    with pytest.raises(DataError, match="could not be downloaded in 4 tries: 500"):
        _get(server, tmp_path / "z")


def test_a_missing_file_a_web_page_and_a_dead_server_are_told_apart(server: Server, tmp_path: Path) -> None:
    with pytest.raises(NotThere, match=r"none.csv does not exist \(404\)"):
        fetch(f"{server.address}/none.csv", tmp_path / "f" / "x")  # type: ignore[attr-defined]
    assert _left(tmp_path / "f") == []
    server.kind = "text/html"
    with pytest.raises(DataError, match="answered with a web page"):
        _get(server, tmp_path / "x")
    with pytest.raises(DataError, match="could not be downloaded in 2 tries"):
        fetch("http://127.0.0.1:9/x", tmp_path / "x", attempts=2, timeout=2)


def test_a_folder_that_cannot_be_written_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot be written.*\nName a folder .* FORECAST_CACHE"):
        _get(server, tmp_path / "file" / "x")


def test_the_cache_is_where_the_variable_says_else_where_the_platform_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download.sys, "platform", "linux")
    monkeypatch.setenv("FORECAST_CACHE", "/some/where")
    assert cache_folder() == Path("/some/where")
    monkeypatch.delenv("FORECAST_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache_folder() == Path("/caches/seqcast")


# ---------------------------------------------------------------- the catalogue over a mirror


@pytest.fixture
def mirror(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("FORECAST_MIRROR", f"{server.address}/base/")  # type: ignore[attr-defined]
    server.files = {"/base/ETT-small/ETTh2.csv": BODY}
    return server


def test_a_data_set_comes_from_the_mirror_once_and_then_from_the_cache(mirror: Server, own_cache: Path) -> None:
    assert "to be downloaded from http" in available(find_dataset("etth2")).why
    assert len(load_dataset("ETTh2")) == 24
    asked = len(mirror.asked)
    assert load_dataset("etth2")["OT"].iloc[-1] == 23.25
    assert len(mirror.asked) == asked
    assert available(find_dataset("etth2")).why == f"in {own_cache / 'etth2'}"


def test_the_cache_serves_without_a_mirror(mirror: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    load_dataset("etth2")
    monkeypatch.delenv("FORECAST_MIRROR")
    assert len(load_dataset("etth2")) == 24


def test_a_known_checksum_is_held_against_the_mirror(mirror: Server) -> None:
    mirror.files = {"/base/ETTh1.csv.gz": BODY}
    with pytest.raises(DataError, match="wrong checksum"):
        load_dataset("etth1")


def test_what_a_mirror_lacks_is_listed(mirror: Server) -> None:
    with pytest.raises(
        DataError, match=r"'traffic' is not at http.*traffic.csv, traffic.csv.gz, traffic.csv.zip\n.*'traffic'"
    ):
        load_dataset("traffic")


def test_a_mirror_may_be_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> None:
    (tmp_path / "files" / "deep").mkdir(parents=True)
    (tmp_path / "files" / "deep" / "ETTm2.csv").write_bytes(BODY)
    monkeypatch.setenv("FORECAST_MIRROR", (tmp_path / "files").as_uri())
    assert len(load_dataset("ETTm2")) == 24
    assert _left(own_cache / "ettm2") == ["ETTm2.csv", "ETTm2.csv.sha256"]
    (tmp_path / "files" / "ETTh1.csv.gz").write_bytes(b"another file")
    with pytest.raises(DataError, match="wrong checksum"):
        load_dataset("etth1")
    with pytest.raises(DataError, match=r"nothing below .* is named weather.csv.gz"):
        load_dataset("weather")


@pytest.mark.parametrize("address", ["ftp://host/x", "/a/folder", "host/path"])
def test_an_address_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("FORECAST_MIRROR", address)
    with pytest.raises(ConfigError, match="https://, http:// or file://"):
        load_dataset("etth1")
    assert not available(find_dataset("etth1"))
    assert available(find_dataset("co2"))
