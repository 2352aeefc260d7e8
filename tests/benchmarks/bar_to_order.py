"""From a bar leaving the simulator's socket to its order reaching the simulator, against the same hops with empty handlers.

The floor has everything between the two sockets but our work: SNS FIFO, SQS FIFO, a function that calls a function and sends to a
second SQS FIFO queue, and a function that posts to a server. Five symbols a second, on the same engine, in the same run. Much of it is the
engine's own: it lets 50 ms pass before it looks at a queue again after a look that found nothing, once for each of the two queues.
"""

from __future__ import annotations

import http.server
import io
import json
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

from demo import run_demo
from local_platform.deployment import client
from local_platform.platform import Options, Platform
from local_platform.synthesis import ROOT
from rich.console import Console

from tests.benchmarks.spans import hops, table

Row = tuple[str, str, str, str, str]
_SECONDS = 40
_TRADES = 150

_FIRST = """
import boto3, os
from botocore.config import Config
sqs, functions = boto3.client("sqs"), boto3.client("lambda")
def handler(event, context):
    for record in event["Records"]:
        functions.invoke(FunctionName="floor-inner", Payload=b"{}")["Payload"].read()
        print("evaluated")
        body = record["body"]
        sqs.send_message(QueueUrl=os.environ["NEXT"], MessageBody=body, MessageGroupId=body, MessageDeduplicationId=record["messageId"])
"""
_INNER = """
def handler(event, context):
    print("inner")
    return {}
"""
_SECOND = """
import os, urllib.request
def handler(event, context):
    for record in event["Records"]:
        urllib.request.urlopen(urllib.request.Request(os.environ["SINK"], data=record["body"].encode()), timeout=5).read()
        print("sent")
"""


class _Sink(http.server.ThreadingHTTPServer):
    received: dict[str, float]


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        stamp = time.time()
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.received[body] = stamp  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Says nothing."""


def _package(code: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", code)
    return buffer.getvalue()


def _floor(platform: Platform) -> list[float]:
    """Milliseconds of the empty hops."""
    sink = _Sink(("127.0.0.1", 0), _Handler)
    sink.received = {}
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    address = platform.engine_address
    sqs, sns, functions = (client(name, address) for name in ("sqs", "sns", "lambda"))
    fifo = {"FifoQueue": "true", "VisibilityTimeout": "60"}
    urls = [
        sqs.create_queue(QueueName=f"floor-{name}.fifo", Attributes=fifo)["QueueUrl"] for name in ("bars", "signals")
    ]
    arns = [
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"] for url in urls
    ]
    for name, code, environment in (
        ("floor-inner", _INNER, {}),
        ("floor-first", _FIRST, {"NEXT": urls[1]}),
        ("floor-second", _SECOND, {"SINK": f"http://127.0.0.1:{sink.server_port}/"}),
    ):
        functions.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role="arn:aws:iam::000000000000:role/floor",
            Handler="index.handler",
            Code={"ZipFile": _package(code)},
            Timeout=10,
            Environment={"Variables": {**environment, "MINISTACK_LAMBDA_PROXY_URL": f"{platform.host_address}/invoke"}},
        )
        functions.invoke(FunctionName=name, Payload=b'{"Records":[]}')
    for name, arn in zip(("floor-first", "floor-second"), arns, strict=True):
        functions.create_event_source_mapping(FunctionName=name, EventSourceArn=arn, BatchSize=10)
    topics = []
    for index in range(5):
        topic = sns.create_topic(Name=f"floor-{index}.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arns[0], Attributes={"RawMessageDelivery": "true"})
        topics.append(topic)
    sent: dict[str, float] = {}
    began = time.monotonic()
    for second in range(_SECONDS):
        time.sleep(max(0.0, began + second - time.monotonic()))
        for index, topic in enumerate(topics):
            key = f"{index}-{second}"
            sent[key] = time.time()
            sns.publish(TopicArn=topic, Message=key, MessageGroupId=str(index), MessageDeduplicationId=key)
    time.sleep(2)
    sink.shutdown()
    return sorted((sink.received[key] - stamp) * 1000 for key, stamp in sent.items() if key in sink.received)


def _quantile(values: list[float], q: float) -> float:
    return values[min(len(values) - 1, int(q * len(values)))]


def run() -> list[Row]:
    """The rows of the table."""
    with tempfile.TemporaryDirectory(prefix="stratforge-bench-") as folder:
        Path(folder).chmod(0o755)
        platform = Platform(
            Options(Path(folder) / "state", speed=60.0, fresh=True, assemblies=ROOT / ".stratforge" / "assemblies"),
            lambda text: print(text, file=sys.stderr),
        )
        try:
            platform.start()
            floor = _floor(platform)
            found, _left = run_demo(platform, _TRADES, 180.0)
            Console(stderr=True).print(table(hops(platform)))
        finally:
            platform.stop()
    ours = list(found.bar_to_order_ms)
    print(json.dumps({"orders": len(ours), "floor": len(floor), "invariants_ok": found.invariants_ok}), file=sys.stderr)
    rows = []
    for q, wanted in ((0.5, "< 150 ms"), (0.99, "< 500 ms")):
        mine, empty = _quantile(ours, q), _quantile(floor, q)
        rows.append(
            (
                f"bar to order, p{q * 100:g}",
                f"{mine:.0f} ms",
                f"empty handlers: {empty:.0f} ms",
                f"{mine / empty:.1f} x",
                wanted,
            )
        )
    return rows
