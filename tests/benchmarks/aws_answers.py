"""SNS, SQS and Secrets Manager as a service on Fargate sees them, for measurements: they keep up with whatever is asked, and SNS answers after ten milliseconds, as in a region.

A process of its own; `GET /published` says, for each bar's time, how many messages of it came and when the last one was answered.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

SNS_SECONDS = 0.01
_ACCOUNT = "arn:aws:sns:us-east-1:000000000000:"
_PAGE = 100


class Answers:
    """What the services know: secrets, topics with their subscriptions, and what was published."""

    def __init__(self, secrets: Mapping[str, str], queue: str) -> None:
        self.secrets = secrets
        self.queue = queue
        self.subscribed: dict[str, None] = {}
        # By the bar's time: messages, and when the last of them was answered.
        self.published: dict[str, tuple[int, float]] = {}

    def asked(self, headers: Mapping[str, str], body: bytes) -> tuple[float, str, str]:
        """Seconds to wait, type and text of the answer to a request."""
        target = headers.get("x-amz-target", "")
        if target:
            seconds, found = self._of_json(target.rpartition(".")[2], json.loads(body or b"{}"))
            return seconds, "application/x-amz-json-1.0", json.dumps(found)
        return SNS_SECONDS, "text/xml", self._of_sns({name: each[0] for name, each in parse_qs(body.decode()).items()})

    def _of_json(self, action: str, asked: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        if action == "GetSecretValue":
            return 0.0, {"Name": asked["SecretId"], "SecretString": self.secrets[asked["SecretId"]]}
        if action == "ReceiveMessage":
            return float(asked.get("WaitTimeSeconds", 0)), {}
        if action == "SendMessageBatch":
            taken = [{"Id": each["Id"], "MessageId": each["Id"], "MD5OfMessageBody": ""} for each in asked["Entries"]]
            return SNS_SECONDS, {"Successful": taken, "Failed": []}
        return SNS_SECONDS, {"MessageId": "m", "MD5OfMessageBody": ""}

    def _of_sns(self, asked: Mapping[str, str]) -> str:
        action = asked["Action"]
        inside = "<MessageId>m</MessageId>"
        if action == "ListSubscriptions":
            start, topics = int(asked.get("NextToken", 0)), list(self.subscribed)
            members = "".join(
                f"<member><SubscriptionArn>s</SubscriptionArn><Owner>0</Owner><Protocol>sqs</Protocol><Endpoint>{self.queue}</Endpoint><TopicArn>{each}</TopicArn></member>"
                for each in topics[start : start + _PAGE]
            )
            more = f"<NextToken>{start + _PAGE}</NextToken>" if start + _PAGE < len(topics) else ""
            inside = f"<Subscriptions>{members}</Subscriptions>{more}"
        elif action == "CreateTopic":
            inside = f"<TopicArn>{_ACCOUNT}{asked['Name']}</TopicArn>"
        elif action == "Subscribe":
            self.subscribed[asked["TopicArn"]] = None
            inside = "<SubscriptionArn>s</SubscriptionArn>"
        else:
            for name, text in asked.items():
                if name.endswith("Message"):
                    self._note(json.loads(text))
        return f'<{action}Response xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><{action}Result>{inside}</{action}Result></{action}Response>'

    def _note(self, message: Mapping[str, Any]) -> None:
        count, _ = self.published.get(message["time"], (0, 0.0))
        self.published[message["time"]] = count + 1, time.time() + SNS_SECONDS


class Connection(asyncio.Protocol):
    """One client's connection: a request after the other."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps where answers go."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answers a request as soon as it is whole."""
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        first, *lines = head.decode().split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self._received = rest[length:]
        if first.startswith("GET"):
            self._answer("application/json", json.dumps(self._answers.published))
            return
        seconds, kind, text = self._answers.asked(headers, rest[:length])
        asyncio.get_running_loop().call_later(seconds, self._answer, kind, text)

    def _answer(self, kind: str, text: str) -> None:
        body = text.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


def serve(port: int, secrets: Mapping[str, str], queue: str) -> None:
    """Serves on a port of this machine alone, until it is ended."""

    async def forever() -> None:
        answers = Answers(secrets, queue)
        server = await asyncio.get_running_loop().create_server(lambda: Connection(answers), "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(forever())
