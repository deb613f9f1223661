"""lib.workspace.fingerprint: a hash changes with what affects a result, and nothing else."""

import functools
import importlib.metadata
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from lib import metrics
from lib.models.published import RelativeMagnitude, ZScore
from lib.training import trials
from lib.training.recipes import RECIPES
from lib.workspace import fingerprint as module
from lib.workspace.fingerprint import code_of, fingerprint, read_code

TOY = {
    "lib/__init__.py": "",
    "lib/noise.py": '''"""Noise."""

import math
from dataclasses import dataclass

import numpy as np

LEVEL = 0.1
STEPS: int = 3


@dataclass
class Mixer:
    """Mixes."""

    share: float = 0.25

    def mix(self, x):
        """Mix."""
        return self.share * x


def shape(x, power=2):
    return x**power


def make(x: int) -> float:
    """Make noise."""
    y = 0.5 * math.sqrt(x)
    return LEVEL * shape(y) + Mixer().mix(x)


def neighbour(x):
    return np.abs(0.5 * x)
''',
    "lib/other.py": "def unused(x):\n    return 0.5 * x\n",
    "lib/box/__init__.py": "from lib.box.inner import handed\n",
    "lib/box/inner.py": "def handed(x):\n    return 0.5 * x\n\n\ndef beside(x):\n    return x\n",
    "lib/user.py": """import lib.far
from lib import box, noise
from lib.noise import neighbour as next_door


def by_module(x):
    return noise.make(x)


def by_name(x):
    return next_door(x)


def inside(x):
    from lib.other import unused

    return unused(x)


def by_package(x):
    return box.handed(x)


def by_path(x):
    return lib.far.reach(x)
""",
    "lib/far.py": "def reach(x):\n    return 0.5 * x\n",
    "lib/loose.py": "import os\n\nTABLE = {}\nTABLE['x'] = 0.5\n\n\ndef read(x):\n    return x\n",
}


@pytest.fixture
def code(tmp_path):
    """``code(name, file, old, new)``: the code of a toy project's definition, after that change.

    Every project has its own folder, because a module is parsed only once.
    """
    made = []

    def look(name, file="", old="", new="", folder="project"):
        top = tmp_path / f"{folder}{len(made)}"
        made.append(top)
        for path, text in TOY.items():
            if path == file:
                assert old in text, "nothing would change"
                text = text.replace(old, new)
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_text(text, encoding="utf-8")
        return code_of([name], top)

    return look


# --- changes that keep the hash --------------------------------------------------------------

NOISE = "lib/noise.py"
SAME = {
    "comment": (NOISE, "    return LEVEL *", "    # loud\n    return LEVEL *"),
    "docstring": (NOISE, "Make noise.", "Make other noise."),
    "no docstring": (NOISE, '    """Make noise."""\n', ""),
    "docstring of a class and a method": (NOISE, '    """Mix', '    """Blend'),
    "docstring of the module": (NOISE, '"""Noise."""', '"""Sound."""'),
    "annotation": (NOISE, "make(x: int) -> float", "make(x: float)"),
    "annotation of a constant": (NOISE, "STEPS: int", "STEPS: float"),
    "annotation of a field": (NOISE, "share: float", "share: int"),
    "formatting": (NOISE, "    y = 0.5 * math.sqrt(x)", "    y = (\n  0.5*math.sqrt( x ))"),
    "neighbour": (NOISE, "np.abs(0.5 * x)", "np.abs(0.6 * x)"),
    "constant that it does not name": (NOISE, "STEPS: int = 3", "STEPS: int = 4"),
    "order": (NOISE, "LEVEL = 0.1\nSTEPS: int = 3", "STEPS: int = 3\nLEVEL = 0.1"),
    "command line": (NOISE, "0.1\n", "0.1\n\nif __name__ == '__main__':\n    print(LEVEL)\n"),
    "unused module": ("lib/other.py", "0.5", "0.6"),
}  # fmt: skip


@pytest.mark.parametrize("change", SAME)
def test_what_decides_nothing_changes_nothing(code, change):
    file, old, new = SAME[change]
    for name in ("lib.noise.make", "lib.user.by_module"):
        assert code(name, file, old, new).hash() == code(name).hash()


@pytest.mark.parametrize("test", ["__name__ == '__main__'", "__name__ != '__main__'"])
def test_what_a_module_does_when_it_is_imported_counts(code, test):
    """The branch that an import takes is part of the code, unlike a command line."""
    before, branch = "TABLE['x'] = 0.5\n", f"if {test}:\n    pass\nelse:\n    TABLE['x'] = "
    first, second = (
        code("lib.loose.read", "lib/loose.py", before, f"{branch}{value}\n").hash()
        for value in (0.5, 0.6)
    )
    assert first != second


