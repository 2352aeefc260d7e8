"""LocalStack as the AWS engine, without Docker: the same stacks, deployed by the CDK's own command line."""
