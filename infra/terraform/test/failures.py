"""Says what went wrong in a run of `terraform test -json`: each diagnostic with its place.

python3 failures.py DIRECTORY JSON LOG
"""

import json
import pathlib
import sys


def failures(text):
    for line in text.splitlines():
        message = json.loads(line)
        diagnostic = message.get("diagnostic")
        if diagnostic and diagnostic["severity"] == "error":
            place = diagnostic.get("range", {})
            where = f"{place.get('filename', '')}:{place.get('start', {}).get('line', '')}"
            run = message.get("@testrun", "")
            yield f"{where} {run}: {diagnostic['summary']}: {diagnostic.get('detail', '')}"


if __name__ == "__main__":
    directory, runs, log = sys.argv[1:]
    print(f"== {directory} failed:", *failures(pathlib.Path(runs).read_text()), pathlib.Path(log).read_text()[-2000:], sep="\n", flush=True)
