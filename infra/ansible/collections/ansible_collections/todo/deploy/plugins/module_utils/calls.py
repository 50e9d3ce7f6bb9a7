"""AWS calls that are retried after temporary errors."""

from __future__ import annotations

import datetime
import json
import time
from email.utils import parsedate_to_datetime

try:
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
except ImportError:  # reported by AnsibleAWSModule
    BotoCoreError = ClientError = HTTPClientError = Exception

PASSING = {
    "ExpiredToken", "ExpiredTokenException", "RequestExpired", "RequestTimeout", "RequestTimeoutException", "SlowDown", "Throttling",
    "ThrottlingException", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded", "InternalError", "InternalFailure",
    "ServerException", "ServiceUnavailable", "ServiceUnavailableException",
    "ConditionalRequestConflict",  # another conditional write was in progress
    "400",  # from HeadObject, whose response has no body that distinguishes expired credentials from a bad request
}
PAUSES = (0.5, 1, 2, 4)
DENIED = {"AccessDenied", "AccessDeniedException", "403"}  # 403 from HeadObject, whose response has no body
# Actions whose names differ from their operations.
ACTIONS = {"HeadObject": "GetObject", "ListObjectsV2": "ListBucket"}
# The argument that names the resource of a call, in the order in which they are looked for.
RESOURCES = ("services", "tasks", "service", "serviceName", "taskDefinition", "family", "DistributionId", "logGroupName", "Name")


def code(error):
    """The error's code, or an empty string if AWS did not respond."""
    return getattr(error, "response", {}).get("Error", {}).get("Code", "")


def passes(error):
    """Whether a retry may succeed: AWS did not respond, is busy, or the credentials have expired and may be renewed."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code(error) in PASSING or status == 429 or status >= 500
    return isinstance(error, HTTPClientError)


def explain(error, service, arguments):
    """Adds the missing permission to an error that denies a call. Most services name it themselves, and STS requires none."""
    if code(error) not in DENIED or service == "sts" or "not authorized to perform" in str(error):
        return
    resource = next((arguments[name] for name in RESOURCES if name in arguments), "")
    if "Bucket" in arguments:
        resource = f"s3://{arguments['Bucket']}/{arguments.get('Key', arguments.get('Prefix', ''))}"
    action = f"{service}:{ACTIONS.get(error.operation_name, error.operation_name)}"
    error.args = (f"{error}. The role needs {action} on {resource[0] if isinstance(resource, list) else resource}.",)


class Calls:
    """A client that retries calls after temporary errors, each time with the current credentials."""

    def __init__(self, module, service):
        self._service = service
        self._make = lambda: module.client(service)
        self._client = self._make()

    def _again(self, attempt, arguments):
        for pause in (*PAUSES, None):
            try:
                return attempt(self._client)
            except (BotoCoreError, ClientError) as e:
                if not pause or not passes(e):
                    explain(e, self._service, arguments)
                    raise
            time.sleep(pause)
            self._client = self._make()

    def __getattr__(self, operation):
        def call(**arguments):
            def attempt(client):
                if hasattr(arguments.get("Body"), "seek"):
                    arguments["Body"].seek(0)
                return getattr(client, operation)(**arguments)

            return self._again(attempt, arguments)

        return call

    def read(self, bucket, key):
        """The response of get_object and the whole content, whose transfer is also retried."""

        def attempt(client):
            answer = client.get_object(Bucket=bucket, Key=key)
            return answer, answer["Body"].read()

        return self._again(attempt, {"Bucket": bucket, "Key": key})

    def service(self, module):
        """The service that the module's parameters name, which must be active."""
        cluster, name = (module.params[key] for key in ("cluster", "service"))
        for service in self.describe_services(cluster=cluster, services=[name])["services"]:
            if service["status"] == "ACTIVE":
                return service
        return module.fail_json(msg=f"There is no service {name} in the cluster {cluster}.")

    def list_objects(self, bucket, prefix=""):
        """Every object whose key begins with prefix."""
        arguments = {"Bucket": bucket, "Prefix": prefix}
        while True:
            answer = self.list_objects_v2(**arguments)
            yield from answer.get("Contents", [])
            if not answer.get("IsTruncated"):
                return
            arguments["ContinuationToken"] = answer["NextContinuationToken"]

    def read_lock(self, bucket, key):
        """The lock and its ETag, or nothing. Its age and expiry are computed by the clock of S3."""
        try:
            answer, body = self.read(bucket, key)
        except ClientError as e:
            if code(e) == "NoSuchKey":
                return None, None
            raise
        since = answer["LastModified"]
        held = {"by": "an unknown user", "host": "a machine", "pid": 0, "purpose": "deployment", "minutes": 120, **json.loads(body)}
        age = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]) - since
        return {**held, "since": since.isoformat(), "expired": age > datetime.timedelta(minutes=held["minutes"])}, answer["ETag"]
