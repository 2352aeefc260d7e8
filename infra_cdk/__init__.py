"""The CDK app: one construct per capability; stacks only compose."""
