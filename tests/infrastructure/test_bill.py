"""The bill is of what the templates make: every type has its lines, and counts and sizes are theirs."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from infra_cdk.capacity.cost import OWN_METRICS, Item, bill
from infra_cdk.capacity.footprint import BILLED, FREE, Footprint, UnpricedResource
from infra_cdk.capacity.measured import Load, Measured
from infra_cdk.capacity.prices import HOURS
from tests.support.assemblies import assembly_of, every, resources_of
from tests.support.metrics import written_metrics

MEASURED = Measured.read()
BUSY = Load(100, 50)


@pytest.fixture(scope="session")
def plain_development() -> Path:
    """Development as it is deployed when nothing is chosen."""
    return assembly_of("dev", budget=None, mail_from=None)


@pytest.fixture(scope="session")
def plain_production() -> Path:
    """Production as it is deployed when nothing is chosen."""
    return assembly_of("prod", budget=None, mail_from=None)


@pytest.fixture(params=["production with everything", "development with Aurora", "development", "a stream of bars"])
def assembly_with_a_bill(
    request: pytest.FixtureRequest,
    production_assembly: Path,
    development_assembly: Path,
    plain_development: Path,
    streaming_assembly: Path,
) -> Path:
    """Stages that differ in what they are made of."""
    return {
        "production with everything": production_assembly,
        "development with Aurora": development_assembly,
        "development": plain_development,
        "a stream of bars": streaming_assembly,
    }[str(request.param)]


def dollars(items: list[Item]) -> float:
    """The sum."""
    return sum(each.dollars for each in items)


def test_every_type_that_costs_has_a_line_and_no_line_is_for_what_is_not_there(assembly_with_a_bill: Path) -> None:
    footprint = Footprint.read(assembly_with_a_bill)
    there = {each for each, count in footprint.counts.items() if count} & BILLED
    billed = {kind for item in bill(BUSY, MEASURED, footprint) for kind in item.types}
    assert there - billed == set()
    assert len(there) >= 13


def test_a_type_is_billed_or_free_and_not_both() -> None:
    assert BILLED & set(FREE) == set()
    assert all(FREE.values())


def test_a_type_that_nobody_thought_of_stops_the_bill(tmp_path: Path) -> None:
    stage = tmp_path / "assembly-Stage"
    stage.mkdir()
    template = {"Resources": {"Cache": {"Type": "AWS::ElastiCache::CacheCluster"}}}
    (stage / "cache.template.json").write_text(json.dumps(template))
    with pytest.raises(UnpricedResource, match="AWS::ElastiCache::CacheCluster"):
        Footprint.read(tmp_path)


def test_functions_are_billed_with_the_memory_that_they_have(assembly_with_a_bill: Path) -> None:
    stacks = resources_of(assembly_with_a_bill)
    footprint = Footprint.read(assembly_with_a_bill)
    deployed = {
        str(each["FunctionName"]).split("-", 2)[2]: each["MemorySize"]
        for _, each in every(stacks, "AWS::Lambda::Function")
        if "FunctionName" in each
    }
    assert {name: size.memory for name, size in footprint.functions.items()} == deployed
    billed = {
        match[1]: int(match[2])
        for each in bill(BUSY, MEASURED, footprint)
        if (match := re.fullmatch(r"([\w-]+), (\d+) MB", each.what))
    }
    # What works only while deploying, or when an operator asks, costs nothing that can be seen.
    assert set(deployed) - set(billed) <= {"cleaner", "examiner", "migrator", "operators", "redriver", "rotator"}
    assert billed.items() <= deployed.items()


def test_what_stands_there_is_counted_from_the_templates(production_assembly: Path) -> None:
    stacks = resources_of(production_assembly)
    lines = {each.what: each.quantity for each in bill(BUSY, MEASURED, Footprint.read(production_assembly))}
    counts = Counter(resource["Type"] for resources in stacks.values() for resource in resources.values())
    # An alarm on an expression is paid for each metric that it hears.
    heard = [each.get("Metrics", [{}, {}]) for _, each in every(stacks, "AWS::CloudWatch::Alarm")]
    assert lines["alarms"] == sum(len(each) - 1 for each in heard) > counts["AWS::CloudWatch::Alarm"]
    assert lines["secrets"] == counts["AWS::SecretsManager::Secret"]
    zones = sum(
        len(each["SubnetIds"])
        for _, each in every(stacks, "AWS::EC2::VPCEndpoint")
        if each["VpcEndpointType"] == "Interface"
    )
    assert lines.get("interface endpoints", 0) == zones * HOURS
    assert lines["public addresses"] >= counts["AWS::EC2::EIP"] * HOURS
    (database,) = [each for _, each in every(stacks, "AWS::RDS::DBInstance")]
    assert lines["storage in 2 zones after 12 months"] >= 2 * int(database["AllocatedStorage"])


def test_the_metrics_that_code_writes_are_those_that_are_billed() -> None:
    assert Counter(function for function, _ in written_metrics()) == OWN_METRICS


def test_a_hundred_users_on_fifty_symbols_cost_less_than_260_dollars(plain_production: Path) -> None:
    footprint = Footprint.read(plain_production)
    assert footprint.database.copies == 2, "one zone is no way to save"
    assert dollars(bill(BUSY, MEASURED, footprint)) < 260


def test_idle_development_costs_less_than_40_dollars(plain_development: Path) -> None:
    assert dollars(bill(Load(0, 0), MEASURED, Footprint.read(plain_development))) < 40


def test_development_costs_less_than_production(plain_development: Path, plain_production: Path) -> None:
    development, production = (
        dollars(bill(Load(10, 10), MEASURED, Footprint.read(each))) for each in (plain_development, plain_production)
    )
    assert development < 0.7 * production
