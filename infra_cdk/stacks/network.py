"""The VPC."""

from __future__ import annotations

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra_cdk.configuration import NetworkConfig, StageConfig

# Services of AWS that functions and the ingestor ask all the time: with endpoints they do not pass the NAT.
_ENDPOINTS = {
    "SecretsManager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
    "Sqs": ec2.InterfaceVpcEndpointAwsService.SQS,
    "Sns": ec2.InterfaceVpcEndpointAwsService.SNS,
    "Lambda": ec2.InterfaceVpcEndpointAwsService.LAMBDA_,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
}


class NetworkStack(Stack):
    """Public subnets for egress, private ones for functions and the ingestor, isolated ones for the database.

    Egress is either one small NAT instance, which costs a few dollars and is a single point of failure, or NAT gateways with endpoints for the services that
    are asked most.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: StageConfig, network: NetworkConfig) -> None:
        super().__init__(scope, construct_id)
        zones = [f"{config.region}{letter}" for letter in "abc"[: network.zones]]
        cheap = network.egress == "nat-instance"
        instance = ec2.NatProvider.instance_v2(
            instance_type=ec2.InstanceType.of(ec2.InstanceClass.T4G, ec2.InstanceSize.NANO),
            machine_image=ec2.MachineImage.latest_amazon_linux2023(cpu_type=ec2.AmazonLinuxCpuType.ARM_64),
            default_allowed_traffic=ec2.NatTrafficDirection.OUTBOUND_ONLY,
        )
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(network.cidr),
            # Named, so that synthesis asks nobody.
            availability_zones=zones,
            nat_gateways=1 if cheap else 2,
            nat_gateway_provider=instance if cheap else None,
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24, map_public_ip_on_launch=cheap
                ),
                ec2.SubnetConfiguration(name="private", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=22),
                ec2.SubnetConfiguration(name="database", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24),
            ],
        )
        if cheap:
            instance.security_group.add_ingress_rule(
                ec2.Peer.ipv4(network.cidr), ec2.Port.all_traffic(), "What leaves the private subnets"
            )
        self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        self.vpc.add_flow_log(
            "Flows",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(
                logs.LogGroup(
                    self,
                    "FlowLog",
                    log_group_name=f"/stratforge/{config.name}/flows",
                    retention=logs.RetentionDays.TWO_WEEKS,
                    removal_policy=RemovalPolicy.DESTROY,
                )
            ),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
        self.functions = ec2.SecurityGroup(self, "Functions", vpc=self.vpc, description="Functions and the ingestor")
        if not cheap:
            endpoints = ec2.SecurityGroup(
                self, "Endpoints", vpc=self.vpc, description="Endpoints of AWS", allow_all_outbound=False
            )
            endpoints.add_ingress_rule(self.functions, ec2.Port.tcp(443), "What functions and the ingestor ask")
            for name, service in _ENDPOINTS.items():
                self.vpc.add_interface_endpoint(name, service=service, open=False, security_groups=[endpoints])
        self.database = ec2.SecurityGroup(
            self, "Database", vpc=self.vpc, description="The database", allow_all_outbound=False
        )
        self.database.add_ingress_rule(self.functions, ec2.Port.tcp(5432), "PostgreSQL from functions and the ingestor")
