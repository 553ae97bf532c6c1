"""The errors that storage raises, sorted by what the caller can do about them."""


class HeadraceError(Exception):
    """Base of every error that Headrace raises on purpose; its message is one sentence for a person."""


class RecoverableError(HeadraceError):
    """A dependency failed for now; the same work may be tried again, unchanged."""


class RedisUnavailableError(RecoverableError):
    """Redis did not answer in time, or refused the command."""


class ClickHouseUnavailableError(RecoverableError):
    """ClickHouse did not answer in time, or cannot take the insert right now."""


class LeaseLostError(HeadraceError):
    """Another drainer or process holds a newer fencing token: stop, and touch nothing."""


class InsertRefusedError(HeadraceError):
    """ClickHouse refuses this very data for good (type, column, partition limit): do not repeat it."""


class EnvelopeError(HeadraceError):
    """A stream entry cannot be decoded: it is corrupt, or of a version this release does not know."""
