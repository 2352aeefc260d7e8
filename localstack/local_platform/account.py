"""The account and the region of AWS that an engine on this machine stands for; apart from what deploys, for whoever needs no SDK to name them."""

REGION, ACCOUNT = "us-east-1", "000000000000"
