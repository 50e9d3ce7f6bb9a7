"""AWS calls that outlast a single error."""

from __future__ import annotations

import time

try:
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
except ImportError:  # said by AnsibleAWSModule
    BotoCoreError = ClientError = HTTPClientError = Exception

PASSING = {
    "ExpiredToken", "ExpiredTokenException", "RequestExpired", "RequestTimeout", "RequestTimeoutException", "SlowDown", "Throttling",
    "ThrottlingException", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded", "InternalError", "InternalFailure",
    "ServerException", "ServiceUnavailable", "ServiceUnavailableException",
}
PAUSES = (0.5, 1, 2, 4)


def code(error):
    """The error's code, or nothing when AWS did not answer."""
    return error.response["Error"].get("Code", "") if hasattr(error, "response") else ""


def passes(error):
    """Whether a later try may succeed: AWS did not answer, is busy, or the credentials have expired and may be renewed."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code(error) in PASSING or status == 429 or status >= 500
    return isinstance(error, HTTPClientError)


class Calls:
    """A client whose calls are tried again while the error may pass, each time with the credentials as they are then."""

    def __init__(self, module, service):
        self._make = lambda: module.client(service)
        self._client = self._make()

    def __getattr__(self, operation):
        def call(**arguments):
            for pause in (*PAUSES, None):
                try:
                    return getattr(self._client, operation)(**arguments)
                except (BotoCoreError, ClientError) as e:
                    if pause is None or not passes(e):
                        raise
                time.sleep(pause)
                body = arguments.get("Body")
                if hasattr(body, "seek"):
                    body.seek(0)
                self._client = self._make()

        return call

    def list_objects(self, bucket, prefix=""):
        """Every object whose key begins with prefix."""
        arguments = {"Bucket": bucket, "Prefix": prefix}
        while True:
            answer = self.list_objects_v2(**arguments)
            yield from answer.get("Contents", [])
            if not answer.get("IsTruncated"):
                return
            arguments["ContinuationToken"] = answer["NextContinuationToken"]
