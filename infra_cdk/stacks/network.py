"""The VPC."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra_cdk.configuration import NetworkConfig, StageConfig


class NetworkStack(Stack):
    """Public subnets for egress, private ones for functions and the ingestor, isolated ones for the database."""

    def __init__(self, scope: Construct, construct_id: str, *, config: StageConfig, network: NetworkConfig) -> None:
        super().__init__(scope, construct_id)
        zones = [f"{config.region}{letter}" for letter in "abc"[: network.zones]]
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(network.cidr),
            # Named, so that synthesis asks nobody.
            availability_zones=zones,
            nat_gateways=network.nat_gateways,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24),
                ec2.SubnetConfiguration(name="private", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=22),
                ec2.SubnetConfiguration(name="database", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24),
            ],
        )
        self.functions = ec2.SecurityGroup(self, "Functions", vpc=self.vpc, description="Functions and the ingestor")
        self.database = ec2.SecurityGroup(
            self, "Database", vpc=self.vpc, description="The database", allow_all_outbound=False
        )
        self.database.add_ingress_rule(self.functions, ec2.Port.tcp(5432), "PostgreSQL from functions and the ingestor")
