"""What our programs ask of AWS, by function: from the addresses that a function is given, and from what its code makes up itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stratforge.bus.dead_letters import QUEUES
from stratforge.bus.names import bars_topic_name

from tests.infrastructure.policies import operations
from tests.infrastructure.policies.account import Account, Decision, Principal
from tests.infrastructure.policies.templates import ACCOUNT, REGION, Resource

# A secret in an environment is read, a queue sent to, a topic published to, a function called; these are not.
_RECEIVED = {"SUBSCRIPTION_QUEUE_URL"}
_ONLY_NAMED = {"BARS_QUEUE_ARN"}
# One that the templates have, and others that the ingestor makes when somebody wants them.
SYMBOLS = ("AAPL", "TSLA", "BTC/USD")


def stage_of(account: Account) -> str:
    """The stage that is deployed: the second part of every name."""
    return account.deployment.named("AWS::SQS::Queue", "jobs").name.split("-")[1]


def environment(resource: Resource) -> dict[str, str]:
    """The environment of a function, or of a task's containers."""
    if resource.type == "AWS::Lambda::Function":
        variables: dict[str, str] = resource.properties.get("Environment", {}).get("Variables", {})
        return variables
    return {
        each["Name"]: each["Value"]
        for container in resource.properties["ContainerDefinitions"]
        for each in container.get("Environment", [])
    }


def addressed(account: Account, value: str) -> Resource | None:
    """The secret, queue, topic or function that a value of an environment names."""
    for each in account.deployment.of_type(
        "AWS::SecretsManager::Secret", "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::Lambda::Function"
    ):
        if value in (each.name, each.arn, each.reference):
            return each
    for alias in account.deployment.of_type("AWS::Lambda::Alias"):
        if alias.arn.endswith(f":function:{value}"):
            return alias
    return None


def of_environment(account: Account, who: Principal, variables: dict[str, str]) -> Iterator[Decision]:
    """What a program does with the addresses it is given."""
    for name, value in sorted(variables.items()):
        resource = addressed(account, value)
        if resource is None or name in _ONLY_NAMED:
            continue
        match resource.type:
            case "AWS::SecretsManager::Secret":
                yield from operations.read_secret(account, who, resource)
            case "AWS::SQS::Queue" if name in _RECEIVED:
                yield from operations.receive(account, who, resource)
            case "AWS::SQS::Queue":
                yield from operations.send(account, who, resource)
            case "AWS::SNS::Topic":
                yield from operations.publish(account, who, resource)
            case "AWS::Lambda::Function" | "AWS::Lambda::Alias":
                yield account.may(who, "lambda:InvokeFunction", resource.arn)


def bar_streams(account: Account) -> list[Resource]:
    """The stream of bars, where a stage has one."""
    return account.deployment.of_type("AWS::Kinesis::Stream")


def bar_topics(account: Account) -> list[str]:
    """ARNs of topics of symbols, made at run time or not; none where a stream carries bars."""
    if bar_streams(account):
        return []
    return [f"arn:aws:sns:{REGION}:{ACCOUNT}:{bars_topic_name(stage_of(account), symbol)}" for symbol in SYMBOLS]


def _queues(account: Account) -> Iterator[tuple[Resource, Resource]]:
    """Every queue with its dead letters."""
    for name, fifo in QUEUES.items():
        ending = ".fifo" if fifo else ""
        working = account.deployment.named("AWS::SQS::Queue", f"{name}{ending}")
        yield working, account.deployment.named("AWS::SQS::Queue", f"{name}-dead{ending}")


def _api(account: Account, who: Principal) -> Iterator[Decision]:
    """Operators look at every queue, and at how old its messages were."""
    yield account.may(who, "cloudwatch:GetMetricData", "*")
    for pair in _queues(account):
        for queue in pair:
            yield account.may(who, "sqs:GetQueueUrl", queue.arn)
            yield account.may(who, "sqs:GetQueueAttributes", queue.arn)
    yield from _files(account, who, "GetObject", "DeleteObject")
    yield from _archive(account, who, "GetObject")


def _files(account: Account, who: Principal, *verbs: str) -> Iterator[Decision]:
    """Files that somebody had made lie in one folder of their bucket."""
    for bucket in account.deployment.of_type("AWS::S3::Bucket"):
        if "Files" in bucket.logical_id:
            for verb in verbs:
                yield account.may(who, f"s3:{verb}", f"{bucket.arn}/exports/somebody/file.csv")


def _archive(account: Account, who: Principal, *verbs: str) -> Iterator[Decision]:
    """Bars that left the database lie in one folder of their bucket."""
    for bucket in account.deployment.of_type("AWS::S3::Bucket"):
        if "Archive" in bucket.logical_id:
            for verb in verbs:
                yield account.may(who, f"s3:{verb}", f"{bucket.arn}/bars/AAPL/2025-01-01-0.parquet")


def _archiver(account: Account, who: Principal) -> Iterator[Decision]:
    """Old bars are stored and read back."""
    yield from _archive(account, who, "GetObject", "PutObject")


