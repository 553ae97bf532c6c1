"""Logs on stderr, one event a line, from structlog and from the libraries' standard logging alike."""

from __future__ import annotations

import logging.config
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from deploy import settings


def _processors() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def dictionary(config: settings.Settings) -> dict[str, Any]:
    """Return the configuration for ``logging.config``; gunicorn applies it in its own processes."""
    as_json = config.log_format == "json"
    final = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    )
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    line = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [remove_meta, *final],
        "foreign_pre_chain": _processors(),
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": line},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}
        },
        "root": {"handlers": ["stderr"], "level": config.log_level.upper()},
        # gunicorn brings handlers of its own; its lines belong among ours.
        "loggers": {"gunicorn.error": {"handlers": [], "propagate": True}},
    }


def configure(config: settings.Settings) -> None:
    """Set up logging for this process."""
    logging.config.dictConfig(dictionary(config))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_processors(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
