"""List prices of AWS in us-east-1 in dollars, by hand from the public price pages.

They were not fetched: look at the date, and at the pages, before you rely on a sum.
"""

from __future__ import annotations

DATE = "2025-06"
REGION = "us-east-1"
LAMBDA_GB_SECOND_ARM = 0.0000133334
LAMBDA_REQUEST = 0.20 / 1e6
SQS_FIFO_REQUEST = 0.50 / 1e6
SQS_STANDARD_REQUEST = 0.40 / 1e6
SNS_FIFO_PUBLISH = 0.30 / 1e6
SNS_FIFO_DELIVERY = 0.01 / 1e6
HTTP_API_REQUEST = 1.00 / 1e6
WEBSOCKET_MESSAGE = 1.00 / 1e6
WEBSOCKET_MINUTE = 0.25 / 1e6
FARGATE_VCPU_HOUR_ARM = 0.03238
FARGATE_GB_HOUR_ARM = 0.00356
NAT_GATEWAY_HOUR = 0.045
NAT_GATEWAY_GB = 0.045
INTERFACE_ENDPOINT_HOUR = 0.01
NAT_INSTANCE_HOUR = 0.0042  # t4g.nano
# PostgreSQL, one zone; two zones are twice as much.
RDS_HOUR = {
    "t4g.medium": 0.065,
    "m7g.large": 0.168,
    "m7g.xlarge": 0.336,
    "r7g.2xlarge": 0.957,
    "r7g.4xlarge": 1.914,
    "r7g.8xlarge": 3.828,
}
RDS_STORAGE_GB_MONTH = 0.115
LOG_GB = 0.50
METRIC_MONTH = 0.30
ALARM_MONTH = 0.10
SECRET_MONTH = 0.40
KEY_MONTH = 1.00
TRANSFER_OUT_GB = 0.09
HOURS = 730.0
