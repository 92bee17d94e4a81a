"""Downloads from a server on this machine: complete and checked, or nothing and one sentence."""

import errno
import os

import pytest
from file_server import CONTENT, MD5, REQUESTS, SHA256

from cnnvis_helpers._shared import download as module
from cnnvis_helpers._shared.download import DownloadError, download
from cnnvis_helpers._shared.files import atomic_write, cache_folder


def test_this_computer_is_reached_past_a_proxy(server, tmp_path, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nobody answers
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.delenv("no_proxy", raising=False)
    download(f"{server}/file", tmp_path / "file", SHA256)
    with pytest.raises(DownloadError, match="proxy"):
        download("http://example.invalid/file", tmp_path / "other")


@pytest.mark.parametrize("checksum", [None, MD5, SHA256])
@pytest.mark.parametrize("page", ["file", "nolength", "to/file", "file#part", "file/ü and?a= b"])
def test_a_download_gives_the_file_and_counts_megabytes(server, tmp_path, page, checksum):
    seen, path = [], tmp_path / "new" / "x.bin"
    download(f"{server}/{page}", path, checksum, progress=lambda *counts: seen.append(counts))
    assert path.read_bytes() == CONTENT and os.listdir(path.parent) == ["x.bin"]
    if page != "nolength":
        assert seen[-1] == (3, 3) and seen.count((3, 3)) == 1


@pytest.mark.parametrize("size", [0, 1, 65_536, 1_152_000, len(CONTENT) - 1])
def test_a_connection_cut_at_any_byte_leaves_the_old_file(server, tmp_path, size):
    path = tmp_path / "x.bin"
    path.write_bytes(b"old")
    with pytest.raises(DownloadError, match="the connection broke"):
        download(f"{server}/cut/{size}", path)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["x.bin"]


def test_a_broken_download_goes_on_where_it_broke(server, tmp_path):
    REQUESTS.clear()
    download(f"{server}/cut/1000000", tmp_path / "x", MD5)
    starts = [int(wanted[6:-1]) if wanted else 0 for _, wanted in REQUESTS]
    assert len(starts) == 3 and 0 == starts[0] < starts[1] < starts[2]
    assert (tmp_path / "x").read_bytes() == CONTENT
    download(f"{server}/stubborn/1000000", tmp_path / "y", MD5)  # sends all again
    assert (tmp_path / "y").read_bytes() == CONTENT


@pytest.mark.parametrize(
    "page, options, says",
    [
        ("gone", {}, "404"),
        ("file", {"checksum": MD5[::-1]}, "checksum"),
        ("file", {"checksum": SHA256[::-1]}, "checksum"),
        ("file", {"limit": 2_000_000}, "more than 2 MB"),
        ("endless", {"limit": 20_000_000}, "more than 20 MB"),
        ("to/circle", {}, "circle"),
    ],
)
def test_a_failed_download_is_one_sentence_and_no_file(server, tmp_path, page, options, says):
    with pytest.raises(DownloadError, match=says) as failed:
        download(f"{server}/{page}", tmp_path / "x", **options)
    said = str(failed.value)
    assert "\n" not in said and len(said) < 250 and os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", ["passwd", "ftp"])
def test_a_redirect_leads_to_the_web_alone(server, tmp_path, kind):
    with pytest.raises(DownloadError, match="not on the web"):
        download(f"{server}/to/{kind}", tmp_path / "x")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "url",
    "file:///etc/passwd ftp://example.org/x x.png http:///x http://[::1/x "
    "https://example.org:port/x hf://a/b".split(),
)
def test_an_address_that_is_not_of_the_web_is_refused_at_once(tmp_path, url):
    with pytest.raises(ValueError):
        download(url, tmp_path / "x")


def test_no_host_and_silence_are_one_sentence(server, tmp_path, monkeypatch):
    with pytest.raises(DownloadError, match="127.0.0.1 cannot be reached") as failed:
        download("http://127.0.0.1:9/x", tmp_path / "x")
    assert len(str(failed.value)) < 200
    import requests

    def silent(*_, **__):
        raise requests.exceptions.ReadTimeout

    with monkeypatch.context() as patch:
        patch.setattr(requests, "get", silent)
        with pytest.raises(DownloadError, match="sent nothing for 20 seconds"):
            download(f"{server}/file", tmp_path / "x")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("stop", [KeyboardInterrupt, StopIteration])
def test_a_stopped_download_leaves_nothing(server, tmp_path, stop):
    def progress(done, total):
        raise stop

    with pytest.raises(stop):
        download(f"{server}/file", tmp_path / "x", progress=progress)
    assert os.listdir(tmp_path) == []


def test_a_full_disk_and_a_file_in_the_way_are_an_oserror(server, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        download(f"{server}/file", tmp_path / "file" / "x")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "_receive", full)
    with pytest.raises(OSError, match="No space left"):
        download(f"{server}/file", tmp_path / "x")
    assert os.listdir(tmp_path) == ["file"]


def test_an_atomic_write_is_complete_or_not_there(tmp_path):
    path = tmp_path / "a" / "x.txt"
    with atomic_write(path) as stream:
        stream.write(b"one")
        assert not path.exists()
    with pytest.raises(ZeroDivisionError), atomic_write(path) as stream:
        stream.write(b"two")
        raise ZeroDivisionError
    assert path.read_bytes() == b"one" and os.listdir(path.parent) == ["x.txt"]
    if os.name == "posix":
        plain = tmp_path / "plain"
        plain.touch()
        assert path.stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize(
    "platform, variables, folder",
    [
        ("linux", {"CNNVIS_CACHE": "/c"}, "/c"),
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/cnnvis"),
        ("linux", {"HOME": "/h"}, "/h/.cache/cnnvis"),
        ("darwin", {"HOME": "/h"}, "/h/Library/Caches/cnnvis"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/cnnvis"),
    ],
)
def test_the_cache_folder_is_the_systems(platform, variables, folder, monkeypatch):
    for name in ("CNNVIS_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.platform", platform)
    assert cache_folder().as_posix() == folder
