"""lib.workspace.folder: complete files or none, and messages that say what to run."""

import json

import numpy as np
import pandas as pd
import pytest

from lib.errors import InputError, MissingArtifactError
from lib.workspace import folder
from lib.workspace.folder import atomic_path, open_run, write_all, write_json
from lib.workspace.origin import origin


@pytest.fixture
def run(tmp_path):
    return open_run(corpus="sample", profile="smoke", build_dir=str(tmp_path / "build"))


def names(place):
    return sorted(path.name for path in place.iterdir())


# --- atomic writes ---------------------------------------------------------------------------


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with atomic_path(path) as part:
        assert part.suffix == ".txt"  # writers infer the format from it
        part.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"
    assert names(path.parent) == ["a.txt"]


def test_an_interrupted_write_leaves_the_old_file_and_no_rest(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    for interruption in (RuntimeError, KeyboardInterrupt):
        with pytest.raises(interruption), atomic_path(path) as part:
            part.write_text("half of the n")
            raise interruption
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_what_json_cannot_hold_leaves_nothing(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": [1.5, None]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": [1.5, None], "b": 1}
    with pytest.raises(TypeError):
        write_json(tmp_path / "b.json", {"a": object()})
    assert names(tmp_path) == ["a.json"]


def test_of_several_files_none_appears_before_all_are_whole(tmp_path):
    write_all(tmp_path, {"a.txt": b"1", "b.txt": b"2"})
    assert (tmp_path / "b.txt").read_bytes() == b"2"
    with pytest.raises(TypeError):
        write_all(tmp_path, {"a.txt": b"3", "b.txt": None})
    assert (tmp_path / "a.txt").read_bytes() == b"1"
    assert names(tmp_path) == ["a.txt", "b.txt"]


def test_what_parquet_cannot_hold_leaves_nothing(run):
    with pytest.raises(Exception, match="mixed"):  # pyarrow's own error
        run.save("mixed", pd.DataFrame({"mixed": [1, "a", object()]}))
    assert names(run.dir) == []


# --- a run -----------------------------------------------------------------------------------


def test_tables_arrays_and_facts_come_back(run):
    table = pd.DataFrame({"speaker": ["01", None], "age": [30.0, np.nan], "digit": [1, 2]})
    pd.testing.assert_frame_equal(run.save("speakers", table), table)
    pd.testing.assert_frame_equal(run.load("speakers"), table, check_dtype=False)
    run.save_json("headline", {"improvement_db": 1.5})
    assert run.load_json("headline") == {"improvement_db": 1.5}
    np.save(run.path("clips.npy"), np.eye(3, dtype=np.float32))
    clips = run.load_array("clips")
    assert isinstance(clips, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        clips[0, 0] = 2


def test_pickles_are_never_opened(run):
    np.save(run.path("clips.npy"), np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"pickle|Python objects"):
        run.load_array("clips")


@pytest.mark.parametrize(
    ("load", "file"),
    [
        ("load", "manifest.parquet"),
        ("load_array", "clips.npy"),
        ("load_json", "headline.json"),
    ],
)
def test_a_missing_artifact_says_what_to_run(run, load, file):
    what = r"run the notebooks before this one in numerical order, or all with"
    expected = rf"^{file} is not in .*build: {what} `make report CORPUS=sample PROFILE=smoke`"
    with pytest.raises(MissingArtifactError, match=expected):
        getattr(run, load)(file.partition(".")[0])


@pytest.mark.parametrize("corpus", ["", "..", "a/b", "a b"])
def test_a_corpus_is_a_plain_name(corpus, tmp_path):
    with pytest.raises(InputError, match="CORPUS must be a plain name"):
        open_run(corpus=corpus, profile="smoke", build_dir=str(tmp_path))


def test_a_missing_data_dir_is_named_as_it_was_given(tmp_path):
    with pytest.raises(InputError, match=r"DATA_DIR=.*/none is not a folder"):
        open_run(corpus="sample", profile="smoke", data_dir=str(tmp_path / "none"))


def test_folders_are_relative_to_the_project(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "PROJECT_ROOT", tmp_path)
    (tmp_path / "tree").mkdir()
    (tmp_path / "my.yaml").write_text("seed: 5")
    run = open_run(corpus="fsdd", profile="quick", data_dir="tree", params_file="my.yaml")
    assert run.dir == tmp_path / "build" / "fsdd-quick"
    assert run.dir.is_dir()
    assert run.data_dir == str(tmp_path / "tree")
    assert run.config.seed == 5


def test_a_missing_file_of_settings_is_named_as_it_was_given(tmp_path):
    with pytest.raises(InputError, match=r"PARAMS=my.yaml is not a file \(looked for "):
        open_run(corpus="sample", profile="smoke", params_file="my.yaml")


# --- cached tables ---------------------------------------------------------------------------


def test_a_table_is_made_once_for_each_key_and_replaces_that_of_another(run):
    made = []

    def make(value):
        made.append(value)
        return pd.DataFrame({"value": [value]})

    for key, value in (("aa", 1), ("aa", 2), ("bb", 3), ("aa", 4)):
        table = run.kept("scores/fold1", key, lambda value=value: make(value))
        assert table["value"].tolist() == made[-1:]
    assert made == [1, 3, 4]
    run.kept("scores/fold10", "cc", lambda: make(5))
    assert names(run.path("scores/fold1")) == ["aa.parquet"]
    assert names(run.path("scores/fold10")) == ["cc.parquet"]


def test_a_kept_table_says_where_it_comes_from(run):
    made = run.kept("scores/fold1", "aa", lambda: pd.DataFrame({"value": [1]}))
    assert made.attrs == {}
    run.kept("scores/fold1", "aa", lambda: pd.DataFrame({"value": [2]}))
    run.kept("scores/fold2", "bb", lambda: pd.DataFrame({"value": [3]}))
    assert [sorted(origin) for origin in run.origins("scores")] == [sorted(origin())] * 2
    assert len(run.origins("scores/fold1")) == 1
    assert run.origins("search") == []


def test_a_table_is_there_under_its_own_key_only(run):
    run.kept("scores/fold1", "aa", lambda: pd.DataFrame({"value": [1]}))
    assert run.keeps("scores/fold1", "aa")
    assert not run.keeps("scores/fold1", "bb")
    assert run.open_kept("scores/fold1", "aa")["value"].tolist() == [1]
    with pytest.raises(MissingArtifactError, match=r"bb\.parquet is not in"):
        run.open_kept("scores/fold1", "bb")


@pytest.mark.parametrize("fails", ["make", "save"])
def test_a_table_goes_only_when_the_next_one_is_there(run, monkeypatch, fails):
    run.kept("scores/fold1", "aa", lambda: pd.DataFrame({"value": [1]}))

    def fail(*_, **__):
        raise OSError("No space left on device")

    make = fail
    if fails == "save":
        monkeypatch.setattr(pd.DataFrame, "to_parquet", fail)
        make = pd.DataFrame
    with pytest.raises(OSError, match="No space"):
        run.kept("scores/fold1", "bb", make)
    assert names(run.path("scores/fold1")) == ["aa.parquet"]
