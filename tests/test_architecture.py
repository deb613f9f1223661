"""House rules checked by parsing: imports between the packages ("rooms") of lib, and notebooks."""

import ast
import re

import nbformat
import pytest

from lib.workspace.execute import read_parameters
from lib.workspace.folder import PROJECT_ROOT

FLOORS = [
    ["errors"],
    ["environment", "metrics", "signals", "statistics", "text"],
    ["config"],
    ["models", "workspace"],
    ["corpora"],
    ["clips", "speakers"],
    ["training"],
    ["denoise", "methods", "publish"],
    ["evaluation", "figures"],
    ["report"],
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS, start=1) for room in rooms}
MOST_ARROWS = 73  # imports between packages; between flat modules there were 152
MODULES = sorted((PROJECT_ROOT / "lib").rglob("*.py"))
NOTEBOOKS = sorted((PROJECT_ROOT / "notebooks").glob("*.ipynb"))
IDS = [path.stem for path in NOTEBOOKS]

# The numbers allowed in prose, each within its phrase: none of them is the result of a run.
GIVEN = {
    # the task and the corpora
    "digits 0 to 9": "what is said",
    "60 speakers": "Audio MNIST, by its authors",
    # the published system and its report
    "nominally at -8 dB": "the level it names",
    "-24.46 dB on average": "measured there",
    "between -46.93 and 7.57 dB": "measured there",
    '"+0.52 dB SNR improvement"': "its headline",
    "zeros scores 0.00 dB": "its figure for silence, by definition",
    "1,000 of its 30,000 clips": "what it used",
    "three native speakers": "of Audio MNIST",
    "22,050 Hz": "its rate",
    "shape (1024, 44, 1)": "its input",
    # definitions
    "95 %": "the confidence of every interval, as in lib.statistics",
    "80 % power": "as in lib.statistics.permutation",
    "20 ms frames": "of the noise floor, as in lib.corpora",
    "middle 90 %": "a range, as drawn by lib.figures",
    "between 0 and 1": "what a sigmoid answers",
    "squared error of 1": "of zeros against z-scores, by definition",
    "Silence scores 0 dB": "by the definition of SNR",
    "counts as -100 dB": "the floor of SI-SDR, as in lib.metrics",
    "at +10 dB": "a condition of lib.training.trials",
    # examples, not measurements
    'number 30 for one speaker and the text "30"': "of a value in two types",
    "a thousand clips by three people are still three people": "of what counts",
}
NUMBER_WORDS = "two three four five six seven eight nine ten eleven twelve twenty hundred thousand"
COUNTED = "clips speakers people words digits decibels percent seconds milliseconds folds times"


