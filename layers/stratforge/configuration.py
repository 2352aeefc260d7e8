"""Configuration: environment variables as one typed model per function, and secrets with a short cache."""

from __future__ import annotations

import json
import math
import os
import time
from decimal import Decimal
from functools import lru_cache
from typing import Any, Generic, Literal, NamedTuple, Self, TypeVar

from psycopg.conninfo import make_conninfo
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from stratforge.aws import aws_client

Model = TypeVar("Model", bound=BaseModel)
_SECRET_SECONDS = 300.0
# A secret that did not work is read again, but no more often than this.
_REREAD_SECONDS = 15.0


class ConfigurationError(RuntimeError):
    """A setting is missing or wrong; says which and what it should be."""


class Settings(BaseModel):
    """Base of a function's settings: field `bars_queue_url` is read from the variable `BARS_QUEUE_URL`."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def from_environment(cls) -> Self:
        """The settings of this process.

        Raises:
            ConfigurationError: naming every variable that is missing or wrong.
        """
        values = {name: os.environ[name.upper()] for name in cls.model_fields if name.upper() in os.environ}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problems = "; ".join(f"{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors())
            raise ConfigurationError(f"the environment of this function is wrong: {problems}") from None


class DatabaseSecret(BaseModel):
    """Connection settings of the database: place, role and password. A value that the secret lacks comes from the
    environment."""

    host: str = Field(default_factory=lambda: os.environ.get("DATABASE_HOST", ""), min_length=1, validate_default=True)
    port: int = 5432
    dbname: str = "stratforge"
    username: str
    password: SecretStr
    sslmode: str = "verify-full"
    sslrootcert: str = Field(default_factory=lambda: os.environ.get("DATABASE_CA", "system"))

    def conninfo(self) -> str:
        """Returns the libpq connection string, password included."""
        root = {"sslrootcert": self.sslrootcert} if self.sslmode.startswith("verify") else {}
        return make_conninfo(
            host=self.host,
            port=self.port,
            dbname=self.dbname,
            user=self.username,
            password=self.password.get_secret_value(),
            sslmode=self.sslmode,
            **root,
        )


# What stands in a secret until somebody has entered the key.
PLACEHOLDER = "enter-me"


class AlpacaSecret(BaseModel):
    """The paper account's keys. The addresses are Alpaca's unless the secret names others.

    `scale` units of the ledger are one unit at the broker: so an account carries as many times more users' money as it has itself.
    """

    key_id: str
    secret_key: SecretStr
    trading_url: str = "https://paper-api.alpaca.markets"
    trading_stream_url: str = "wss://paper-api.alpaca.markets/stream"
    data_url: str = "https://data.alpaca.markets"
    data_stream_url: str = "wss://stream.data.alpaca.markets"
    feed: str = "iex"
    requests_per_minute: int = 200
    scale: Decimal = Field(Decimal(1), ge=1, le=1_000_000, multiple_of=1)
    # Channels of live trades and quotes that the data plan allows on a connection; what is not said follows from the feed.
    live_channels: int | None = Field(default=None, ge=0)

    @property
    def channel_limit(self) -> int | None:
        """The number of live trades and quotes that may be subscribed to; None for any. The free plan, whose feed is iex, allows 30."""
        if self.live_channels is not None:
            return self.live_channels
        return 30 if self.feed == "iex" else None

    @property
    def entered(self) -> bool:
        """True if real keys were entered: a deployment leaves placeholders."""
        return self.key_id not in ("", PLACEHOLDER)


class ModelPrices(BaseModel):
    """The prices of a model, as Google's price list has them.

    Attributes:
        prompt: Dollars for a million tokens of a question.
        cached: The same for tokens that the service knew from before; without it they cost what others do.
        answer: The same for tokens of an answer, thinking included.
    """

    prompt: float
    cached: float | None = None
    answer: float


class GeminiSecret(BaseModel):
    """The key of the Gemini API and the models to ask; the address is Google's unless the secret names another.

    Attributes:
        fallback_model: Is asked when the other one is away; without one there is none.
        thinking_level: How much the Quant thinks: MINIMAL, LOW, MEDIUM or HIGH.
        prices: Of models by the beginning of their names: `{"gemini-3.5-flash": {"prompt": 0.3, "cached": 0.03, "answer": 2.5}}`.
        prompt_price: Those of the Quant's and the Analyst's model where `prices` has none.
        cached_price: The same for tokens that the service knew from before.
        answer_price: The same for tokens of an answer.
    """

    api_key: SecretStr | None = None
    base_url: str | None = None
    quant_model: str = "gemini-3.5-flash"
    analyst_model: str = "gemini-3.5-flash"
    fallback_model: str | None = None
    thinking_level: Literal["MINIMAL", "LOW", "MEDIUM", "HIGH"] = "MEDIUM"
    prompt_price: float | None = None
    cached_price: float | None = None
    answer_price: float | None = None
    prices: dict[str, ModelPrices] = {}

    def prices_of(self, model: str) -> ModelPrices | None:
        """The prices of a model, by the longest beginning of its name that has any; None where none were entered."""
        named = max((each for each in self.prices if model.startswith(each)), key=len, default=None)
        if named is not None:
            return self.prices[named]
        priced = any(model.startswith(each) for each in (self.quant_model, self.analyst_model))
        if not priced or self.prompt_price is None or self.answer_price is None:
            return None
        return ModelPrices(prompt=self.prompt_price, cached=self.cached_price, answer=self.answer_price)


class RetiredKey(BaseModel):
    """A key that signs nothing any more, and whose tokens are valid until they expire."""

    key_id: str
    signing_key: SecretStr


class TokenSecret(BaseModel):
    """The key that signs access tokens, and those it took the place of. To rotate: move it to `retired` and enter a new one."""

    signing_key: SecretStr
    key_id: str = "1"
    retired: list[RetiredKey] = []

    def key(self, key_id: str | None) -> SecretStr | None:
        """The signing key with this id, retired ones included; None when there is none."""
        if key_id == self.key_id:
            return self.signing_key
        return next((each.signing_key for each in self.retired if each.key_id == key_id), None)


@lru_cache(maxsize=1)
def _secrets_client() -> Any:
    return aws_client("secretsmanager")


class _Cached(NamedTuple):
    """A secret's content, when it was read, and when it was last read again because it had not worked."""

    content: dict[str, Any]
    read_at: float
    reread_at: float = -math.inf


