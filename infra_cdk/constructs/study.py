"""The state machine that works on the parts of a large sweep side by side, and has them put together."""

from __future__ import annotations

import json

from aws_cdk import CfnElement, Duration, Stack
from aws_cdk import aws_stepfunctions as states
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct
from stratforge.bus.messages import StudyStep

from infra_cdk.concurrency import share
from infra_cdk.configuration import StageConfig
from infra_cdk.constructs.function import PythonFunction
from infra_cdk.constructs.log import log_group
from infra_cdk.suppressions import acknowledge_wildcard, arn

# What one sweep takes of the workers at a time.
_HALF = 2
_DAY = Duration.hours(24)


class Study(Construct):
    """A distributed map over the numbers of a study's parts, then its report. What fails is tried again; in the end the job is failed, so that nobody waits for it."""

    def __init__(self, scope: Construct, construct_id: str, *, config: StageConfig, worker: PythonFunction) -> None:
        super().__init__(scope, construct_id)
        parts = states.DistributedMap(
            self,
            "Parts",
            items_path="$.parts",
            item_selector={"part.$": "$$.Map.Item.Value", "job_id.$": "$.job_id"},
            max_concurrency=max(1, share(config, "researcher") // _HALF),
            result_path=states.JsonPath.DISCARD,
        )
        work = self._step(worker, StudyStep.PART, {"part": states.JsonPath.number_at("$.part")})
        parts.item_processor(work, mode=states.ProcessorMode.DISTRIBUTED, execution_type=states.ProcessorType.STANDARD)
        finish, fail = self._step(worker, StudyStep.FINISH, {}), self._step(worker, StudyStep.FAIL, {})
        parts.add_catch(fail, result_path=states.JsonPath.DISCARD)
        finish.add_catch(fail, result_path=states.JsonPath.DISCARD)
        log = log_group(self, "Log", config, "study")
        self.machine = states.StateMachine(
            self,
            "Machine",
            state_machine_name=f"{config.prefix}-study",
            definition_body=states.DefinitionBody.from_chainable(parts.next(finish)),
            timeout=_DAY,
            logs=states.LogOptions(destination=log, level=states.LogLevel.ALL),
            tracing_enabled=True,
        )

        child = self.machine.node.default_child
        assert isinstance(child, CfnElement)
        name = {"Fn::Select": [6, {"Fn::Split": [":", {"Ref": Stack.of(self).get_logical_id(child)}]}]}
        named = json.dumps(name, separators=(",", ":"))
        for runs in (f"execution:{named}:*", f"execution:{named}/*:*"):
            acknowledge_wildcard(self, arn(self, "states", runs), "Its own runs, whose names come at run time.")
        acknowledge_wildcard(self, "*", "The delivery of its log and its traces are of no resource in particular.")

    def _step(self, worker: PythonFunction, step: StudyStep, more: dict[str, object]) -> tasks.LambdaInvoke:
        made = tasks.LambdaInvoke(
            self,
            step.value.capitalize(),
            lambda_function=worker.target,
            payload=states.TaskInput.from_object(
                {"step": step.value, "job_id": states.JsonPath.string_at("$.job_id"), **more}
            ),
            payload_response_only=True,
            result_path=states.JsonPath.DISCARD,
            # Ours instead: a throttled worker is waited for, and what fails has failed three times.
            retry_on_service_exceptions=False,
        )
        made.add_retry(
            errors=["Lambda.TooManyRequestsException", "Lambda.ServiceException", "Lambda.SdkClientException"],
            interval=Duration.seconds(5),
            max_attempts=20,
            backoff_rate=1.5,
            max_delay=Duration.minutes(2),
        )
        made.add_retry(interval=Duration.seconds(5), max_attempts=2, backoff_rate=3)
        return made


def study_arn(scope: Construct, config: StageConfig) -> str:
    """The ARN of a stage's state machine, by its name: whoever starts it is also what it calls."""
    stack = Stack.of(scope)
    return f"arn:{stack.partition}:states:{stack.region}:{stack.account}:stateMachine:{config.prefix}-study"
