"""The platform on one machine: PostgreSQL, the AWS engine, the deployed stacks, simulators and the ingestor, supervised."""
