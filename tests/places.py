"""Location of real speech, if it is next to the project, and the text of committed files."""

import subprocess

from lib.workspace.folder import PROJECT_ROOT

REAL_SPEECH = PROJECT_ROOT.parent / "shared" / "data"


def committed(path):
    """Return the committed text of a file, which a user's own run may have overwritten."""
    name = path.relative_to(PROJECT_ROOT).as_posix()
    shown = subprocess.run(["git", "show", f"HEAD:{name}"], cwd=PROJECT_ROOT, capture_output=True)
    return shown.stdout.decode("utf-8") if shown.returncode == 0 else None