_cache: dict[str, _Cached] = {}


def read_secret(model: type[Model], name: str) -> Model:
    """A secret of Secrets Manager, read again after five minutes so that rotated ones are met.

    One that was read before is used on while Secrets Manager does not answer: that it is away is no reason to stop trading.

    Raises:
        ConfigurationError: if it is not there or not what it should be.
    """
    cached = _cache.get(name)
    if cached is None or time.monotonic() - cached.read_at > _SECRET_SECONDS:
        reread_at = -math.inf if cached is None else cached.reread_at
        try:
            text = _secrets_client().get_secret_value(SecretId=name)["SecretString"]
            cached = _cache[name] = _Cached(json.loads(text), time.monotonic(), reread_at)
        except Exception as error:
            if cached is None:
                message = f"the secret {name} cannot be read: {type(error).__name__}: {error}"
                raise ConfigurationError(message) from error
            cached = _cache[name] = cached._replace(read_at=time.monotonic() - _SECRET_SECONDS + _REREAD_SECONDS)
    return _validated(model, name, cached.content)


def reread_secret(model: type[Model], name: str) -> Model:
    """A secret that did not work when it was used: read again now, if it was not read again within the last seconds.

    Raises:
        ConfigurationError: as `read_secret`.
    """
    cached, now = _cache.get(name), time.monotonic()
    if cached is not None and now - cached.reread_at > _REREAD_SECONDS:
        _cache[name] = cached._replace(read_at=-math.inf, reread_at=now)
    return read_secret(model, name)


def _validated(model: type[Model], name: str, value: dict[str, Any]) -> Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        fields = ", ".join(str(each["loc"][0]) for each in error.errors())
        raise ConfigurationError(f"the secret {name} is incomplete or wrong: {fields}") from None


class Keys(Generic[Model]):
    """The keys of a service as they are now: read anew after five minutes, and soon when they were refused."""

    def __init__(self, model: type[Model], name: str) -> None:
        """
        Args:
            name: Of the secret.
        """
        self._model, self._name = model, name

    def now(self) -> Model:
        """The keys, at most five minutes old."""
        return read_secret(self._model, self._name)

    def after_refusal(self) -> Model:
        """The keys after the service refused the ones that were used: other ones, if somebody has entered them meanwhile."""
        return reread_secret(self._model, self._name)


class FixedKeys(Generic[Model]):
    """Keys that are given once and never change."""

    def __init__(self, keys: Model) -> None:
        self._keys = keys

    def now(self) -> Model:
        """Returns the keys, which never change."""
        return self._keys

    def after_refusal(self) -> Model:
        """Returns the same keys again: there are no newer ones after a refusal."""
        return self._keys
