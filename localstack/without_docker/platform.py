"""The platform on LocalStack in host mode: bootstrap and `cdk deploy` of every stack that it supports, then the same simulators and ingestor."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from local_platform.account import ACCOUNT, REGION
from local_platform.deployment import client
from local_platform.failures import StartError
from local_platform.platform import Platform, answers
from local_platform.ports import listening
from local_platform.processes import Process
from local_platform.steps import Finished, Step, run_steps, tell_nobody
from local_platform.synthesis import ROOT, synthesize

from infra_cdk import cdk
from without_docker.environment import python

_DEPLOY_SECONDS = 400


class LocalStackPlatform(Platform):
    """Everything but the HTTP and WebSocket APIs, which the community version does not have."""

    def start(self, finished: Finished = tell_nobody) -> Mapping[str, float]:
        """Brings everything up; returns when stacks are deployed and the ingestor listens."""
        assembly: list[Path] = []
        cache = (self.options.assemblies or self.options.state / "assemblies").with_name("assemblies-localstack")
        seconds = run_steps(
            [
                Step("database", self._start_database),
                Step("templates", lambda: assembly.append(synthesize(cache, gateways=False))),
                Step("LocalStack", lambda: self._add(self._engine_process())),
                Step("simulators", lambda: self._add(*self._simulator_processes())),
                Step("stacks", lambda: self._deploy(assembly[0]), ("templates", "LocalStack")),
                Step("ingestor", self._start_ingestor, ("stacks", "database", "simulators")),
            ],
            finished,
        )
        self.supervisor.watch()
        return seconds

    def _engine_process(self) -> Process:
        state = self.options.state.resolve() / "engine"
        state.mkdir(parents=True, exist_ok=True)
        self.folder.logs.mkdir(parents=True, exist_ok=True)
        address = f"127.0.0.1:{self.engine_port}"
        process = self._process(
            "engine",
            "localstack.runtime.main",
            port=self.engine_port,
            GATEWAY_SERVER="hypercorn",
            GATEWAY_LISTEN=address,
            LOCALSTACK_HOST=address,
            DNS_ADDRESS="0",
            OVERRIDE_IN_DOCKER="0",
            SQS_ENDPOINT_STRATEGY="path",
            LAMBDA_RUNTIME_EXECUTOR="stratforge-host",
            LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC="0.1",
            SKIP_SSL_CERT_DOWNLOAD="1",
            DISABLE_EVENTS="1",
            FILESYSTEM_ROOT=str(state),
            HOME=str(state),
            TMPDIR=str(state),
            STRATFORGE_PYTHON=sys.executable,
            STRATFORGE_LOGS=str(self.folder.logs),
        )
        process.command = [str(python()), *process.command[1:]]
        hidden = ("PYTHONPATH", "AWS_ENDPOINT_URL")
        process.environment = {name: value for name, value in process.environment.items() if name not in hidden}
        process.ready = lambda: listening(self.engine_port) and answers(f"{self.engine_address}/_localstack/health")
        return process

    def _deploy(self, assembly: Path) -> None:
        """By the CDK's own command line, as to AWS.

        Raises:
            StartError: if a stack fails, or LocalStack only pretends to have deployed something.
        """
        self._cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
        self._cdk("deploy", "Stratforge/*", "--app", str(assembly), "--require-approval", "never", "--concurrency", "4")
        cloudformation = client("cloudformation", self.engine_address)
        for stack in cloudformation.describe_stacks()["Stacks"]:
            events = cloudformation.describe_stack_events(StackName=stack["StackName"])["StackEvents"]
            pretended = [
                f"{each['LogicalResourceId']} ({each['ResourceType']})"
                for each in events
                if "fallback" in each.get("ResourceStatusReason", "")
            ]
            if pretended:
                raise StartError(f"{stack['StackName']}: LocalStack does not know {', '.join(sorted(set(pretended)))}")
            self.outputs |= {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
        secrets = client("secretsmanager", self.engine_address)
        for name, value in self._secrets().items():
            secrets.put_secret_value(SecretId=f"stratforge/local/{name}", SecretString=json.dumps(value))

    def _cdk(self, *arguments: str) -> None:
        variables = {**cdk.environment(), **self._environment(), "CDK_DISABLE_CLI_TELEMETRY": "1", "CI": "true"}
        variables["PATH"] = cdk.environment()["PATH"]
        log = self.folder.logs / "cdk.log"
        with log.open("ab") as output:
            done = subprocess.run(
                cdk.command(*arguments),
                cwd=ROOT,
                env=variables,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=_DEPLOY_SECONDS,
                check=False,
            )
        if done.returncode != 0:
            last = log.read_text(errors="replace").strip().splitlines()[-12:]
            raise StartError(f"cdk {arguments[0]} failed: {' | '.join(last)[-1500:]}")
