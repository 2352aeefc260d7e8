"""The plugin that LocalStack finds by its entry point; the executor is loaded when LocalStack is up."""

from __future__ import annotations

from typing import Any

from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class HostExecutorPlugin(RuntimeExecutorPlugin):
    """The plugin that `LAMBDA_RUNTIME_EXECUTOR=stratforge-host` chooses: functions as processes."""

    name = "stratforge-host"

    def load(self, *_arguments: Any, **_options: Any) -> Any:
        """Returns the class of executors that LocalStack makes."""
        from stratforge_localstack.executor import HostRuntimeExecutor

        return HostRuntimeExecutor
