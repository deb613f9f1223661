"""Zips and folders as people pack them: clips are found, other files are reported."""

import functools
import json
import tarfile
import unicodedata
import zipfile
from pathlib import Path

import pytest
from places import REAL_SPEECH

from lib import corpora
from lib.corpora import audiomnist, unpack
from lib.errors import CorpusError, InputError
from lib.signals import faults

ODD = REAL_SPEECH / "odd-files"
SPEAKERS = ["01", "02", "Zoë"]
CLIPS = {f"{name}/{digit}_{name}_0.wav": b"x" for name in SPEAKERS for digit in (3, 7)}
METADATA = json.dumps({name: {"gender": "male"} for name in SPEAKERS}).encode()
TREE = {**CLIPS, "audioMNIST_meta.txt": METADATA}
JUNK = {
    "__MACOSX/data/._3_01_0.wav": b"",
    ".DS_Store": b"",
    "01/desktop.ini": b"",
    "Thumbs.db": b"",
}


def below(folder, files=TREE):
    return {f"{folder}/{name}": data for name, data in files.items()}


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """A function that opens the given files, once as a folder and once as a zip."""
    folder_of = functools.partial(unpack.folder_of, into=tmp_path / "unpacked")
    monkeypatch.setattr(audiomnist.unpack, "folder_of", folder_of)

    def open_both(files, corpus="audiomnist"):
        folder, packed = tmp_path / "given", tmp_path / "given.zip"
        with zipfile.ZipFile(packed, "w") as content:
            for name, data in files.items():
                content.writestr(name, data)
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(data)
        return [corpora.open_corpus(corpus, str(place)) for place in (folder, packed)]

    return open_both


@pytest.mark.parametrize(
    ("files", "places", "n_ignored"),
    [
        (TREE, (".",), 0),
        (below("data"), ("data",), 0),
        (below("Data"), ("Data",), 0),
        (below("data/data"), ("data/data",), 0),
        (below("archive/AudioMNIST-master/data"), ("archive/AudioMNIST-master/data",), 0),
        ({**below("top/data"), "README.txt": b"hello"}, ("top/data",), 1),
        ({**below("top/data"), **JUNK}, ("top/data",), 4),
        ({**below("data", CLIPS), "AudioMNIST_Meta.txt": METADATA}, ("data",), 0),
        ({**below("a/b/data", CLIPS), "a/audioMNIST_meta.txt": METADATA}, ("a/b/data",), 0),
        ({**below("data"), "docs/audioMNIST_meta.txt": b"not JSON"}, ("data",), 1),
    ],
)  # fmt: skip
def test_clips_are_found_wherever_they_lie(opened, files, places, n_ignored):
    folder, packed = opened(files)
    assert folder.places == places
    for corpus in (folder, packed):
        assert sorted(corpus.clips()["path"]) == sorted(CLIPS)
        assert corpus.rejected().empty and len(corpus.ignored) == n_ignored
        assert sorted(corpus.raw_metadata()) == SPEAKERS


def test_where_the_clips_were_found_is_said(opened):
    corpus, _ = opened({**below("archive/data"), "README.txt": b"hello"})
    assert corpus.places == ("archive/data",) and corpus.root.name == "data"
    assert corpus.ignored == (("../../README.txt", faults.OTHER_NAME, "not named like a clip"),)


def test_what_systems_leave_behind_has_its_own_reason(opened):
    corpus, _ = opened({**below("data"), **JUNK, ".git/config": b""})
    kinds = [kind for _, kind, _ in corpus.ignored]
    assert kinds.count(faults.LEFT_BEHIND) == 4
    assert ("../.git", faults.HIDDEN, faults.HIDDEN) in corpus.ignored


def test_places_with_different_clips_are_used_together(opened):
    apart = {n: {k: v for k, v in CLIPS.items() if k.split("/")[1][0] == n} for n in "37"}
    for corpus in opened({**below("train", apart["3"]), **below("test", apart["7"])}):
        assert corpus.places == ("test", "train") and len(corpus.clips()) == 6
        assert corpus.rejected().empty


def test_of_copies_the_larger_is_used_and_of_equals_the_one_with_the_shorter_name(opened):
    for corpus in opened({**below("data (1)"), **below("data"), **below("old/x/data")}):
        assert corpus.places == ("data",) and len(corpus.clips()) == 6
        assert set(corpus.rejected()["reason"]) == {
            "clips with the same names are in 'data', which is used"
        }
        assert corpus.rejected()["kind"].tolist() == 12 * [faults.SAME_NAMES]


def test_of_copies_the_more_complete_is_used(opened):
    for corpus in opened({**below("data", dict(list(CLIPS.items())[:2])), **below("data (1)")}):
        assert corpus.places == ("data (1)",) and len(corpus.clips()) == 6


def test_flat_corpora_are_found_as_well(opened):
    flat = {f"fsdd/recordings/{Path(name).name}": b"x" for name in CLIPS}
    for corpus in opened({**flat, "README.md": b"", "__MACOSX/fsdd/._x": b""}, "fsdd"):
        assert len(corpus.clips()) == 6 and corpus.places == ("fsdd/recordings",)


