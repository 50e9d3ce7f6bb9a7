"""Notes every AWS call of a Python process: with this directory on PYTHONPATH, a line of JSON each in the file RECORD_CALLS.

Python imports a module of this name at its start. botocore is what the playbooks' modules and the AWS CLI make their calls by.
"""

import json
import os


def note(params, model, **_rest):
    """Appends a call and what it names. One write, so that the lines of several processes do not mix."""
    named = {key: value for key, value in params.items() if key != "Body"}
    line = json.dumps({"call": f"{model.service_model.service_name}.{model.name}", "params": named}, default=str) + "\n"
    notes = os.open(os.environ["RECORD_CALLS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(notes, line.encode())
    finally:
        os.close(notes)


if "RECORD_CALLS" in os.environ:
    try:
        import botocore
    except ImportError:
        pass  # a Python that cannot call AWS by it
    else:
        # Not the session's other hooks: a retry is the same call.
        botocore.register_initializer(lambda session: session.register("provide-client-params.*.*", note))
