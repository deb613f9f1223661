"""lib.workspace.stamps: a line that changes with the data; `test_make` tests its use."""

import pytest

from lib.corpora import audiomnist
from lib.workspace import stamps
from lib.workspace.stamps import survey


@pytest.fixture
def tree(tmp_path):
    for name in ("01", "02"):
        (tmp_path / "tree" / name).mkdir(parents=True)
        (tmp_path / "tree" / name / f"7_{name}_0.wav").write_text("sound")
    return tmp_path / "tree"


def test_what_is_only_looked_at_stays_the_same(tree):
    before = survey([tree])
    (tree / "01/7_01_0.wav").read_text()
    (tree / ".DS_Store").touch()
    (tree / ".git").mkdir()
    (tree / ".git/index").touch()
    assert survey([tree]) == before
    tree.rename(tree.with_name("moved"))
    assert survey([tree.with_name("moved")]) == before


CHANGES = {
    "content": lambda tree: (tree / "01/7_01_0.wav").write_text("noise"),
    "name": lambda tree: (tree / "01/7_01_0.wav").rename(tree / "01/8_01_0.wav"),
    "more": lambda tree: (tree / "01/7_01_0_noisy.wav").touch(),
    "fewer": lambda tree: (tree / "01/7_01_0.wav").unlink(),
    "link to nothing": lambda tree: (tree / "01/9_01_0.wav").symlink_to("nothing"),
    "another clip's name": lambda tree: (tree / "02/7_02_0.wav").replace(tree / "01/7_01_0.wav"),
    "metadata above": lambda tree: (tree.parent / stamps.BESIDE).touch(),
    "the folder": lambda tree: tree.rename(tree.parent / "gone"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_noticed(tree, change):
    before = survey([tree])
    CHANGES[change](tree)
    assert survey([tree]) != before


def test_clips_behind_a_link_are_data_too(tree, tmp_path):
    (tmp_path / "top").mkdir()
    (tmp_path / "top/data").symlink_to(tree)
    (tmp_path / "link").symlink_to(tmp_path / "top")
    for place in ("top", "link"):
        before = survey([tmp_path / place])
        (tree / f"01/{len(place)}_01_0.wav").touch()
        assert survey([tmp_path / place]) != before


def test_a_speaker_behind_a_link_is_data_too_and_a_circle_is_not_followed(tree, tmp_path):
    (tmp_path / "away").mkdir()
    (tree / "03").symlink_to(tmp_path / "away")
    (tree / "02/all").symlink_to(tree)
    (tree / "root").symlink_to("/")
    before = survey([tree])
    (tmp_path / "away/7_03_0.wav").touch()
    assert survey([tree]) != before


def test_a_file_behind_a_link_is_the_file(tree, tmp_path):
    (tmp_path / "clip.wav").write_text("1")
    (tree / "01/9_01_0.wav").symlink_to(tmp_path / "clip.wav")
    before = survey([tree])
    (tmp_path / "clip.wav").write_text("22")
    assert survey([tree]) != before


def test_an_archive_and_what_was_unpacked_of_it_are_data(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(stamps, "PROJECT_ROOT", tmp_path)
    archive = tmp_path / "my tree.zip"
    archive.write_text("1")
    seen = {survey(stamps._places("audiomnist", str(archive)))}
    (tmp_path / "data").mkdir()
    tree.rename(tmp_path / "data/my tree-01234567")
    seen.add(survey(stamps._places("audiomnist", str(archive))))
    (tmp_path / "data/my tree-01234567/01/7_01_0.wav").unlink()
    seen.add(survey(stamps._places("audiomnist", str(archive))))
    archive.write_text("22")
    seen.add(survey(stamps._places("audiomnist", str(archive))))
    assert len(seen) == 4


def test_the_metadata_above_are_those_that_are_read():
    assert stamps.BESIDE == audiomnist.METADATA
