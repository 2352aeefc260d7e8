"""What differs between stages. A wrong configuration stops at synthesis with one line."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from typing import Any, Literal, get_args

from constructs import Node


class ConfigurationError(ValueError):
    """A setting of the deployment is missing or wrong."""


Egress = Literal["nat-instance", "nat-gateways"]
DatabaseKind = Literal["instance", "aurora"]
# Whose topics are there from the beginning; the ingestor makes all others when they are needed.
SYMBOLS = ("AAPL", "MSFT", "GOOG", "IBM", "META")
_DEFAULT_CIDR = "10.40.0.0/16"
# Where everything that the stacks use is offered: Lambda on arm64 with SnapStart for Python, Fargate on arm64, FIFO topics, HTTP APIs.
REGIONS = (
    "us-east-1",
    "us-east-2",
    "us-west-2",
    "ca-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-central-1",
    "eu-north-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "sa-east-1",
)
_STAGES = ("local", "dev", "prod")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_CERTIFICATE = re.compile(r"arn:aws:acm:([a-z0-9-]+):\d{12}:certificate/[0-9a-f-]{36}")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}")


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The VPC of a stage, and how what is in it reaches the world."""

    cidr: str
    zones: int = 2
    egress: Egress = "nat-instance"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts of the queue consumers in seconds. A queue hides a message for six times as long."""

    evaluator: int = 15
    executor: int = 30
    settler: int = 15
    notifier: int = 60
    assistant: int = 120
    backtester: int = 120


@dataclass(frozen=True, slots=True)
class StageConfig:
    """One stage."""

    name: str
    region: str
    account: str | None
    production: bool
    network: NetworkConfig | None
    symbols: tuple[str, ...] = SYMBOLS
    timeouts: Timeouts = Timeouts()
    simulated_market: bool = False
    log_retention_days: int = 30
    database: DatabaseKind = "instance"
    alarm_email: str | None = None
    monthly_budget: int | None = None
    edge: bool = False
    domain: str | None = None
    certificate_arn: str | None = None
    # Whether the engine that it is deployed to has HTTP and WebSocket APIs.
    gateways: bool = True

    @property
    def prefix(self) -> str:
        """What names of resources begin with."""
        return f"stratforge-{self.name}"

    @property
    def connections_alarm(self) -> int:
        """Database connections that are too many: nine tenths of what the stage's instance takes."""
        return 750 if self.production else 370


def stage_config(node: Node) -> StageConfig:
    """The configuration of the stage named by `-c stage=…`.

    Raises:
        ConfigurationError: if the stage or one of its settings is not usable.
    """
    name = node.try_get_context("stage") or os.environ.get("STAGE") or "dev"
    if name not in _STAGES:
        raise ConfigurationError(f"unknown stage {name!r}; give one of {', '.join(_STAGES)} with -c stage=…")
    if name == "local":
        short = Timeouts(evaluator=5, executor=5, settler=5, notifier=5, assistant=60, backtester=60)
        return StageConfig(
            "local",
            "us-east-1",
            "000000000000",
            False,
            None,
            timeouts=short,
            # Said by what starts the platform: the page labels the market as simulated only when it is.
            simulated_market=node.try_get_context("simulated") is not False,
            gateways=node.try_get_context("gateways") is not False,
        )
    region = node.try_get_context("region") or os.environ.get("CDK_DEFAULT_REGION") or "us-east-1"
    if region not in REGIONS:
        raise ConfigurationError(
            f"{region!r} is not a supported region; give one of {', '.join(REGIONS)} with -c region=…"
        )
    account = node.try_get_context("account") or os.environ.get("CDK_DEFAULT_ACCOUNT")
    if account is not None and not re.fullmatch(r"\d{12}", str(account)):
        raise ConfigurationError(f"{account!r} is not an account; give its twelve digits with -c account=…")
    production = name == "prod"
    edge = _switch(node, "edge")
    if edge and region != "us-east-1":
        raise ConfigurationError("edge: CloudFront's firewall lives in us-east-1; deploy there, or leave the edge out")
    domain, certificate = _name_and_certificate(node, region)
    return StageConfig(
        name,
        region,
        str(account) if account else None,
        production,
        NetworkConfig(
            _cidr(node),
            zones=3 if production else 2,
            egress=_choice(node, "egress", get_args(Egress), "nat-gateways" if production else "nat-instance"),
        ),
        symbols=_symbols(node),
        log_retention_days=90 if production else 14,
        database=_choice(node, "database", get_args(DatabaseKind), "instance"),
        alarm_email=_alarm_email(node, production),
        monthly_budget=_dollars(node),
        edge=edge,
        domain=domain,
        certificate_arn=certificate,
    )


def _cidr(node: Node) -> str:
    cidr = str(node.try_get_context("cidr") or _DEFAULT_CIDR)
    try:
        network = ipaddress.ip_network(cidr)
    except ValueError:
        raise ConfigurationError(f"{cidr!r} is not a network; give one such as 10.40.0.0/16 with -c cidr=…") from None
    if not network.is_private or not 16 <= network.prefixlen <= 20:
        raise ConfigurationError(f"{cidr} must be a private network of /16 to /20; give one such as 10.40.0.0/16")
    return cidr


def _choice(node: Node, name: str, known: tuple[str, ...], default: str) -> Any:
    found = node.try_get_context(name) or default
    if found not in known:
        raise ConfigurationError(f"{name}: {found!r} is none of {', '.join(known)}")
    return found


def _switch(node: Node, name: str) -> bool:
    found = node.try_get_context(name)
    if found in (None, False, "false"):
        return False
    if found in (True, "true"):
        return True
    raise ConfigurationError(f"{name}: give true or false, not {found!r}")


def _alarm_email(node: Node, production: bool) -> str | None:
    email = node.try_get_context("alarm_email") or os.environ.get("ALARM_EMAIL")
    if email is None:
        if production:
            raise ConfigurationError("prod wakes somebody when it breaks; give an address with -c alarm_email=…")
        return None
    if not _EMAIL.fullmatch(str(email)):
        raise ConfigurationError(f"alarm_email: {email!r} is not an address")
    return str(email)


def _dollars(node: Node) -> int | None:
    budget = node.try_get_context("budget")
    if budget is None:
        return None
    if not str(budget).isdecimal() or not 0 < int(budget) <= 1_000_000:
        raise ConfigurationError(f"budget: {budget!r} is not a number of dollars a month")
    return int(budget)


def _symbols(node: Node) -> tuple[str, ...]:
    from stratforge.market import InvalidSymbol, parse_symbol

    text = node.try_get_context("symbols")
    if text is None:
        return SYMBOLS
    try:
        return tuple(parse_symbol(each) for each in str(text).split(","))
    except InvalidSymbol as error:
        raise ConfigurationError(f"symbols: {error}") from None


def _name_and_certificate(node: Node, region: str) -> tuple[str | None, str | None]:
    domain, certificate = node.try_get_context("domain"), node.try_get_context("certificate")
    if domain is None and certificate is None:
        return None, None
    if not domain or not certificate:
        raise ConfigurationError("a domain needs a certificate, and a certificate a domain; give both or neither")
    if not _DOMAIN.fullmatch(str(domain)):
        raise ConfigurationError(f"domain: {domain!r} is not a name such as trade.example.com")
    matched = _CERTIFICATE.fullmatch(str(certificate))
    if not matched or matched[1] != region:
        raise ConfigurationError(f"certificate: give the ARN of one in {region}, not {certificate!r}")
    return str(domain), str(certificate)
