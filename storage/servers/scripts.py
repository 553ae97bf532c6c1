"""The Lua scripts of ``storage/lua``, and the one way to run them: each makes one step in Redis atomic.

A script stands in the table below under the name of its file. The functions that several scripts share are in
``preludes/``, and stand before the text of each script that names them.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import redis
import redis.asyncio
import redis.exceptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.client import Pipeline

_SHEBANG: Final = "#!"


class Script:
    """One script, as Redis runs it.

    A call raises the errors of redis-py. It stands in a block of ``redis_errors.translated``, which says what
    failed.

    Args:
        name: folder and name of its file, without the suffix.
        preludes: names of the files in ``preludes/`` that stand before it, in their order.

    Attributes:
        text: the whole text; its first line tells Redis the flags of the script, if it has any.
        sha: the SHA1 digest by which Redis caches the text.
    """

    __slots__ = ("sha", "text")

    def __init__(self, name: str, *preludes: str) -> None:
        text = _read(name)
        flags, newline, body = text.partition("\n") if text.startswith(_SHEBANG) else ("", "", text)
        shared = "".join(_read(f"preludes/{prelude}") + "\n" for prelude in preludes)
        self.text: Final = flags + newline + shared + body
        self.sha: Final = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    def run(self, client: redis.Redis, keys: Sequence[str], *arguments: Any) -> Any:  # noqa: ANN401 - a Lua answer
        """Run the script, and return its answer.

        Redis is sent the digest first, and the text where it does not know the digest: then nothing was done.
        """
        try:
            return client.evalsha(self.sha, len(keys), *keys, *arguments)
        except redis.exceptions.NoScriptError:
            return client.eval(self.text, len(keys), *keys, *arguments)

    async def run_async(
        self,
        client: redis.asyncio.Redis,
        keys: Sequence[str],
        *arguments: Any,  # noqa: ANN401 - what Redis takes
    ) -> Any:  # noqa: ANN401 - a Lua answer
        """Run the script as ``run`` does, on a client of asyncio."""
        try:
            return await client.evalsha(self.sha, len(keys), *keys, *arguments)
        except redis.exceptions.NoScriptError:
            return await client.eval(self.text, len(keys), *keys, *arguments)

    def add_to(
        self,
        pipeline: Pipeline,
        keys: Sequence[str],
        *arguments: Any,  # noqa: ANN401 - what Redis takes
    ) -> None:
        """Add a call of the script to a pipeline, whose answers hold the script's.

        The text is sent each time: where Redis did not know a digest, other commands of the pipeline would
        have run already.
        """
        pipeline.eval(self.text, len(keys), *keys, *arguments)


def _read(name: str) -> str:
    return resources.files("storage").joinpath("lua", f"{name}.lua").read_text("utf-8")


TELL_TIME: Final = Script("clocks/tell_time")
MAKE_MARK: Final = Script("ledger/make_mark")
ACQUIRE_PROCESS_LEASE: Final = Script("leases/acquire_process_lease", "take_lease")
ACQUIRE_STREAM_LEASE: Final = Script("leases/acquire_stream_lease", "take_lease")
RELEASE_LEASE: Final = Script("leases/release_lease")
RENEW_LEASE: Final = Script("leases/renew_lease")
ADJUST_PARTITIONS: Final = Script("limits/adjust_partitions")
ADMIT_PARTITIONS: Final = Script("limits/admit_partitions")
CHECK_NEW: Final = Script("limits/check_new", "decide_once")
FIND_SKETCHES: Final = Script("limits/find_sketches", "decide_once")
FORGET_DECISIONS: Final = Script("limits/forget_decisions")
GRANT_QUARANTINE: Final = Script("limits/grant_quarantine", "decide_once")
GRANT_QUOTAS: Final = Script("limits/grant_quotas", "decide_once")
NOTE_SKETCHES: Final = Script("limits/note_sketches")
SHARE_BUDGET: Final = Script("limits/share_budget", "decide_once")
APPEND_ENTRIES: Final = Script("queue/append_entries", "stream_entries", "append_entry")
APPEND_REPLAYED_ENTRIES: Final = Script("queue/append_replayed_entries", "stream_entries", "append_entry")
BEGIN_INSERTS: Final = Script("queue/begin_inserts")
BIND_BATCH: Final = Script("queue/bind_batch")
COMMIT_BATCH: Final = Script("queue/commit_batch")
COUNT_ENTRIES_BEFORE: Final = Script("queue/count_entries_before", "stream_entries")
FIND_OLDEST_ENTRY: Final = Script("queue/find_oldest_entry", "stream_entries")
FORGET_PROJECT: Final = Script("queue/forget_project")
HOLD_PAUSE: Final = Script("queue/hold_pause")
READ_ENTRIES: Final = Script("queue/read_entries", "stream_entries")
REALIGN_IDS: Final = Script("queue/realign_ids", "stream_entries")
RENEW_PAUSE: Final = Script("queue/renew_pause")
CLAIM_REFUSALS: Final = Script("refusals/claim_refusals")
COUNT_REFUSALS: Final = Script("refusals/count_refusals")
DROP_MOVED_REFUSALS: Final = Script("refusals/drop_moved_refusals")
PUBLISH_SNAPSHOT: Final = Script("registry/publish_snapshot")
FIND_COUNTED_REPORTS: Final = Script("retries/find_counted_reports")
NOTE_COUNTED_REPORTS: Final = Script("retries/note_counted_reports")
