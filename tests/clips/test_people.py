"""lib.clips.people: the clip store of the voices, and the validation split."""

import dataclasses

import numpy as np
import pytest
from voices import configure, speak_words

from lib.clips import people
from lib.config import Config
from lib.corpora import speech_commands
from lib.errors import InputError
from lib.workspace.folder import Run

pytestmark = pytest.mark.usefixtures("one_process")

PEOPLE = 4


@pytest.fixture
def tree(tmp_path, monkeypatch):
    speak_words(tmp_path / "words", people=PEOPLE)
    monkeypatch.setattr(speech_commands, "LIST", tmp_path / "list.csv")
    speech_commands.write_list(tmp_path / "words")
    return tmp_path / "words"


@pytest.fixture
def run(tmp_path):
    return Run(corpus="speech-commands", config=Config(), data_dir="", dir=tmp_path / "build")


def test_the_store_holds_words_at_the_working_rate_without_what_is_around_them(run, tree):
    store = people.prepare_voices(run, people.open_voices(str(tree)))
    assert list(store.index) == ["clip_id", "speaker", "word", "repetition", "samples"]
    assert len(store) == 2 * PEOPLE and store.clips.shape[1] == 8000
    assert store.index["samples"].between(0.44 * 8000, 0.54 * 8000).all()
    for row in range(len(store)):
        y = store.clean(row)
        level = np.sqrt([np.mean(part**2) for part in np.array_split(y, 10)])
        assert max(level[0], level[-1]) < level.max() / 10, "the margins are quiet"


def test_words_are_drawn_in_turn_as_digits_are(run, tree):
    store = people.prepare_voices(run, people.open_voices(str(tree)))
    rows = store.rows_of(store.index["speaker"].unique(), limit=1)
    assert store.index.loc[rows, "speaker"].is_unique and len(rows) == PEOPLE
    assert store.index.loc[rows, "word"].value_counts().tolist() == [2, 2]


def test_it_is_prepared_once_while_clips_and_settings_are_the_same(run, tree, monkeypatch):
    prepared, real = [], people._prepare

    def spy(run, corpus):
        prepared.append(len(corpus.clips()))
        real(run, corpus)

    monkeypatch.setattr(people, "_prepare", spy)
    for _ in range(2):
        people.prepare_voices(run, people.open_voices(str(tree)))
    assert prepared == [2 * PEOPLE]
    other = dataclasses.replace(run, config=configure(audio={"sample_rate": 16_000}))
    assert people.prepare_voices(other, people.open_voices(str(tree))).clips.shape[1] == 16_000
    (tree / "yes/00000000_nohash_0.wav").unlink()
    assert len(people.prepare_voices(run, people.open_voices(str(tree)))) == 2 * PEOPLE - 1
    assert len(prepared) == 3


def test_what_is_missing_is_said(tree, capsys):
    (tree / "yes/00000000_nohash_0.wav").unlink()
    people.open_voices(str(tree))
    assert "7 of the 8 listed clips" in capsys.readouterr().err
    with pytest.raises(InputError, match="VOICES_DIR=none is not a folder"):
        people.open_voices("none")


@pytest.mark.parametrize(("n", "held"), [(3, 1), (20, 1), (100, 5), (846, 42)])
def test_one_person_in_twenty_chooses_the_epoch(n, held):
    names = [f"{i:08x}" for i in range(n)]
    training, validation = people.part_people(names, np.random.default_rng(0))
    assert len(validation) == held
    assert sorted(training + validation) == names
    twice = people.part_people(names[::-1] * 2, np.random.default_rng(0))
    assert twice == (training, validation)
    if n > 3:
        assert people.part_people(names, np.random.default_rng(1)) != twice
