"""The VPC of what works, and the one of the sandbox, which leads nowhere."""

from __future__ import annotations

from aws_cdk import Duration, Fn, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra_cdk.configuration import NAT_INSTANCE, NetworkConfig, StageConfig

# Services of AWS that functions and the ingestor ask all the time: with endpoints they do not pass the NAT.
_ENDPOINTS = {
    "SecretsManager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
    "Sqs": ec2.InterfaceVpcEndpointAwsService.SQS,
    "Sns": ec2.InterfaceVpcEndpointAwsService.SNS,
    "Lambda": ec2.InterfaceVpcEndpointAwsService.LAMBDA_,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
}

# Flow records of traffic, by their fields; those of minutes without any say NODATA.
_TRAFFIC = (
    "[version, account, eni, source, destination, from_port, to_port, protocol, packets, bytes, start, end, action, "
    'status="OK"]'
)


class NetworkStack(Stack):
    """Public subnets for egress, private ones for functions and the ingestor, isolated ones for the database.

    Egress is either one small NAT instance, which costs a few dollars and is a single point of failure, or NAT gateways in two zones, with or without
    endpoints for the services that are asked most.
    """

    def __init__(self, scope: Construct, construct_id: str, *, config: StageConfig, network: NetworkConfig) -> None:
        super().__init__(scope, construct_id)
        self._network = network
        cheap = network.egress == "nat-instance"
        bits = network.prefix_length
        instance = ec2.NatProvider.instance_v2(
            instance_type=ec2.InstanceType(NAT_INSTANCE),
            machine_image=ec2.MachineImage.latest_amazon_linux2023(cpu_type=ec2.AmazonLinuxCpuType.ARM_64),
            default_allowed_traffic=ec2.NatTrafficDirection.OUTBOUND_ONLY,
        )
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(network.cidr),
            availability_zones=self.availability_zones,
            nat_gateways=1 if cheap else 2,
            nat_gateway_provider=instance if cheap else None,
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=bits + 6, map_public_ip_on_launch=cheap
                ),
                ec2.SubnetConfiguration(
                    name="private", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=bits + 4
                ),
                ec2.SubnetConfiguration(
                    name="database", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=bits + 6
                ),
            ],
        )
        if cheap:
            instance.security_group.add_ingress_rule(
                ec2.Peer.ipv4(network.cidr), ec2.Port.all_traffic(), "What leaves the private subnets"
            )
        self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        self._log_flows(self.vpc, f"/stratforge/{config.name}/flows", "Flow", ec2.FlowLogTrafficType.REJECT)
        self.functions = ec2.SecurityGroup(self, "Functions", vpc=self.vpc, description="Functions and the ingestor")
        if network.egress == "nat-gateways-and-endpoints":
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
        self.sandbox_vpc, self.sandbox = self._nowhere(config)

    @property
    def availability_zones(self) -> list[str]:
        """The account's first zones: which letters a region has differs between accounts, and a synthesis asks nobody."""
        if self._network.zone_names is not None:
            return list(self._network.zone_names)
        return [Fn.select(index, Fn.get_azs()) for index in range(self._network.zones)]

    def _nowhere(self, config: StageConfig) -> tuple[ec2.Vpc, ec2.SecurityGroup]:
        """A VPC without gateways, endpoints, names or neighbors, and a security group that lets nothing out of it.

        A function without a VPC has the internet; in one like this a process that got out of the language finds nobody to talk to, not even a resolver of names.
        """
        vpc = ec2.Vpc(
            self,
            "SandboxVpc",
            ip_addresses=ec2.IpAddresses.cidr("192.168.0.0/24"),
            availability_zones=self.availability_zones[:2],
            nat_gateways=0,
            enable_dns_support=False,
            enable_dns_hostnames=False,
            create_internet_gateway=False,
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="nowhere", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=26)
            ],
        )
        # Whatever is in it is something that somebody tried.
        group = self._log_flows(
            vpc, f"/stratforge/{config.name}/sandbox-flows", "SandboxFlow", ec2.FlowLogTrafficType.ALL
        )
        attempts = logs.MetricFilter(
            self,
            "SandboxAttempts",
            log_group=group,
            filter_pattern=logs.FilterPattern.literal(_TRAFFIC),
            metric_namespace="StratForge/Network",
            metric_name=f"{config.prefix}-sandbox-flows",
        )
        self.sandbox_flows = attempts.metric(statistic="Sum", period=Duration.minutes(5))
        # CDK writes a rule that fits no traffic in the place of "everything", which is what a group without rules would allow.
        return vpc, ec2.SecurityGroup(
            self, "Sandbox", vpc=vpc, description="The sandbox: nothing in, nothing out", allow_all_outbound=False
        )

    def _log_flows(self, vpc: ec2.Vpc, name: str, prefix: str, traffic: ec2.FlowLogTrafficType) -> logs.LogGroup:
        group = logs.LogGroup(
            self,
            f"{prefix}Log",
            log_group_name=name,
            retention=logs.RetentionDays.TWO_WEEKS,
            removal_policy=RemovalPolicy.DESTROY,
        )
        vpc.add_flow_log(
            f"{prefix}s", destination=ec2.FlowLogDestination.to_cloud_watch_logs(group), traffic_type=traffic
        )
        return group
