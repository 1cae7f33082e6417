"""What an organisation can buy: regions and priced offers, each with the product attributes AWS would print.

Prices are AWS-like, not AWS's: they only have to have the right size. No accounts, no usage, no clock here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

MONEY_UNITS = 10**10
"""Money and rates are integers of 1E-10 of the currency: the ten decimals that AWS prints."""

QUANTITY_UNITS = 10**6
"""Usage quantities are integers of 1E-6 of the pricing unit."""


def money(amount: str | Decimal) -> int:
    """An amount in units of 1E-10."""
    return int((Decimal(amount) * MONEY_UNITS).to_integral_value(ROUND_HALF_UP))


@dataclass(frozen=True)
class Region:
    """A region: its code, the name in product/location, the prefix of its usage types, and how prices differ."""

    code: str
    location: str
    prefix: str
    price_percent: int
    utc_offset: int


REGIONS: Mapping[str, Region] = {
    region.code: region
    for region in (
        Region("us-east-1", "US East (N. Virginia)", "", 100, -5),
        Region("eu-central-1", "EU (Frankfurt)", "EUC1-", 115, 1),
        Region("eu-west-1", "EU (Ireland)", "EU-", 108, 0),
        Region("ap-northeast-1", "Asia Pacific (Tokyo)", "APN1-", 124, 9),
        Region("ap-south-1", "Asia Pacific (Mumbai)", "APS3-", 105, 5),
        Region("global", "Any", "", 100, 0),
    )
}


@dataclass(frozen=True)
class Offer:
    """One thing with a price: a service's usage type and operation.

    `price` is US dollars per `unit` in us-east-1. `product` holds product/ columns beside those every offer has.
    `normalization` is AWS's size factor for instances, in halves. `seller` is set for marketplace offers.
    """

    key: str
    code: str
    name: str
    usage_type: str
    operation: str
    unit: str
    price: str
    family: str
    what: str
    product: Mapping[str, str] = field(default_factory=dict)
    service_code: str = ""
    resource: str = ""  # format of resource ids; {id} is a hash
    zonal: bool = False
    normalization_halves: int = 0
    instance_type: str = ""
    compute: bool = False  # eligible for Compute Savings Plans
    spot: bool = False
    seller: str = ""
    lag_hours: int = 0  # how long after the fact the report shows it
    rerated: bool = False  # printed at an estimated rate first, corrected after three days

    def rate(self, region: Region) -> int:
        """Price per unit in the region, in units of 1E-10."""
        return (money(self.price) * region.price_percent + 50) // 100


_EC2 = ("AmazonEC2", "Amazon Elastic Compute Cloud")
_S3 = ("AmazonS3", "Amazon Simple Storage Service")
_RDS = ("AmazonRDS", "Amazon Relational Database Service")
_LAMBDA = ("AWSLambda", "AWS Lambda")
_DYNAMO = ("AmazonDynamoDB", "Amazon DynamoDB")
_WATCH = ("AmazonCloudWatch", "AmazonCloudWatch")
_ELB = ("AWSELB", "Elastic Load Balancing")
_FRONT = ("AmazonCloudFront", "Amazon CloudFront")
_ECS = ("AmazonECS", "Amazon Elastic Container Service")

_INSTANCES = (  # type, family, vcpu, memory, price, size factor in halves, processor
    ("t3.medium", "General purpose", "2", "4 GiB", "0.0416", 4, "Intel Skylake E5 2686 v5"),
    ("m5.large", "General purpose", "2", "8 GiB", "0.096", 8, "Intel Xeon Platinum 8175 (Skylake)"),
    ("m5.2xlarge", "General purpose", "8", "32 GiB", "0.384", 32, "Intel Xeon Platinum 8175 (Skylake)"),
    ("m6g.large", "General purpose", "2", "8 GiB", "0.077", 8, "AWS Graviton2 Processor"),
    ("c5.xlarge", "Compute optimized", "4", "8 GiB", "0.17", 16, "Intel Xeon Platinum 8124M"),
    ("r5.xlarge", "Memory optimized", "4", "32 GiB", "0.252", 16, "Intel Xeon Platinum 8175 (Skylake)"),
    ("g4dn.xlarge", "GPU instance", "4", "16 GiB", "0.526", 16, "Intel Xeon Platinum 8259 (Cascade Lake)"),
)


def _instance(kind: str, family: str, vcpu: str, memory: str, price: str, halves: int, cpu: str) -> list[Offer]:
    product = {
        "instanceType": kind,
        "instanceTypeFamily": kind.split(".")[0],
        "instanceFamily": family,
        "vcpu": vcpu,
        "memory": memory,
        "physicalProcessor": cpu,
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "licenseModel": "No License required",
        "preInstalledSw": "NA",
        "processorArchitecture": "64-bit",
        "currentGeneration": "Yes",
        "capacitystatus": "Used",
        "marketoption": "OnDemand",
        "networkPerformance": "Up to 10 Gigabit",
        "storage": "EBS only",
        "normalizationSizeFactor": str(halves / 2).removesuffix(".0"),
        "enhancedNetworkingSupported": "Yes",
        "intelTurboAvailable": "No" if "Graviton" in cpu else "Yes",
        "vpcnetworkingsupport": "true",
        "processorFeatures": "" if "Graviton" in cpu else "Intel AVX, Intel AVX2, Intel AVX512, Intel Turbo",
        "gpu": "1" if kind.startswith("g4") else "",
    }
    spot_price = str((Decimal(price) * Decimal("0.34")).quantize(Decimal("0.0001")))
    return [
        Offer(
            f"ec2.{kind}",
            *_EC2,
            f"BoxUsage:{kind}",
            "RunInstances",
            "Hrs",
            price,
            "Compute Instance",
            f"per On Demand Linux {kind} Instance Hour",
            product,
            resource="i-{id:.17}",
            zonal=True,
            normalization_halves=halves,
            instance_type=kind,
            compute=True,
        ),
        Offer(
            f"spot.{kind}",
            *_EC2,
            f"SpotUsage:{kind}",
            "RunInstances:SV001",
            "Hrs",
            spot_price,
            "Compute Instance",
            f"{kind} Linux/UNIX Spot Instance-hour in {{region}} in VPC Zone #1",
            product | {"marketoption": "Spot"},
            resource="i-{id:.17}",
            zonal=True,
            normalization_halves=halves,
            instance_type=kind,
            spot=True,
        ),
    ]


def _database(kind: str, engine: str, code: str, price: str, halves: int) -> Offer:
    return Offer(
        f"rds.{kind}",
        *_RDS,
        f"InstanceUsage:{kind}",
        f"CreateDBInstance:{int(code):04d}",
        "Hrs",
        price,
        "Database Instance",
        f"per {kind} Single-AZ instance hour (or partial hour) running {engine}",
        {
            "instanceType": kind,
            "instanceTypeFamily": kind.split(".")[1],
            "databaseEngine": engine,
            "engineCode": code,
            "deploymentOption": "Single-AZ",
            "licenseModel": "No license required",
            "instanceFamily": "General purpose",
            "normalizationSizeFactor": str(halves / 2).removesuffix(".0"),
            "storage": "EBS Only",
        },
        resource="arn:aws:rds:{region}:{account}:db:{id:.10}",
        normalization_halves=halves,
        instance_type=kind,
    )


def _transfer(key: str, usage_type: str, price: str, what: str, kind: str, source: str, target: str) -> Offer:
    return Offer(
        key,
        *_EC2,
        usage_type,
        "RunInstances",
        "GB",
        price,
        "Data Transfer",
        what,
        {
            "transferType": kind,
            "fromLocation": source,
            "fromLocationType": "AWS Region" if source != "External" else "Other",
            "toLocation": target,
            "toLocationType": "AWS Region" if target != "External" else "Other",
        },
        service_code="AWSDataTransfer",
        resource="i-{id:.17}",
        lag_hours=30,
    )


def _metered(
    key: str,
    service: tuple[str, str],
    usage_type: str,
    operation: str,
    unit: str,
    price: str,
    family: str,
    what: str,
    **more: object,
) -> Offer:
    return Offer(key, *service, usage_type, operation, unit, price, family, what, **more)  # type: ignore[arg-type]


_OFFERS: tuple[Offer, ...] = (
    *(offer for instance in _INSTANCES for offer in _instance(*instance)),
    _database("db.m5.large", "PostgreSQL", "14", "0.178", 8),
    _database("db.r5.xlarge", "MySQL", "2", "0.48", 16),
    _transfer("out", "DataTransfer-Out-Bytes", "0.09", "per GB - first 10 TB / month data transfer out beyond the "
              "global free tier", "AWS Outbound", "{location}", "External"),
    _transfer("in", "DataTransfer-In-Bytes", "0", "per GB - data transfer in per month", "AWS Inbound", "External",
              "{location}"),
    _transfer("zones", "DataTransfer-Regional-Bytes", "0.01", "per GB - regional data transfer - in/out/between EC2 "
              "AZs or using elastic IPs or ELB", "IntraRegion", "{location}", "{location}"),
    _transfer("regions", "USW2-AWS-In-Bytes", "0", "per GB - {location} data transfer from US West (Oregon)",
              "InterRegion Inbound", "US West (Oregon)", "{location}"),
    _metered("gp3", _EC2, "EBS:VolumeUsage.gp3", "CreateVolume-Gp3", "GB-Mo", "0.08", "Storage",
             "per GB-month of General Purpose (gp3) provisioned storage - {location}", resource="vol-{id:.17}",
             product={"volumeType": "General Purpose", "volumeApiName": "gp3", "storageMedia": "SSD-backed",
                      "maxVolumeSize": "16 TiB", "maxIopsvolume": "16000"}),
    _metered("snapshots", _EC2, "EBS:SnapshotUsage", "CreateSnapshot", "GB-Mo", "0.05", "Storage Snapshot",
             "per GB-Month of snapshot data stored - {location}", lag_hours=30,
             resource="arn:aws:ec2:{region}:{account}:snapshot/snap-{id:.17}"),
    _metered("nat.hours", _EC2, "NatGateway-Hours", "NatGateway", "Hrs", "0.045", "NAT Gateway",
             "per NAT Gateway Hour", resource="arn:aws:ec2:{region}:{account}:natgateway/nat-{id:.17}",
             product={"group": "NGW:NatGateway", "groupDescription": "Hourly charge for NAT Gateways"}),
    _metered("nat.bytes", _EC2, "NatGateway-Bytes", "NatGateway", "GB", "0.045", "NAT Gateway",
             "per GB Data Processed by NAT Gateways", lag_hours=30,
             resource="arn:aws:ec2:{region}:{account}:natgateway/nat-{id:.17}",
             product={"group": "NGW:NatGateway"}),
    _metered("ipv4", ("AmazonVPC", "Amazon Virtual Private Cloud"), "PublicIPv4:InUseAddress", "AllocateAddressVPC",
             "Hrs", "0.005", "VpcPublicIPv4", "per In-use public IPv4 address per hour", resource="eni-{id:.17}",
             product={"group": "VPCPublicIPv4Address"}),
    _metered("alb.hours", _ELB, "LoadBalancerUsage", "LoadBalancing:Application", "Hrs", "0.0225",
             "Load Balancer-Application", "per Application LoadBalancer-hour (or partial hour)",
             resource="arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/web/{id:.16}"),
    _metered("alb.lcu", _ELB, "LCUUsage", "LoadBalancing:Application", "LCU-Hrs", "0.008",
             "Load Balancer-Application", "per used Application load balancer capacity unit-hour (or partial hour)",
             resource="arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/web/{id:.16}"),
    _metered("s3.storage", _S3, "TimedStorage-ByteHrs", "StandardStorage", "GB-Mo", "0.023", "Storage",
             "per GB - first 50 TB / month of storage used", resource="{project}-{id:.8}", lag_hours=24,
             product={"storageClass": "General Purpose", "volumeType": "Standard", "durability": "99.999999999%",
                      "availability": "99.99%", "storageMedia": "AmazonS3"}),
    _metered("s3.tier1", _S3, "Requests-Tier1", "PutObject", "Requests", "0.000005", "API Request",
             "per 1,000 PUT, COPY, POST, or LIST requests", resource="{project}-{id:.8}",
             product={"group": "S3-API-Tier1", "groupDescription": "PUT/COPY/POST or LIST requests"}),
    _metered("s3.tier2", _S3, "Requests-Tier2", "GetObject", "Requests", "0.0000004", "API Request",
             "per 10,000 GET and all other requests", resource="{project}-{id:.8}",
             product={"group": "S3-API-Tier2", "groupDescription": "GET and all other requests"}),
    _metered("s3.out", _S3, "DataTransfer-Out-Bytes", "GetObject", "GB", "0", "Data Transfer",
             "per GB - data transfer out under the monthly global free tier", service_code="AWSDataTransfer",
             resource="{project}-{id:.8}", product={"transferType": "AWS Outbound", "fromLocation": "{location}",
                                                    "toLocation": "External"}),
    _metered("rds.storage", _RDS, "RDS:GP2-Storage", "CreateDBInstance", "GB-Mo", "0.115", "Database Storage",
             "per GB-month of provisioned GP2 storage", resource="arn:aws:rds:{region}:{account}:db:{id:.10}",
             product={"databaseEngine": "Any", "engineCode": "0", "volumeType": "General Purpose"}),
    _metered("rds.backup", _RDS, "RDS:ChargedBackupUsage", "CreateDBInstance", "GB-Mo", "0.095", "Storage Snapshot",
             "per additional GB-month of backup storage exceeding free allocation", lag_hours=30,
             resource="arn:aws:rds:{region}:{account}:db:{id:.10}"),
    _metered("lambda.time", _LAMBDA, "Lambda-GB-Second", "Invoke", "Second", "0.0000166667", "Serverless",
             "AWS Lambda - Total Compute - {location}", compute=True,
             resource="arn:aws:lambda:{region}:{account}:function:{project}-{id:.6}",
             product={"group": "AWS-Lambda-Duration", "groupDescription": "Invocation duration weighted by memory "
                      "assigned to function, measured in GB-s"}),
    _metered("lambda.calls", _LAMBDA, "Request", "Invoke", "Requests", "0.0000002", "Serverless",
             "AWS Lambda - Total Requests - {location}",
             resource="arn:aws:lambda:{region}:{account}:function:{project}-{id:.6}",
             product={"group": "AWS-Lambda-Requests"}),
    _metered("lambda.disk", _LAMBDA, "Lambda-Storage-GB-Second", "Invoke", "GB-Seconds", "0.0000000181", "Serverless",
             "AWS Lambda - Ephemeral Storage - {location}",
             resource="arn:aws:lambda:{region}:{account}:function:{project}-{id:.6}",
             product={"group": "AWS-Lambda-Storage-Duration"}),
    _metered("dynamo.read", _DYNAMO, "ReadRequestUnits", "PayPerRequestThroughput", "ReadRequestUnits",
             "0.00000025", "Amazon DynamoDB PayPerRequest Throughput", "per million read request units ({location})",
             resource="arn:aws:dynamodb:{region}:{account}:table/{project}", rerated=True,
             product={"group": "DDB-ReadUnits"}),
    _metered("dynamo.write", _DYNAMO, "WriteRequestUnits", "PayPerRequestThroughput", "WriteRequestUnits",
             "0.00000125", "Amazon DynamoDB PayPerRequest Throughput", "per million write request units ({location})",
             resource="arn:aws:dynamodb:{region}:{account}:table/{project}", rerated=True,
             product={"group": "DDB-WriteUnits"}),
    _metered("cdn.bytes", _FRONT, "EU-DataTransfer-Out-Bytes", "GET", "GB", "0.085", "Data Transfer",
             "per GB - first 10 TB / month data transfer out", lag_hours=24,
             resource="arn:aws:cloudfront::{account}:distribution/E{id:.13}",
             product={"transferType": "CloudFront Outbound", "fromLocation": "Europe", "toLocation": "External"}),
    _metered("cdn.calls", _FRONT, "EU-Requests-Tier2-HTTPS", "GET", "Requests", "0.0000012", "Request",
             "per 10,000 HTTPS Requests", resource="arn:aws:cloudfront::{account}:distribution/E{id:.13}",
             product={"requestType": "CloudFront-Request-HTTPS-Proxy"}),
    _metered("watch.logs", _WATCH, "DataProcessing-Bytes", "PutLogEvents", "GB", "0.5", "Data Payload",
             "per GB log data ingested in {location}", product={"group": "Ingested Logs"},
             resource="arn:aws:logs:{region}:{account}:log-group:/{project}/{id:.6}"),
    _metered("watch.metrics", _WATCH, "CW:MetricMonitorUsage", "MetricStorage", "Metrics", "0.3", "Metric",
             "per metric-month for the first 10,000 metrics - {location}", product={"group": "Metric"}),
    _metered("watch.calls", _WATCH, "CW:Requests", "GetMetricData", "Requests", "0.00001", "API Request",
             "per 1,000 requests - {location}"),
    _metered("kms", ("awskms", "AWS Key Management Service"), "KMS-Requests", "Decrypt", "Requests", "0.000003",
             "Encryption Key", "per 10,000 KMS requests in {location}",
             resource="arn:aws:kms:{region}:{account}:key/{id:.12}"),
    _metered("eks", ("AmazonEKS", "Amazon Elastic Container Service for Kubernetes"), "AmazonEKS-Hours:perCluster",
             "CreateOperation", "Hours", "0.1", "Compute", "per hour per EKS cluster",
             resource="arn:aws:eks:{region}:{account}:cluster/{project}", product={"tiertype": "HAStandard"}),
    _metered("fargate.cpu", _ECS, "Fargate-vCPU-Hours:perCPU", "FargateTask", "hours", "0.04048", "Compute",
             "AWS Fargate - vCPU - {location}", compute=True,
             resource="arn:aws:ecs:{region}:{account}:task/{project}/{id:.32}", product={"cputype": "perCPU"}),
    _metered("fargate.memory", _ECS, "Fargate-GB-Hours", "FargateTask", "hours", "0.004445", "Compute",
             "AWS Fargate - Memory - {location}", compute=True,
             resource="arn:aws:ecs:{region}:{account}:task/{project}/{id:.32}", product={"memorytype": "perGB"}),
    _metered("sqs", ("AWSQueueService", "Amazon Simple Queue Service"), "Requests-Tier1", "SendMessage", "Requests",
             "0.0000004", "API Request", "per request - first 100 Billion Requests/month",
             resource="arn:aws:sqs:{region}:{account}:{project}", product={"queueType": "Standard"}),
    _metered("sqs.free", ("AWSQueueService", "Amazon Simple Queue Service"), "Requests-FreeTier", "ReceiveMessage",
             "Requests", "0", "API Request", "per request - first 1,000,000 requests / month are free",
             resource="arn:aws:sqs:{region}:{account}:{project}", product={"queueType": "Standard"}),
    _metered("guard", ("AmazonGuardDuty", "Amazon GuardDuty"), "PaidEventsAnalyzed", "none", "Events", "0.000004",
             "Security Services", "per 1 million CloudTrail events analyzed in {location}"),
    _metered("guard.free", ("AmazonGuardDuty", "Amazon GuardDuty"), "FreeEventsAnalyzed", "none", "Events", "0",
             "Security Services", "per 1 million events, free for 30 days in {location}"),
    _metered("trail", ("AWSCloudTrail", "AWS CloudTrail"), "FreeEventsRecorded", "None", "Events", "0",
             "Management Tools - AWS CloudTrail Free Events Recorded", "per free event recorded in {location} region"),
    _metered("config", ("AWSConfig", "AWS Config"), "ConfigurationItemRecorded", "None", "ConfigurationItemRecorded",
             "0.003", "Management Tools - AWS Config", "per configuration item recorded in {location}"),
    _metered("dns", ("AmazonRoute53", "Amazon Route 53"), "DNS-Queries", "A", "Queries", "0.0000004", "DNS Query",
             "per 1,000,000 queries for the first 1 Billion queries",
             resource="arn:aws:route53:::hostedzone/Z{id:.13}"),
    _metered("glue", ("AWSGlue", "AWS Glue"), "ETL-DPU-Hour", "Jobrun", "DPU-Hour", "0.44", "AWS Glue",
             "per Data Processing Unit-Hour for AWS Glue ETL job",
             resource="arn:aws:glue:{region}:{account}:job/{project}"),
    _metered("athena", ("AmazonAthena", "Amazon Athena"), "DataScannedInTB", "DML", "Terabytes", "5", "Athena Queries",
             "per TB for data scanned in {location}, minimum 10 MB a query",
             product={"description": 'Charged for total data scanned per query, with a minimum of "10MB"'}),
    _metered("market", ("8xk2q1vyh0example", "Kiln Vector Search"), "SoftwareUsage:m5.large", "Hourly", "Hrs", "0.35",
             "", "AWS Marketplace hourly software usage|{region}|m5.large", seller="Kiln Data Systems, LLC",
             resource="arn:aws:ec2:{region}:{account}:instance/i-{id:.17}"),
)  # fmt: skip

CATALOGUE: Mapping[str, Offer] = {offer.key: offer for offer in _OFFERS}
