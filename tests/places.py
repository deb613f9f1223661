"""Where the tests find real speech, if it lies beside the project, and what is committed."""

import subprocess

from lib.workspace.folder import PROJECT_ROOT

REAL_SPEECH = PROJECT_ROOT.parent / "shared" / "data"


def committed(path):
    """The committed text of a file: a user's own run may have rendered over it."""
    name = path.relative_to(PROJECT_ROOT).as_posix()
    shown = subprocess.run(["git", "show", f"HEAD:{name}"], cwd=PROJECT_ROOT, capture_output=True)
    return shown.stdout.decode("utf-8") if shown.returncode == 0 else None
