"""``headrace trace``: where a payload is, or which outcomes its reports have."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deploy.cli import options
from deploy.printing import output, printable, times
from deploy.servers import backends
from storage.projects import registry
from storage.quarantine import quarantined
from storage.queue import batches, entry_ids
from storage.tables import receipts

if TYPE_CHECKING:
    import redis

    from deploy.running import located
    from storage.servers import clickhouse

Answer = dict[str, Any]


def trace(
    receipt: Annotated[str, typer.Argument(metavar="RECEIPT", help="As answered in X-Headrace-Receipt.")],
    *,
    data: options.Data = options.DEFAULT_DATA,
    as_json: options.Json = False,
) -> None:
    """Say where a payload is, or how it was stored; exit 1 when nothing is known of it."""
    wanted = receipts.Receipt.parse(receipt)
    system = options.locate(data)
    with contextlib.closing(backends.connect_redis(system.redis_url)) as client:
        # First the queue: a payload that leaves it meanwhile is in ClickHouse already.
        answer = _in_queue(client, wanted) or _in_tables(system, wanted)
    if as_json:
        output.json({"receipt": receipt, **answer})
    else:
        output.copyable(_SENTENCES[answer["state"]](answer))
        _show_quarantine(answer.get("quarantine", ()))
    if answer["state"] == "unknown":
        raise typer.Exit(1)


def _in_queue(client: redis.Redis, receipt: receipts.Receipt) -> Answer | None:
    """Return where in the queue the payload is; None if its entry is not there."""
    from workers.draining import bounds as batch_bounds  # noqa: PLC0415 - the pipeline is slow to load

    queue = batches.Queue(client)
    entry = queue.find(receipt.shard, receipt.entry_id)
    if entry is None:
        return None
    if receipt.index >= entry.payloads:
        return {"state": "unknown", "payloads": entry.payloads}
    bounds = batch_bounds.decode(entry.bounds) if entry.bounds else None
    if bounds and entry_ids.parse(receipt.entry_id) <= entry_ids.parse(bounds.last):
        return {
            "state": "in_batch",
            "shard": receipt.shard,
            "first": bounds.first,
            "last": bounds.last,
            "attempts": entry.attempts,
        }
    ahead = queue.entries_before(receipt.shard, receipt.entry_id)
    return {
        "state": "waiting",
        "shard": receipt.shard,
        "received": times.utc(entry.received_ms),
        "entries_ahead": ahead.entries,
        "payloads_ahead": ahead.payloads + receipt.index,
    }


def _in_tables(system: located.Located, receipt: receipts.Receipt) -> Answer:
    with backends.connected(system.clickhouse) as server:
        found = receipts.find_outcomes(server, receipt)
        if found is None:
            return {"state": "unknown"}
        return {
            "state": "committed",
            "project_id": found.project_id,
            "project": registry.Registry(server).names().get(found.project_id, ""),
            "received": times.utc(receipts.received_ms(receipt, found)),
            "committed": found.committed,
            "accepted": found.accepted,
            "filtered": found.filtered,
            "invalid": found.invalid,
            "reasons": found.reasons,
            "fingerprint": found.fingerprint,
            "title": receipts.title(server, receipt, found),
            "quarantine": _quarantined(server, receipt),
        }


def _quarantined(server: clickhouse.Connection, receipt: receipts.Receipt) -> list[Answer]:
    selection = quarantined.Selection(receipt=str(receipt))
    rows = [row for page in quarantined.pages(server, selection) for row in page]
    return [{"reason": row.reason, "error": printable.line(row.error), "bytes": len(row.raw)} for row in rows]


def _waiting(answer: Answer) -> str:
    return (
        f"It was stored in Redis and waits in shard {answer['shard']}, "
        f"with {answer['payloads_ahead']:,} payloads in {answer['entries_ahead']:,} entries ahead of it."
    )


def _in_batch(answer: Answer) -> str:
    again = f", taken up again {answer['attempts']} times" if answer["attempts"] else ""
    where = f"shard {answer['shard']}, {answer['first']} to {answer['last']}"
    return f"It is in the batch that is being worked on ({where}{again})."


def _committed(answer: Answer) -> str:
    counts = [f"{answer[name]:,} {name}" for name in ("accepted", "filtered", "invalid") if answer[name]]
    reasons = ", ".join(f"{reason} {reports:,}" for reason, reports in answer["reasons"].items())
    lines = [
        f"project      {answer['project']} ({answer['project_id']})",
        f"received     {answer['received']}",
        f"committed    {answer['committed']}",
        f"reports      {', '.join(counts) or 'none'}",
    ]
    if reasons:
        lines.append(f"reasons      {reasons}")
    if answer["fingerprint"]:
        lines.append(f"finding      {answer['fingerprint']}  {answer['title']}".rstrip())
    return "\n".join(lines)


def _unknown(answer: Answer) -> str:
    if "payloads" in answer:
        return f"Its entry holds {answer['payloads']:,} payloads only: there never was such a receipt."
    return (
        "Nothing is known of it: no payload was ever stored under this receipt, "
        f"or it was committed more than {receipts.KEPT_DAYS} days ago."
    )


_SENTENCES = {"waiting": _waiting, "in_batch": _in_batch, "committed": _committed, "unknown": _unknown}


def _show_quarantine(rows: list[Answer]) -> None:
    if rows:
        output.copyable("")
        output.table(("quarantined for", "error", "bytes"), [tuple(row.values()) for row in rows])
