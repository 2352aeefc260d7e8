"""What differs between stages. A wrong configuration stops at synthesis with one line."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass

from constructs import Node


class ConfigurationError(ValueError):
    """A setting of the deployment is missing or wrong."""


_DEFAULT_CIDR = "10.40.0.0/16"


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """The VPC of a stage."""

    cidr: str
    zones: int = 2
    nat_gateways: int = 1


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
    symbols: tuple[str, ...] = ("AAPL", "MSFT", "GOOG", "IBM", "META")
    timeouts: Timeouts = Timeouts()
    simulated_market: bool = False
    log_retention_days: int = 30

    @property
    def prefix(self) -> str:
        """What names of resources begin with."""
        return f"stratforge-{self.name}"


_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_STAGES = ("local", "dev", "prod")


def stage_config(node: Node) -> StageConfig:
    """The configuration of the stage named by `-c stage=…`.

    Raises:
        ConfigurationError: if the stage or one of its settings is not usable.
    """
    name = node.try_get_context("stage") or os.environ.get("STAGE") or "dev"
    if name not in _STAGES:
        raise ConfigurationError(f"unknown stage {name!r}; give one of {', '.join(_STAGES)} with -c stage=…")
    region = node.try_get_context("region") or os.environ.get("CDK_DEFAULT_REGION") or "us-east-1"
    if not _REGION.fullmatch(region):
        raise ConfigurationError(f"{region!r} is not a region; give one such as us-east-1 with -c region=…")
    account = node.try_get_context("account") or os.environ.get("CDK_DEFAULT_ACCOUNT")
    if account is not None and not re.fullmatch(r"\d{12}", account):
        raise ConfigurationError(f"{account!r} is not an account; give its twelve digits with -c account=…")
    if name == "local":
        short = Timeouts(evaluator=5, executor=5, settler=5, notifier=5, assistant=60, backtester=60)
        # Said by what starts the platform: the page labels the market as simulated only when it is.
        simulated = node.try_get_context("simulated") is not False
        return StageConfig(
            "local", "us-east-1", "000000000000", False, None, timeouts=short, simulated_market=simulated
        )
    cidr = node.try_get_context("cidr") or _DEFAULT_CIDR
    try:
        network = ipaddress.ip_network(cidr)
    except ValueError:
        raise ConfigurationError(f"{cidr!r} is not a network; give one such as 10.40.0.0/16 with -c cidr=…") from None
    if not network.is_private or not 16 <= network.prefixlen <= 24:
        raise ConfigurationError(f"{cidr} must be a private network of /16 to /24; give one such as 10.40.0.0/16")
    production = name == "prod"
    return StageConfig(
        name,
        region,
        account,
        production,
        NetworkConfig(cidr, zones=3 if production else 2, nat_gateways=2 if production else 1),
        log_retention_days=90 if production else 14,
    )
