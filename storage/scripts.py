"""The Lua scripts beside this module: each makes one step of the queue protocol atomic."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Final


class Script:
    """One script: its text and the SHA1 digest by which Redis caches it."""

    __slots__ = ("sha", "text")

    def __init__(self, name: str) -> None:
        self.text: Final = resources.files("storage").joinpath("lua", f"{name}.lua").read_text("utf-8")
        self.sha: Final = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


APPEND: Final = Script("append")
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
