"""The configuration of the stages. A wrong configuration stops at synthesis with one line."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args


class ConfigurationError(ValueError):
    """A setting of the deployment is missing or wrong."""


# How what is in the VPC reaches the world, from cheap to private: one small instance; a gateway in each of two zones; these, and the
# services of AWS through endpoints of the VPC's own (which pay from about 160 GB a month on for each endpoint and zone).
Egress = Literal["nat-instance", "nat-gateways", "nat-gateways-and-endpoints"]
DatabaseKind = Literal["instance", "aurora"]
# What carries bars: a FIFO topic per symbol into one queue, or one Kinesis stream keyed by symbol and shard.
BarBus = Literal["topics", "stream"]
# Classes of the database's instance, with the connections that each is set to take. A connection needs about 10 MB.
DATABASE_CLASSES = {
    "t4g.micro": 80,
    "t4g.small": 180,
    "t4g.medium": 400,
    "m7g.large": 800,
    "m7g.xlarge": 1_600,
    "r7g.2xlarge": 5_000,
}
_AURORA_CONNECTIONS = 400
# Sizes of the ingestor's task: units of processor, 1,024 of which are a core, with the MiB of memory that come with them. It is one process of Python, which works on one core.
INGESTOR_SIZES = {"256": 512, "512": 1_024, "1024": 2_048}
# The major version alone: minor ones are withdrawn, and a deployment that names one fails from then on.
POSTGRES_MAJOR = "16"
NAT_INSTANCE = "t4g.nano"
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


class Context(Protocol):
    """The source of settings: the root of a CDK app, or `Given`."""

    def try_get_context(self, key: str) -> Any:
        """The setting of a name; None where it is not given."""
        ...


@dataclass(frozen=True, slots=True)
class Given:
    """Settings that are there without an app."""

    settings: Mapping[str, object]

    def try_get_context(self, key: str) -> Any:
        """The setting of a name; None where none was given."""
        return self.settings.get(key)


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The VPC of a stage, and how what is in it reaches the world."""

    cidr: str
    zones: int = 2
    egress: Egress = "nat-instance"
    # Names of zones, where the account's first ones are not wanted.
    zone_names: tuple[str, ...] | None = None

    @property
    def prefix_length(self) -> int:
        """Length of the network's prefix, in bits."""
        return ipaddress.ip_network(self.cidr).prefixlen


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts of the queue consumers in seconds. A queue hides a message for six times as long."""

    evaluator: int = 15
    executor: int = 30
    settler: int = 15
    notifier: int = 15
    # It begins deliveries for 20 seconds; the last may take ten, names that are not found as long.
    deliverer: int = 45
    # A mail takes the service twenty seconds at most, tried twice.
    mailer: int = 60
    assistant: int = 120
    backtester: int = 120


@dataclass(frozen=True, slots=True)
class StageConfig:
    """The configuration of one stage, checked as a whole."""

    name: str
    region: str
    account: str | None
    production: bool
    network: NetworkConfig | None
    symbols: tuple[str, ...] = SYMBOLS
    bars: BarBus = "topics"
    timeouts: Timeouts = Timeouts()
    simulated_market: bool = False
    log_retention_days: int = 30
    database: DatabaseKind = "instance"
    database_class: str = "t4g.micro"
    # Units of processor that the ingestor's task has.
    ingestor_cpu: int = 256
    # What the account may run at a time; new accounts have 10 until they ask for more.
    account_concurrency: int = 10
    # Whether the mappings of the trading path have pollers of their own.
    provisioned_pollers: bool = False
    # Whether new versions take a tenth of the work for five minutes before they take all of it.
    canary: bool = False
    # Whether a dashboard is made; CloudWatch's automatic ones are free.
    dashboard: bool = True
    # Who the first operator is; made by the deployment.
    operator_email: str | None = None
    alarm_email: str | None = None
    # Whom the platform's mails to its users come from; without one it sends none.
    mail_from: str | None = None
    monthly_budget: int | None = None
    edge: bool = False
    domain: str | None = None
    certificate_arn: str | None = None
    # Whether the engine that it is deployed to has HTTP and WebSocket APIs.
    gateways: bool = True

    @property
    def prefix(self) -> str:
        """Prefix of the names of the stage's resources."""
        return f"stratforge-{self.name}"

    @property
    def metrics(self) -> str:
        """Namespace of the stage's own metrics: another stage of the account must not be heard in its place."""
        return f"StratForge/{self.name}"

    @property
    def ingestor_memory(self) -> int:
        """MiB of memory that the ingestor's task has."""
        return INGESTOR_SIZES[str(self.ingestor_cpu)]

    @property
    def connections(self) -> int:
        """Number of connections that the database takes."""
        return _AURORA_CONNECTIONS if self.database == "aurora" else DATABASE_CLASSES[self.database_class]

    @property
    def connections_alarm(self) -> int:
        """Database connections that are too many: nine tenths of what it takes."""
        return self.connections * 9 // 10


