"""The Lua scripts beside this module: each makes one step of the queue protocol atomic."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Final


class Script:
    """One script: its text and the SHA1 digest by which Redis caches it.

    Args:
        name: of its file.
        prelude: the file that stands before it, if any.
    """

    __slots__ = ("sha", "text")

    def __init__(self, name: str, prelude: str = "") -> None:
        folder = resources.files("storage").joinpath("lua")
        files = [folder.joinpath(f"{part}.lua") for part in (prelude, name) if part]
        self.text: Final = "\n".join(file.read_text("utf-8") for file in files)
        self.sha: Final = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


APPEND: Final = Script("append", prelude="entry")
ACQUIRE: Final = Script("acquire")
RENEW: Final = Script("renew")
RELEASE: Final = Script("release")
READ: Final = Script("read")
BIND: Final = Script("bind")
BEGIN: Final = Script("begin")
COMMIT: Final = Script("commit")
PUBLISH: Final = Script("publish")
ADMIT: Final = Script("admit")
AHEAD: Final = Script("ahead")
RECALL: Final = Script("recall")
REMEMBER: Final = Script("remember")
GRANT: Final = Script("grant", prelude="once")
BUDGET: Final = Script("budget", prelude="once")
SIGHT: Final = Script("sight", prelude="once")
KEEP: Final = Script("keep", prelude="once")
FORGET: Final = Script("forget")
MARK: Final = Script("mark")
TAKE: Final = Script("take")
MOVED: Final = Script("moved")
MEND: Final = Script("mend")
TELL: Final = Script("tell")
COUNT_REFUSED: Final = Script("count_refused")
HOLD: Final = Script("hold")
AGAIN: Final = Script("again", prelude="entry")
DISOWN: Final = Script("disown")
HEAD: Final = Script("head")
