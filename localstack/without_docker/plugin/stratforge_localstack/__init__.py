"""LocalStack without Docker: functions are processes of this machine."""
