"""lib.publish.readme: results match the committed report, and links lead to existing files."""

import json
import re

import pytest
from places import committed

from lib.errors import InputError
from lib.publish import readme
from lib.workspace.folder import PROJECT_ROOT


def test_table_is_that_of_the_committed_report():
    text = readme.README.read_text(encoding="utf-8")
    versions = [committed(readme.SOURCE), readme.SOURCE.read_text(encoding="utf-8")]
    tables = [readme.filled(text, json.loads(version)) for version in versions if version]
    assert text in tables, "run `python -m lib.publish.readme`"


def test_another_number_would_be_seen():
    text = readme.README.read_text(encoding="utf-8")
    facts = json.loads(readme.SOURCE.read_text(encoding="utf-8"))
    facts["ours_si_sdr_improvement_db"] += 1
    assert text != readme.filled(text, facts)


def test_missing_marks_are_an_error():
    facts = json.loads(readme.SOURCE.read_text(encoding="utf-8"))
    with pytest.raises(InputError, match="headline"):
        readme.filled("# no marks", facts)


def test_links_lead_to_files():
    text = readme.README.read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (PROJECT_ROOT / link).exists(), link