def rooms_imported(tree):
    """Yield the packages of lib that a module imports, at any depth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute here"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith("lib."))


def room_of(path):
    return path.relative_to(PROJECT_ROOT / "lib").with_suffix("").parts[0]


def arrows():
    """Return the imports between packages, with the files that contain them."""
    found = {}
    for path in MODULES:
        room = room_of(path)
        for other in set(rooms_imported(ast.parse(path.read_text(encoding="utf-8")))) - {room}:
            found.setdefault((room, other), []).append(path.relative_to(PROJECT_ROOT).as_posix())
    face = found.pop(("__init__", "environment"))
    assert face == ["lib/__init__.py"], "lib itself only settles the settings"
    return found


def test_imports_point_down(capsys):
    """Import only from lower layers, so that there are no cycles; the imports are printed."""
    found = arrows()
    rooms = {room for arrow in found for room in arrow}
    assert rooms | {"environment"} == set(FLOOR), "give each room its floor in this test"
    up = {arrow: files for arrow, files in found.items() if FLOOR[arrow[1]] >= FLOOR[arrow[0]]}
    assert not up
    with capsys.disabled():
        print(f"\n{len(found)} imports between {len(FLOOR)} rooms on {len(FLOORS)} floors:")
        for room in sorted(FLOOR, key=lambda room: (-FLOOR[room], room)):
            below = sorted(other for here, other in found if here == room)
            print(f"  {FLOOR[room]:2} {room}: {', '.join(below) or 'nothing'}")
    assert len(found) <= MOST_ARROWS


def test_a_room_stands_right_above_what_it_imports():
    for room, floor in FLOOR.items():
        below = [FLOOR[other] for here, other in arrows() if here == room]
        assert floor == 1 + max(below, default=0), room


def test_the_readme_shows_the_rooms():
    readme = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", readme, re.MULTILINE)
    shown = [re.findall(r"\[(\w+)\]\(lib/(\w+)(?:\.py)?\)", text) for _, text in rows]
    assert [int(number) for number, _ in rows] == list(range(len(FLOORS), 0, -1))
    assert [sorted(name for name, _ in row) for row in shown] == [sorted(f) for f in FLOORS[::-1]]
    assert all(name == place for row in shown for name, place in row)


@pytest.mark.parametrize("room", sorted(FLOOR))
def test_a_room_says_what_belongs_there(room):
    (face,) = [
        path
        for path in (PROJECT_ROOT / f"lib/{room}/__init__.py", PROJECT_ROOT / f"lib/{room}.py")
        if path.is_file()
    ]
    assert len(ast.get_docstring(ast.parse(face.read_text(encoding="utf-8"))).split()) >= 5


def test_the_tests_mirror_the_rooms():
    folders = {path.parent.name for path in (PROJECT_ROOT / "tests").glob("*/*.py")}
    packages = {path.parent.name for path in (PROJECT_ROOT / "lib").glob("*/*.py")}
    assert folders == packages
    assert len(list((PROJECT_ROOT / "tests").rglob("conftest.py"))) == 1


def test_an_upward_import_is_seen():
    tree = ast.parse("def f():\n    from lib.report import say\n    import lib.pairs\n")
    assert set(rooms_imported(tree)) == {"report", "pairs"}
    assert set(rooms_imported(ast.parse("from lib import config, figures"))) == {
        "config",
        "figures",
    }


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_modules_say_what_they_are_for(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    public = [n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    if any(not node.name.startswith("_") for node in public) and path.name != "__main__.py":
        assigned = [ast.unparse(n.targets[0]) for n in tree.body if isinstance(n, ast.Assign)]
        assert "__all__" in assigned


def cells(path, kind):
    return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == kind]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
class TestNotebook:
    def test_is_valid_and_has_no_outputs(self, path):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert notebook.metadata.kernelspec.name == "python3"
        for cell in cells(path, "code"):
            assert not cell.outputs
            assert cell.execution_count is None

    def test_cells_are_short_and_define_nothing(self, path):
        for cell in cells(path, "code"):
            source = cell.source
            assert len(source.splitlines()) <= 15, f"longer than 15 lines:\n{source}"
            for node in ast.walk(ast.parse(source)):
                kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
                assert not isinstance(node, kinds), f"defines a function or a class:\n{source}"

    def test_opens_with_its_title(self, path):
        first, *others = cells(path, "markdown")
        assert re.match(r"# \S", first.source)
        titles = [c for c in others if re.search(r"^# ", c.source, flags=re.MULTILINE)]
        assert not titles, "one title each; sections are ##"

    def test_parameters_are_those_of_all(self, path):
        tagged = [c for c in cells(path, "code") if c.metadata.get("tags") == ["parameters"]]
        assert len(tagged) == 1
        assert tagged[0].source == PARAMETERS.strip()
        assert set(read_parameters(nbformat.read(path, as_version=4), path.name)) >= {"corpus"}

    def test_prose_holds_no_typed_results(self, path):
        for prose in written(path):
            assert not typed_numbers(prose), f"use report.say:\n{prose}"

    def test_no_cell_branches(self, path):
        for cell in cells(path, "code"):
            branches = [n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.IfExp)]
            assert not branches, f"build the sentence in lib.report.sentences:\n{cell.source}"
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.If):
                    shows = re.search(r"\breport\.", ast.unparse(node))
                    assert not shows, f"use report.table_if_any and the like:\n{cell.source}"

    def test_prose_refers_only_to_what_every_corpus_shows(self, path):
        prose = "\n".join(cell.source for cell in cells(path, "markdown"))
        cited = set(re.findall(r"@((?:fig|tbl)-[a-z0-9-]+)", prose))
        for cell in cells(path, "code"):
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("_if_any"):
                    shown = re.findall(r"'((?:fig|tbl)-[a-z0-9-]+)'", ast.unparse(node))
                    assert not cited & set(shown), shown


PARAMETERS = """
corpus = "sample"  # sample | fsdd | audiomnist
profile = "quick"  # smoke | quick | full
data_dir = ""  # a tree already on disk; empty: the corpus is found or fetched
params_file = ""  # YAML that overrides lib.config
players = True  # False: a line instead of each audio player
build_dir = ""  # empty: build/<corpus>-<profile>
"""


def written(path):
    """Yield the prose of a notebook: its Markdown and the sentences in its code."""
    yield from (cell.source for cell in cells(path, "markdown"))
    for cell in cells(path, "code"):
        for node in ast.walk(ast.parse(cell.source)):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and len(text.split()) > 2:
                yield text


def typed_numbers(prose):
    """Return the numbers in `prose`, in digits or words, except in GIVEN, code and formulas."""
    code = r"`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\{[^{}]*\}|@[\w:-]+"
    bare = re.sub(code, " ", prose.replace("\N{MINUS SIGN}", "-"), flags=re.DOTALL)
    bare = " ".join(bare.split())
    for phrase in GIVEN:
        bare = bare.replace(phrase, " ")
    words, counted = ("|".join(names.split()) for names in (NUMBER_WORDS, COUNTED))
    pattern = rf"(?<!\w)(?:[-+]?\d+(?:[.,]\d+)*|(?:{words}) (?:\w+ )?(?:{counted})\b)"
    return re.findall(pattern, bare, flags=re.IGNORECASE)


@pytest.mark.parametrize(
    ("prose", "found"),
    [
        ("It gains 11.4 dB.", ["11.4"]),
        ("It gains **+3.1 dB**, or \N{MINUS SIGN}0.5.", ["+3.1", "-0.5"]),
        ("It understands 49% of 3,000 clips.", ["49", "3,000"]),
        ("It takes 12 ms and works below 4000 Hz.", ["12", "4000"]),
        ("It was heard by six speakers and twelve more people.",
         ["six speakers", "twelve more people"]),
        ("Noise of -8 dB; nominally at \N{MINUS SIGN}8 dB it was.", ["-8"]),
        ("{gain:.1f} dB (95 % interval {low:.1f} to {high:.1f})", []),
        ("$-9.5\\,$dB, $$10 \\log_{10} x$$, `n = 3` and F0 after @holm1979", []),
    ],
)  # fmt: skip
def test_typed_numbers_are_seen(prose, found):
    assert typed_numbers(prose) == found


def test_the_abstract_holds_no_typed_results():
    abstract = (PROJECT_ROOT / "notebooks/abstract.md").read_text(encoding="utf-8")
    assert not typed_numbers(abstract)


def test_every_given_number_is_still_in_use():
    prose = " ".join(text for path in NOTEBOOKS for text in written(path))
    prose = " ".join(prose.replace("\N{MINUS SIGN}", "-").split())
    assert not [phrase for phrase in GIVEN if phrase not in prose]


def test_references_exist():
    keys = set(
        re.findall(
            r"^@\w+\{([^,]+),",
            (PROJECT_ROOT / "notebooks/references.bib").read_text(encoding="utf-8"),
            flags=re.MULTILINE,
        )
    )
    for path in NOTEBOOKS:
        text = "\n".join(c.source for c in nbformat.read(path, as_version=4).cells)
        cited = set(re.findall(r"(?<![\w.])@([a-z]+\d{4}\w*)", text))
        assert cited <= keys, f"{path.name} cites {cited - keys}, not in references.bib"


def test_no_path_of_one_machine_in_the_project():
    private = re.compile(r"/(?:home|Users|root|work|tmp)/\w")
    files = [PROJECT_ROOT / "Makefile", *MODULES, *NOTEBOOKS, *PROJECT_ROOT.glob("*.md")]
    for path in files:
        assert not private.search(path.read_text(encoding="utf-8")), path