def _evaluator(account: Account, who: Principal) -> Iterator[Decision]:
    """A window of a symbol that trades seldom reaches far back."""
    yield from _archive(account, who, "GetObject")


def _backtester(account: Account, who: Principal) -> Iterator[Decision]:
    """Files are made, and large sweeps begun."""
    yield from _files(account, who, "PutObject", "DeleteObject")
    yield from _archive(account, who, "GetObject")
    for machine in account.deployment.of_type("AWS::StepFunctions::StateMachine"):
        yield account.may(who, "states:StartExecution", machine.arn)


def _redriver(account: Account, who: Principal) -> Iterator[Decision]:
    """Dead letters are sent again."""
    for working, dead in _queues(account):
        for queue in (working, dead):
            yield account.may(who, "sqs:GetQueueUrl", queue.arn)
        yield from operations.receive(account, who, dead)
        yield from operations.send(account, who, working)


def _ingestor(account: Account, who: Principal) -> Iterator[Decision]:
    """Topics of symbols are found, made, tagged, subscribed and published to."""
    for stream in bar_streams(account):
        yield account.may(who, "kinesis:PutRecords", stream.arn)
    if not bar_streams(account):
        yield account.may(who, "sns:ListSubscriptions", "*")
    for topic in bar_topics(account):
        for action in ("CreateTopic", "TagResource", "Subscribe", "Publish"):
            yield account.may(who, f"sns:{action}", topic)
    if environment(account.ingestor).get("TRACED") == "true":
        yield account.may(who, "xray:PutTraceSegments", "*")


def _cleaner(account: Account, who: Principal) -> Iterator[Decision]:
    yield account.may(who, "sns:ListTopics", "*")
    for topic in bar_topics(account):
        yield account.may(who, "sns:DeleteTopic", topic)


def connections(account: Account, verb: str = "POST") -> str:
    """The ARN of a client's connection to the WebSocket API."""
    (stage,) = [
        each
        for each in account.deployment.of_type("AWS::ApiGatewayV2::Stage")
        if each.properties["StageName"] != "$default"
    ]
    api = stage.properties["ApiId"]
    return f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/{stage.properties['StageName']}/{verb}/@connections/Abc123="


def _connected(account: Account, who: Principal) -> Iterator[Decision]:
    yield account.may(who, "execute-api:ManageConnections", connections(account))


def _mailer(account: Account, who: Principal) -> Iterator[Decision]:
    """Mails go out under the name of the sender that the deployment was given."""
    for identity in account.deployment.of_type("AWS::SES::EmailIdentity"):
        yield account.may(who, "ses:SendEmail", identity.arn)


def _rotator(account: Account, who: Principal) -> Iterator[Decision]:
    """A new password goes into the role's secret and becomes the current one."""
    for name in ("database/api", "database/engine"):
        secret = account.deployment.named("AWS::SecretsManager::Secret", name)
        yield from operations.read_secret(account, who, secret)
        yield from operations.write_secret(account, who, secret)
        for action in ("DescribeSecret", "UpdateSecretVersionStage"):
            yield account.may(who, f"secretsmanager:{action}", secret.arn)


# Beside what their environments say.
_OF_CODE: dict[str, Callable[[Account, Principal], Iterator[Decision]]] = {
    "api": _api,
    "archiver": _archiver,
    "backtester": _backtester,
    "evaluator": _evaluator,
    "ingestor": _ingestor,
    "mailer": _mailer,
    "cleaner": _cleaner,
    "realtime": _connected,
    "redriver": _redriver,
    "rotator": _rotator,
    "notifier": _connected,
}


def programs(account: Account) -> dict[str, Resource]:
    """Our functions and the ingestor's task, by their folders' names."""
    prefix = f"stratforge-{stage_of(account)}-"
    found = {
        str(each.properties["FunctionName"]).removeprefix(prefix): each
        for each in account.deployment.of_type("AWS::Lambda::Function")
        if str(each.properties.get("FunctionName", "")).startswith(prefix)
    }
    return {**found, "ingestor": account.ingestor}


def queues_of(account: Account, function: Resource) -> list[Resource]:
    """The queues that feed a function."""
    return [
        account.by_arn(mapping.properties["EventSourceArn"])
        for mapping in account.deployment.of_type("AWS::Lambda::EventSourceMapping")
        if function.name in str(mapping.properties["FunctionName"]).split(":")
        and mapping.properties["EventSourceArn"] not in {each.arn for each in bar_streams(account)}
    ]


def of_program(account: Account, name: str) -> Iterator[Decision]:
    """Everything that one of our programs asks of AWS by itself."""
    resource = programs(account)[name]
    who = account.role(resource)
    yield from of_environment(account, who, environment(resource))
    # What failed is put off, for longer each time.
    for queue in queues_of(account, resource):
        for action in ("GetQueueUrl", "ChangeMessageVisibility"):
            yield account.may(who, f"sqs:{action}", queue.arn)
    if name in _OF_CODE:
        yield from _OF_CODE[name](account, who)