def stage_config(node: Context) -> StageConfig:
    """The configuration of the stage named by `-c stage=…`.

    Raises:
        ConfigurationError: if the stage or one of its settings is not usable.
    """
    name = node.try_get_context("stage") or os.environ.get("STAGE") or "dev"
    if name not in _STAGES:
        raise ConfigurationError(f"unknown stage {name!r}; give one of {', '.join(_STAGES)} with -c stage=…")
    if name == "local":
        short = Timeouts(evaluator=5, executor=5, settler=5, notifier=5, deliverer=45, assistant=60, backtester=60)
        return StageConfig(
            "local",
            "us-east-1",
            "000000000000",
            False,
            None,
            timeouts=short,
            bars=_choice(node, "bars", get_args(BarBus), "topics"),
            # An engine without gateways has no identities for mails either.
            mail_from="stratforge@example.com" if node.try_get_context("gateways") is not False else None,
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
    zones = 3 if production else 2
    return StageConfig(
        name,
        region,
        str(account) if account else None,
        production,
        NetworkConfig(
            _cidr(node),
            zones=zones,
            egress=_choice(node, "egress", get_args(Egress), "nat-gateways" if production else "nat-instance"),
            zone_names=_zones(node, region, zones),
        ),
        symbols=_symbols(node),
        bars=_choice(node, "bars", get_args(BarBus), "topics"),
        log_retention_days=90 if production else 14,
        database=_choice(node, "database", get_args(DatabaseKind), "instance"),
        database_class=_choice(
            node, "database_class", tuple(DATABASE_CLASSES), "t4g.medium" if production else "t4g.micro"
        ),
        ingestor_cpu=int(_choice(node, "ingestor_cpu", tuple(INGESTOR_SIZES), "512" if production else "256")),
        account_concurrency=_whole(node, "concurrency", 1_000 if production else 10),
        provisioned_pollers=_switch(node, "provisioned_pollers"),
        canary=_switch(node, "canary", default=production),
        dashboard=_switch(node, "dashboard", default=production),
        operator_email=_email(node, "operator_email"),
        alarm_email=_alarm_email(node, production),
        mail_from=_email(node, "mail_from"),
        monthly_budget=_dollars(node),
        edge=edge,
        domain=domain,
        certificate_arn=certificate,
    )


def _cidr(node: Context) -> str:
    cidr = str(node.try_get_context("cidr") or _DEFAULT_CIDR)
    try:
        network = ipaddress.ip_network(cidr)
    except ValueError:
        raise ConfigurationError(f"{cidr!r} is not a network; give one such as 10.40.0.0/16 with -c cidr=…") from None
    if not network.is_private or not 16 <= network.prefixlen <= 20:
        raise ConfigurationError(f"{cidr} must be a private network of /16 to /20; give one such as 10.40.0.0/16")
    return cidr


def _choice(node: Context, name: str, known: tuple[str, ...], default: str) -> Any:
    found = str(node.try_get_context(name) or default)
    if found not in known:
        raise ConfigurationError(f"{name}: {found!r} is none of {', '.join(known)}")
    return found


def _whole(node: Context, name: str, default: int) -> int:
    found = node.try_get_context(name)
    if found is None:
        return default
    if not str(found).isdecimal() or not 0 < int(found) <= 1_000_000:
        raise ConfigurationError(f"{name}: {found!r} is not a whole number from 1 on")
    return int(found)


def _zones(node: Context, region: str, count: int) -> tuple[str, ...] | None:
    """Zones by name; without names CloudFormation takes the account's first ones, whatever they are called."""
    text = node.try_get_context("zones")
    if text is None:
        return None
    names = tuple(str(text).split(","))
    if len(set(names)) != count or not all(re.fullmatch(re.escape(region) + r"[a-z]", name) for name in names):
        raise ConfigurationError(f"zones: give {count} different ones of {region}, such as {region}a, not {text!r}")
    return names


def _switch(node: Context, name: str, *, default: bool = False) -> bool:
    found = node.try_get_context(name)
    if found is None:
        return default
    if found in (False, "false"):
        return False
    if found in (True, "true"):
        return True
    raise ConfigurationError(f"{name}: give true or false, not {found!r}")


def _email(node: Context, name: str) -> str | None:
    email = node.try_get_context(name) or os.environ.get(name.upper())
    if email is not None and not _EMAIL.fullmatch(str(email)):
        raise ConfigurationError(f"{name}: {email!r} is not an address")
    return str(email) if email is not None else None


def _alarm_email(node: Context, production: bool) -> str | None:
    email = _email(node, "alarm_email")
    if email is None and production:
        raise ConfigurationError("prod wakes somebody when it breaks; give an address with -c alarm_email=…")
    return email


def _dollars(node: Context) -> int | None:
    budget = node.try_get_context("budget")
    if budget is None:
        return None
    if not str(budget).isdecimal() or not 0 < int(budget) <= 1_000_000:
        raise ConfigurationError(f"budget: {budget!r} is not a number of dollars a month")
    return int(budget)


def _symbols(node: Context) -> tuple[str, ...]:
    from stratforge.market import InvalidSymbol, parse_symbol

    text = node.try_get_context("symbols")
    if text is None:
        return SYMBOLS
    try:
        return tuple(parse_symbol(each) for each in str(text).split(","))
    except InvalidSymbol as error:
        raise ConfigurationError(f"symbols: {error}") from None


def _name_and_certificate(node: Context, region: str) -> tuple[str | None, str | None]:
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