def test_names_with_backslashes_are_folders(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as content:
        content.writestr("AudioMNIST\\data\\", b"")
        for name, data in below("AudioMNIST/data").items():
            content.writestr(name.replace("/", "\\"), data)
    corpus = audiomnist.read_tree(
        unpack.folder_of(tmp_path / "a.zip", tmp_path),
        **dict.fromkeys(["name", "title", "note", "licence", "url", "redistributable"], ""),
    )
    assert sorted(corpus.clips()["path"]) == sorted(CLIPS) and len(corpus.raw_metadata()) == 3


def test_utf_8_without_its_flag_is_read_as_meant(tmp_path):
    """As written by macOS, one name decomposed (NFD); a third name is in MS-DOS encoding."""
    names = ["data/a-Zoë.wav", unicodedata.normalize("NFD", "data/b-Zoë.wav"), "data/c-Zoë.wav"]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as content:
        for name, data in zip("abc", (b"1", b"2", b"3")):
            content.writestr(f"data/{name}" + "_" * 20, data)
    body = (tmp_path / "a.zip").read_bytes()
    for letter, name, code in zip("abc", names, ("utf-8", "utf-8", "cp437")):
        placeholder = f"data/{letter}".encode() + b"_" * 20
        raw = name.encode(code)
        body = body.replace(placeholder, raw + b"." * (len(placeholder) - len(raw)))
    (tmp_path / "a.zip").write_bytes(body)
    folder = unpack.folder_of(tmp_path / "a.zip", tmp_path)
    found = sorted(unicodedata.normalize("NFC", p.name).rstrip(".") for p in folder.iterdir())
    assert found == ["a-Zoë.wav", "b-Zoë.wav", "c-Zoë.wav"]


def test_hostile_and_broken_names_are_refused(tmp_path):
    for name in ("..\\..\\x", "a\\..\\..\\x", "C:\\x", "\\x", "\\\\server\\x", "a/../../x", "/x"):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as content:
            content.writestr("a/b.wav", b"x")
            content.writestr(name, b"x")
        with pytest.raises(InputError, match="a path outside its folder"):
            unpack.folder_of(tmp_path / "a.zip", tmp_path / "out")
    body = bytearray((tmp_path / "a.zip").read_bytes())
    at = body.rindex(b"PK\x01\x02")
    body[at + 9] |= 8  # the name is flagged as UTF-8
    body[at + 46] = 0xFF  # but is not valid UTF-8
    (tmp_path / "a.zip").write_bytes(body)
    with pytest.raises(InputError, match="neither a folder nor a zip archive"):
        unpack.folder_of(tmp_path / "a.zip", tmp_path / "out")
    assert not [path for path in tmp_path.rglob("*") if path.name == "x"]


def test_other_archives_are_named_as_such(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"x")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as content:
        content.add(tmp_path / "a.wav", "a.wav")
    (tmp_path / "a.7z").write_bytes(b"7z")
    for name in ("a.tar.gz", "a.7z"):
        with pytest.raises(InputError, match="is an archive but not a zip; unpack it"):
            unpack.folder_of(tmp_path / name, tmp_path)


def test_a_method_that_is_not_known_is_named_as_such(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as content:
        content.writestr("a.wav", b"x")
    body = bytearray((tmp_path / "a.zip").read_bytes())
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        body[body.index(signature) + offset] = 9  # Windows' Deflate64
    (tmp_path / "a.zip").write_bytes(body)
    with pytest.raises(InputError, match=r"cannot be unpacked here .*; unpack it yourself"):
        unpack.folder_of(tmp_path / "a.zip", tmp_path / "out")


def test_a_zip_in_a_zip_is_named_as_such(opened):
    with pytest.raises(CorpusError, match=r"x/data\.zip is an archive: unpack it"):
        opened({"x/data.zip": b"PK", "x/README": b""})


def test_the_folder_of_one_speaker_is_named_as_such(tmp_path):
    (tmp_path / "01").mkdir()
    for name in ("01/3_01_0.wav", "01/notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(CorpusError, match=r"01 is the folder of one speaker; .* folder above"):
        corpora.open_corpus("audiomnist", str(tmp_path / "01"))


def test_clips_in_no_folder_of_theirs_are_counted(opened):
    with pytest.raises(CorpusError, match=r"6 names match, but s/3_01_0.wav is not in .*'01'"):
        opened(below("s", {Path(name).name: data for name, data in CLIPS.items()}))


@pytest.mark.skipif(not ODD.is_dir(), reason="the odd files beside the project are not here")
@pytest.mark.parametrize("path", sorted(ODD.glob("*.zip")), ids=lambda path: path.stem)
def test_real_zips_are_found(path, tmp_path, monkeypatch):
    folder_of = functools.partial(unpack.folder_of, into=tmp_path)
    monkeypatch.setattr(audiomnist.unpack, "folder_of", folder_of)
    corpus = corpora.open_corpus("audiomnist", str(path))
    assert len(corpus.clips()) == 60 and len(corpus.raw_metadata()) == 6
