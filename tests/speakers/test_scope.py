"""lib.speakers.scope: which questions a corpus can answer, from counts made by hand."""

import subprocess
import sys

import pandas as pd
import pytest

from lib.config import Config
from lib.corpora.metadata import clean_speakers
from lib.speakers.attributes import ATTRIBUTES
from lib.speakers.scope import support
from lib.workspace.folder import PROJECT_ROOT

NAMES = [f"{number:02d}" for number in range(1, 11)]


def manifest(repetitions=2, seconds=1.0):
    """Ten speakers who say the digits 3 and 7."""
    rows = [(name, digit) for name in NAMES for digit in (3, 7) for _ in range(repetitions)]
    table = pd.DataFrame(rows, columns=["speaker", "digit"])
    return table.assign(duration_s=seconds, status="ok")


def people(**fields):
    raw = {name: {} for name in NAMES}
    for field, values in fields.items():
        for name, value in zip(NAMES, values):
            raw[name][field] = value
    return clean_speakers(raw)[0]


def asked(clips, speakers, fewest_clips=100):
    return support(clips, speakers, Config(), fewest_clips).set_index("question")


def test_all_attributes_but_trends_are_asked_in_their_order():
    questions = asked(manifest(), people()).index.tolist()
    assert questions[-6:] == [
        "differences by accent",
        "differences by gender",
        "differences by native speaker",
        "differences by continent",
        "differences by country",
        "differences by recording room",
    ]
    names = [name for name in ATTRIBUTES if f"differences by {name}" in questions]
    assert names == [name for name in ATTRIBUTES if name != "age"]


@pytest.mark.parametrize(
    ("n_women", "found", "answer"),
    [
        (5, "female (5) vs. male (5)", "yes"),
        (4, "female (4) vs. male (6)", "no"),
        (0, "only male", "no"),
    ],
)
def test_an_attribute_requires_two_groups_of_five_speakers(n_women, found, answer):
    genders = n_women * ["female"] + (10 - n_women) * ["male"]
    table = asked(manifest(), people(gender=genders))
    assert table.loc["differences by gender", ["found", "answer"]].tolist() == [found, answer]
    assert table.loc["differences by accent", ["found", "answer"]].tolist() == ["not given", "no"]


def test_only_speakers_with_usable_clips_count():
    clips = manifest()
    clips.loc[clips["speaker"] == "01", "status"] = "excluded"
    table = asked(clips, people(gender=5 * ["female"] + 5 * ["male"]))
    assert table.loc["differences by gender", ["found", "answer"]].tolist() == [
        "female (4) vs. male (5)",
        "no",
    ]


def test_clips_are_counted_by_speaker_and_digit():
    table = asked(manifest(), people())
    assert table.loc["separating speaker and digit", ["found", "answer"]].tolist() == [
        "20 of 20 pairs",
        "yes",
    ]
    assert table.loc["variance within a speaker", ["found", "answer"]].tolist() == ["2", "yes"]
    table = asked(manifest(repetitions=1).iloc[1:], people())
    assert table.loc["separating speaker and digit", ["found", "answer"]].tolist() == [
        "19 of 20 pairs",
        "no",
    ]
    assert table.loc["variance within a speaker", ["found", "answer"]].tolist() == ["1", "no"]
    assert table.loc["differences between digits", ["found", "answer"]].tolist() == [
        "9 to 10",
        "yes",
    ]


@pytest.mark.parametrize(("seconds", "answer"), [(7.4, "no"), (7.5, "yes")])
def test_learning_wants_five_minutes(seconds, answer):
    table = asked(manifest(seconds=seconds), people())  # 40 clips
    assert table.loc["training a denoiser", "answer"] == answer


@pytest.mark.parametrize(
    ("ages", "answer"), [(range(20, 30), "yes"), (range(20, 29), "no"), ([30] * 10, "no")]
)
def test_a_trend_wants_ten_ages_that_differ(ages, answer):
    table = asked(manifest(), people(age=map(str, ages)))
    assert table.loc["a trend with age", "answer"] == answer


def test_babble_wants_enough_clips_in_the_smallest_fold():
    answers = [asked(manifest(), people(), n)["answer"].iloc[1] for n in (0, 1000)]
    assert answers == ["no", "yes"]


def test_statsmodels_is_loaded_only_where_it_is_used():
    code = "import sys; import lib.figures.speakers, lib.corpora, lib.speakers.scope; "
    code += "import lib.evaluation.compare, lib.evaluation.examples; "
    code += "print({'statsmodels', 'keras', 'tensorflow'} & set(sys.modules))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
