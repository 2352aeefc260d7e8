"""The entry of a function that consumes a queue or a stream: a batch in, the messages that failed out.

Records are powertools' typed event source, `SQSRecord`. Its parser is not used on them: a batch that is parsed reports failures as two
different types, which the delays of `retries` would have to tell apart. Nor is its idempotency: what makes a message safe to repeat are keys of
PostgreSQL, written in the transaction of the work itself, which a store beside it could contradict.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.typing import LambdaContext

from stratforge.bus.retries import FifoProcessor, JobProcessor
from stratforge.bus.streams import StreamProcessor

Handler = Callable[[dict[str, Any], LambdaContext], Any]


def batch_handler(
    handle: Callable[..., None],
    processor: FifoProcessor | JobProcessor | StreamProcessor,
    prepare: Callable[[], None],
    log: Logger,
    metrics: Metrics | None = None,
) -> Handler:
    """Makes the handler of a queue's consumer: what failed is reported, and delivered again.

    Args:
        handle: Handles one message (an `SQSRecord`, of a stream a `KinesisStreamRecord`), and is given the function's context too if it takes a `lambda_context`;
            whatever it raises is that message's failure.
        prepare: Does what the first message would have to wait for; called by an event without records (a warm-up).
    """

    def handler(event: dict[str, Any], context: LambdaContext) -> Any:
        if not event.get("Records"):
            prepare()
            return {"batchItemFailures": []}
        return process_partial_response(event=event, record_handler=handle, processor=processor, context=context)

    logged: Handler = log.inject_lambda_context(handler)
    return metrics.log_metrics(logged) if metrics is not None else logged