# --- changes that change the hash ------------------------------------------------------------

OTHER = {
    "a number in it": ("lib.noise.make", NOISE, "0.5 * math", "0.6 * math"),
    "a constant that it names": ("lib.noise.make", NOISE, "LEVEL = 0.1", "LEVEL = 0.2"),
    "a default of an argument": ("lib.noise.make", NOISE, "power=2", "power=3"),
    "a default of a field": ("lib.noise.make", NOISE, "share: float = 0.25", "share: float = 0.5"),
    "a method": ("lib.noise.make", NOISE, "return self.share * x", "return self.share + x"),
    "a decorator": ("lib.noise.make", NOISE, "@dataclass\n", "@dataclass(frozen=True)\n"),
    "from lib import m": ("lib.user.by_module", NOISE, "0.5 * math", "0.6 * math"),
    "and a constant there": ("lib.user.by_module", NOISE, "LEVEL = 0.1", "LEVEL = 0.2"),
    "from lib.m import f as g": ("lib.user.by_name", NOISE, "np.abs(0.5", "np.abs(0.6"),
    "an import in a function": ("lib.user.inside", "lib/other.py", "0.5", "0.6"),
    "a package that hands on": ("lib.user.by_package", "lib/box/inner.py", "0.5", "0.6"),
    "import lib.m": ("lib.user.by_path", "lib/far.py", "0.5", "0.6"),
    "loose statements": ("lib.loose.read", "lib/loose.py", "0.5", "0.6"),
    "a whole module": ("lib.noise", NOISE, "np.abs(0.5", "np.abs(0.6"),
}  # fmt: skip


@pytest.mark.parametrize("change", OTHER)
def test_what_decides_changes_the_hash(code, change):
    name, file, old, new = OTHER[change]
    assert code(name, file, old, new).hash() != code(name).hash()


def test_only_what_is_named_is_part_of_it(code):
    assert sorted(code("lib.user.by_module").meanings) == [
        "lib.noise.LEVEL",
        "lib.noise.Mixer",
        "lib.noise.make",
        "lib.noise.shape",
        "lib.user.by_module",
    ]
    assert sorted(code("lib.user.by_package").meanings) == [
        "lib.box.inner.handed",
        "lib.user.by_package",
    ]


def test_a_module_whose_function_cannot_be_told_by_name_counts_as_a_whole(code):
    """Such as the module of a lambda in a table."""
    assert set(code("lib.far.<lambda>").meanings) == {"lib.far.reach"}
    assert "lib.metrics.snr" in code_of([f"lib.metrics.{metrics.METRICS['snr_db'].__name__}"])\
        .meanings  # fmt: skip


def test_two_checkouts_agree(code):
    assert code("lib.user.by_module").hash() == code("lib.user.by_module", folder="my copy").hash()


def written(top, **modules):
    """Write a project of a few modules; return its folder."""
    (top / "lib").mkdir(parents=True)
    for name, text in {"__init__": "", **modules}.items():
        (top / f"lib/{name}.py").write_text(text, encoding="utf-8")
    return top


def test_a_name_that_is_defined_and_imported_counts_twice(tmp_path):
    here = "def f():\n    return 1\n\n\ndef g():\n    from lib.there import f\n\n    return f()\n"
    found = [
        code_of([name], written(tmp_path / f"{name}{value}", here=here, there=f"f = {value}"))
        for name in ("lib.here.f", "lib.here.g")
        for value in (1, 2)
    ]
    assert all("lib.here.f" in each.meanings for each in found)
    assert len({each.hash() for each in found}) == 4


def test_two_modules_that_import_each_other_end(tmp_path):
    one = "def f():\n    from lib.two import g\n\n    return g\n"
    two = "def g():\n    from lib.one import f\n\n    return f\n"
    top = written(tmp_path, one=one, two=two)
    assert set(code_of(["lib.one.f"], top).meanings) == {"lib.one.f", "lib.two.g"}
    for name in ("one", "two"):
        other = {"one": "two", "two": "one"}[name]
        text = f"def h():\n    from lib.{other} import x\n\n    return x\n"
        (top / f"lib/{name}.py").write_text(text, encoding="utf-8")
    assert set(code_of(["lib.one.x"], top).meanings) == set()


def test_what_is_set_in_another_package_hides_it_not(tmp_path):
    """Assigning ``np.setting = 1`` does not define ``np``."""
    text = "import numpy as np\n\nnp.setting = 1\n\n\ndef f(x):\n    return np.abs(x)\n"
    found = code_of(["lib.one.f"], written(tmp_path, one=text))
    assert "numpy" in found.versions
    assert "np.setting = 1" in found.meanings["lib.one.*"]


