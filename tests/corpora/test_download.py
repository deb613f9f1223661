"""lib.corpora.download and unpack, tested against a misbehaving local server."""

import functools
import hashlib
import io
import re
import stat
import zipfile
from pathlib import Path

import pytest
from host import Host

from lib import corpora
from lib.corpora import audiomnist, download, fsdd, unpack
from lib.errors import DownloadError, InputError

SOUND = bytes(range(256)) * 400
FILES = {
    "recordings/3_theo_1.wav": SOUND,
    "recordings/4_theo_1.wav": SOUND[::-1],
    "README.md": b"x",
}


def zipped(files, compression=zipfile.ZIP_STORED, top="repository-abc/"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as content:
        for name, data in files.items():
            content.writestr(name if isinstance(name, zipfile.ZipInfo) else top + name, data)
    return buffer.getvalue()


@pytest.fixture
def host():
    hosts = []

    def start(*args, **kwargs):
        hosts.append(Host(*args, **kwargs))
        return hosts[-1]

    yield start
    for each in hosts:
        each.close()


@pytest.fixture(autouse=True)
def known(tmp_path, monkeypatch):
    """Replace the table of known files, the pauses and the timeout."""
    monkeypatch.setattr(download, "CONTENTS", tmp_path / "contents")
    monkeypatch.setattr(download, "PAUSES_S", (0.0, 0.0, 0.0))
    monkeypatch.setattr(download, "TIMEOUT_S", 0.3)
    (tmp_path / "contents").mkdir()
    rows = [
        f"{name},{len(data)},{hashlib.sha256(data).hexdigest()}"
        for name, data in FILES.items()
        if name.endswith("wav")
    ]
    (tmp_path / "contents" / "toy.csv").write_text("\n".join(["path,bytes,sha256", *rows]))


def toy(host, **changes):
    address = f"http://127.0.0.1:{host.server.server_port}"
    facts = {"revision": "0123456789ab", "download_mb": 1, "unpacked_mb": 1, "files": 3}
    return download.Archive("toy", address, **facts | changes)


def fetched(host, tmp_path):
    folder = download.fetch(toy(host), tmp_path / "data")
    assert {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    } == FILES
    assert left(tmp_path) == ["toy"]
    return folder


def resumes(asked, body):
    """Return "half" if the requested range starts at half of `body`, or at most a chunk before."""
    if asked is None:
        return None
    (start,) = re.findall(r"bytes=(\d+)-$", asked)
    return "half" if len(body) // 2 - 2**16 <= int(start) <= len(body) // 2 else asked


def left(tmp_path):
    return sorted(path.name for path in (tmp_path / "data").iterdir())


def test_an_archive_is_fetched_whole_and_once(host, tmp_path):
    there = host(zipped(FILES, zipfile.ZIP_DEFLATED))
    for _ in range(2):
        fetched(there, tmp_path)
    assert there.asked == [None]


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        (["truncates", "ranges"], [None, "half"]),
        (["truncates", "whole"], [None, "half"]),  # ignores ranges: starts over
        (["stalls", "ranges"], [None, "half"]),
        (["truncates", "other_range", "ranges"], [None, "half", None]),
        (["broken", "too_many", "whole"], [None, None, None]),
        (["truncates", "broken", "broken", "ranges"], [None, "half", "half", "half"]),
    ],
)
def test_passing_faults_are_tried_again_from_where_they_were(host, tmp_path, answers, asked):
    body = zipped(FILES)
    there = host(body, answers)
    fetched(there, tmp_path)
    assert [resumes(a, body) for a in there.asked] == asked


@pytest.mark.parametrize(
    ("answer", "reason", "attempts"),
    [
        ("missing", "404", 1),
        ("page", "a web page instead of an archive", 1),
        ("broken", "500", 4),
        ("too_many", "429", 4),
        ("stalls", "timed out", 4),
        ("truncates_unnoticed", "corrupt: File is not a zip file", 1),
    ],
)
def test_lasting_faults_say_what_to_do_by_hand(host, tmp_path, answer, reason, attempts):
    there = host(zipped(FILES), [answer])
    with pytest.raises(DownloadError, match=reason) as caught:
        download.fetch(toy(there), tmp_path / "data")
    for part in (toy(there).url, "By hand: download that file", "DATA_DIR=", "becomes"):
        assert part in str(caught.value)
    assert len(there.asked) == attempts
    assert not (tmp_path / "data" / "toy").exists()


def test_no_network_says_what_to_do_by_hand(host, tmp_path):
    there = host()
    archive = toy(there)
    there.server.server_close()
    with pytest.raises(DownloadError, match=r"toy .*refused.*By hand: .*CORPUS=toy"):
        download.fetch(archive, tmp_path / "data")


def test_an_interrupted_download_is_resumed_by_the_next_run(host, tmp_path):
    body = zipped(FILES)
    there = host(body, ["truncates", "missing", "ranges"])
    with pytest.raises(DownloadError):
        download.fetch(toy(there), tmp_path / "data")
    assert left(tmp_path) == [".toy-01234567.zip.part"]
    fetched(there, tmp_path)
    assert resumes(there.asked[2], body) == "half"


