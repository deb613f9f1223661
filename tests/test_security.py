"""What the source code must never contain: pickle, unsafe model loading, or a shell."""

import ast
import re

import pytest

from lib.workspace.folder import PROJECT_ROOT

SOURCES = sorted(
    [*(PROJECT_ROOT / "lib").rglob("*.py"), *(PROJECT_ROOT / "notebooks").glob("*.ipynb")]
)
FORBIDDEN = {
    "pickle": r"\bpickle\b|\bdill\b|\bjoblib\.(load|dump)\b|read_pickle|to_pickle"
    r"|allow_pickle\s*=\s*True",
    "unsafe model": r"safe_mode\s*=\s*False|enable_unsafe_deserialization|\bLambda\(",
    "shell": r"shell\s*=\s*True|os\.system|os\.popen|getoutput",
    "evaluation": r"(?<![\w.])(eval|exec|__import__)\(|yaml\.(load|unsafe_load)\(",
    "unchecked extraction": r"\.extractall\(|unpack_archive",
}
HARMLESS = re.compile(r"allow_pickle\s*=\s*False")


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_no_source_does(kind):
    for path in SOURCES:
        text = HARMLESS.sub("", path.read_text(encoding="utf-8"))
        found = re.search(FORBIDDEN[kind], text)
        assert not found, f"{path.relative_to(PROJECT_ROOT)}: {found[0]}"


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("pickle", "np.load(path, allow_pickle=True)"),
        ("pickle", "import pickle"),
        ("unsafe model", "keras.models.load_model(path, safe_mode=False)"),
        ("shell", "subprocess.run(text, shell=True)"),
        ("evaluation", "eval(text)"),
        ("unchecked extraction", "archive.extractall(folder)"),
    ],
)
def test_it_would_be_seen(kind, line):
    assert re.search(FORBIDDEN[kind], line)


def calls(name):
    """Yield the file and node of each ``name(...)`` or ``<anything>.name(...)`` call in lib."""
    for path in (PROJECT_ROOT / "lib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name:
                yield path, node


def test_arrays_are_read_without_pickle():
    for path, call in calls("load"):
        if ast.unparse(call.func) in ("np.load", "numpy.load"):
            assert "allow_pickle=False" in ast.unparse(call), path


def test_programs_are_called_with_a_list_of_arguments():
    for name in ("run", "Popen", "check_output", "check_call"):
        for path, call in calls(name):
            if ast.unparse(call.func).startswith("subprocess."):
                assert not isinstance(call.args[0], (ast.Constant, ast.JoinedStr, ast.BinOp)), path