# --- versions --------------------------------------------------------------------------------


def test_versions_count_of_packages_that_are_named(code, monkeypatch):
    before = [code(name).hash() for name in ("lib.noise.neighbour", "lib.noise.make")]
    assert set(code("lib.noise.neighbour").versions) == {"numpy"}
    assert code("lib.noise.make").versions == {}
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "0.0" if name == "numpy" else real(name)
    )
    after = [code(name).hash() for name in ("lib.noise.neighbour", "lib.noise.make")]
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_what_computes_behind_keras_counts_too(tmp_path):
    text = "import keras\n\n\ndef f(x):\n    return keras.ops.abs(x)\n"
    assert set(code_of(["lib.one.f"], written(tmp_path, one=text)).versions) == {
        "keras",
        "tensorflow",
    }


def test_the_minor_version_of_python_counts(code, monkeypatch):
    found = code("lib.noise.make")
    before = found.hash()
    monkeypatch.setattr(sys, "version_info", (*sys.version_info[:2], 99))
    assert found.hash() == before
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    assert found.hash() != before


# --- source text -----------------------------------------------------------------------------


def test_source_counts_with_all_that_it_uses(tmp_path):
    source = "from lib.m import f\n\ny = f(0.5)\n"
    top, same, other = (
        written(tmp_path / name, m=f"def f(x):\n    return {value} * x\n\n\nunused = {rest}\n")
        for name, value, rest in (("a", 0.1, 1), ("b", 0.1, 2), ("c", 0.2, 1))
    )
    before = read_code(source, top).hash()
    assert set(read_code(source, top).meanings) == {"y", "lib.m.f"}
    assert read_code(f"# why\n{source}", same).hash() == before
    assert read_code(source, other).hash() != before
    assert read_code(source.replace("0.5", "0.6"), top).hash() != before
    assert read_code(source + "print(y)\n", top).hash() != before


# --- facts -----------------------------------------------------------------------------------


def test_facts_and_functions_count_wherever_they_stand():
    facts = {"a": 1, "b": [2, None]}
    first = fingerprint(facts, metrics.snr)
    assert fingerprint({"b": [2, None], "a": 1}, metrics.snr) == first
    others = [
        fingerprint({"a": 1, "b": [3, None]}, metrics.snr),
        fingerprint(facts, metrics.si_sdr),
        fingerprint(facts),
        fingerprint([facts, metrics.snr]),
    ]
    assert len({first, *others}) == 5


def test_the_arguments_of_a_partial_count():
    def of(*arguments, **options):
        return fingerprint([functools.partial(metrics.snr, *arguments, **options)])

    seen = {of(), of(1), of(2), of(a=1), of(a=2), of(scale=ZScore), of(scale=RelativeMagnitude)}
    assert len(seen) == 7
    assert of(a=1, b=2) == of(b=2, a=1)


@pytest.mark.parametrize("value", [object(), {1, 2}, np.ones(2), SimpleNamespace()])
def test_what_is_neither_fact_nor_function_is_refused(value):
    with pytest.raises(TypeError, match="cannot be part of a fingerprint"):
        fingerprint([value])


def test_a_callable_without_a_name_is_refused():
    class Gain:
        def __call__(self, x):
            return x

    with pytest.raises(TypeError, match=r"Gain object .* cannot be part of a fingerprint"):
        fingerprint([Gain()])


def test_a_module_that_python_runs_has_its_own_name(monkeypatch):
    """Otherwise no notebook would find the results of ``python -m lib.training.trials``."""
    before = fingerprint([], trials._judge)
    monkeypatch.setattr(trials._judge, "__module__", "__main__")
    spec = SimpleNamespace(name="lib.training.trials")
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", spec)
    assert fingerprint([], trials._judge) == before


def named(facts):
    names = set()
    json.dumps(facts, default=lambda value: module._named(value, names))
    return names


def test_our_network_rests_on_its_own_code():
    found = code_of(named(RECIPES["ours"].needs()))
    modules = {name.rpartition(".")[0] for name in found.meanings}
    assert "lib.models.mask.build_ours" in found.meanings
    assert {"lib.clips.examples", "lib.signals.noise", "lib.training.losses"} <= modules
    strangers = ("lib.models.conv_tasnet", "lib.models.published", "lib.config", "lib.figures")
    assert not [name for name in found.meanings if name.startswith(strangers)]
    assert {"keras", "tensorflow", "numpy"} <= set(found.versions)
    assert "matplotlib" not in found.versions


def test_every_network_has_a_fingerprint_of_its_own():
    assert len({fingerprint(recipe.needs()) for recipe in RECIPES.values()}) == len(RECIPES)