def test_pieces_of_two_packings_are_fetched_afresh(host, tmp_path):
    """GitHub may repack a commit at any time; the first half may belong to another archive."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / ".toy-01234567.zip.part").write_bytes(b"PK" + bytes(1000))
    there = host(zipped(FILES), ["ranges"])
    fetched(there, tmp_path)
    assert there.asked == ["bytes=1002-", None]


def test_what_was_downloaded_whole_is_not_fetched_again(host, tmp_path, monkeypatch):
    there = host(zipped(FILES))

    def die(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(unpack.shutil, "copyfileobj", die)
        with pytest.raises(KeyboardInterrupt):
            download.fetch(toy(there), tmp_path / "data")
    assert left(tmp_path) == [".toy-01234567.zip"]
    fetched(there, tmp_path)
    assert len(there.asked) == 1


def test_other_content_is_refused(host, tmp_path):
    there = host(zipped(FILES | {"recordings/4_theo_1.wav": SOUND}))
    with pytest.raises(
        DownloadError, match=r"1 of the 2 files .* differ, .* recordings/4_theo_1\.w"
    ):
        download.fetch(toy(there), tmp_path / "data")
    assert left(tmp_path) == []


def test_a_full_disk_is_seen_before_the_first_byte(host, tmp_path):
    there = host(zipped(FILES))
    with pytest.raises(DownloadError, match=r"needs .* MB, but only .* MB are free"):
        download.fetch(toy(there, unpacked_mb=10**9), tmp_path / "data")
    assert there.asked == []


# --- malicious and damaged archives ----------------------------------------------------------


def linked():
    link = zipfile.ZipInfo("top/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return link


def doubled():
    with pytest.warns(UserWarning, match="Duplicate name"):
        return zipped({zipfile.ZipInfo("a"): b"1", zipfile.ZipInfo("a"): b"2"})


def damaged():
    body = bytearray(zipped({"a.wav": SOUND}))
    body[1000] ^= 255
    return bytes(body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (zipped({"../../escaped.txt": b"x"}), "outside its folder"),
        (zipped({"/escaped.txt": b"x"}, top=""), "outside its folder"),
        (zipped({"C:/escaped.txt": b"x"}, top=""), "outside its folder"),
        (zipped({"..\\escaped.txt": b"x"}), "outside its folder"),
        (zipped({linked(): b"/etc/passwd"}), "a link"),
        (zipped({f"{i}.txt": b"" for i in range(7)}), "has 7 files"),
        (zipped({"bomb": bytes(3 * 10**6)}, zipfile.ZIP_DEFLATED), "of 3 MB; expected"),
        (doubled(), "has 2 files of the same name, '.*a'"),
        (zipped({"a": b"", "a/b": b""}), "exists|directory"),
        (zipped({}), "has 0 files"),
        (damaged(), "Bad CRC-32.*Nothing was unpacked; get the archive"),
        (b"<html>rate limit</html>", "not a zip file"),
    ],
)
def test_hostile_archives_leave_nothing(host, tmp_path, body, reason):
    there = host(body)
    with pytest.raises(DownloadError, match=reason):
        download.fetch(toy(there), tmp_path / "data")
    assert "toy" not in left(tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.name in ("escaped.txt", "link")]


def test_a_member_is_not_read_beyond_its_declared_size(tmp_path):
    """A zip bomb that understates its size: only the declared size is unpacked."""
    body = bytearray(zipped({"bomb": bytes(10**6)}, zipfile.ZIP_DEFLATED))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = body.index(signature) + offset
        body[at : at + 4] = (10).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(body)
    with pytest.raises(InputError, match="CRC"):
        unpack.unpack(tmp_path / "a.zip", tmp_path / "a", most_bytes=100)
    assert [path.name for path in tmp_path.glob("*a*")] == ["a.zip"]


# --- a zip as DATA_DIR -----------------------------------------------------------------------


def test_a_zip_is_unpacked_once_and_read(tmp_path, monkeypatch):
    monkeypatch.setattr(
        corpora.fsdd.unpack, "folder_of", functools.partial(unpack.folder_of, into=tmp_path)
    )
    (tmp_path / "my digits.zip").write_bytes(zipped(FILES))
    for _ in range(2):
        corpus = corpora.open_corpus("fsdd", str(tmp_path / "my digits.zip"))
        assert corpus.clips()["clip_id"].tolist() == ["3_theo_1", "4_theo_1"]
    assert re.fullmatch(r"my digits-[0-9a-f]{8}", corpus.root.parent.name)
    (tmp_path / "my digits.zip").write_bytes(zipped({"recordings/5_theo_1.wav": SOUND}))
    corpus = corpora.open_corpus("fsdd", str(tmp_path / "my digits.zip"))
    assert corpus.clips()["clip_id"].tolist() == ["5_theo_1"]


def test_a_file_that_is_no_zip_is_refused(tmp_path):
    (tmp_path / "a.zip").write_text("no")
    with pytest.raises(InputError, match="neither a folder nor a zip archive"):
        unpack.folder_of(tmp_path / "a.zip", tmp_path)


# --- the real archives -----------------------------------------------------------------------


@pytest.mark.parametrize("corpus", [fsdd, audiomnist])
def test_pins_are_commits(corpus):
    assert re.fullmatch(r"[0-9a-f]{40}", corpus.ARCHIVE.revision)
    assert re.fullmatch(
        r"https://github\.com/\w+/[\w-]+/archive/[0-9a-f]{40}\.zip", corpus.ARCHIVE.url
    )


def test_the_content_of_fsdd_is_known():
    table = Path(download.__file__).parent / "contents" / "fsdd.csv"
    lines = table.read_text().splitlines()[1:]
    assert len(lines) == 3000 and all(re.fullmatch(r"[^,]+,\d+,[0-9a-f]{64}", s) for s in lines)


def test_real_speech_is_the_known_one(real_speech, monkeypatch):
    monkeypatch.setattr(download, "CONTENTS", Path(download.__file__).parent / "contents")
    download.check_content(real_speech / "free-spoken-digit-dataset", "fsdd")
