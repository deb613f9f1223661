"""lib comes first, as in the notebooks: it sets what other libraries read when imported."""

import lib  # noqa: F401
