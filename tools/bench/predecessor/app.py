"""The service that todo-api takes the place of, as far as a benchmark can see.

GET and PUT /api/state/{name} on one JSON file or one S3 object a list: not
synced to the disk, last writer wins, and any trouble in a read is a 404.

LISTS_DIR or STORAGE_BUCKET says where, S3_ENDPOINT where S3 is. The predecessor
made an S3 client for each request; with HOIST=1 there is one a worker.
"""

import json
import os

import boto3
import falcon

LISTS_DIR = os.environ.get("LISTS_DIR", "data")
BUCKET = os.environ.get("STORAGE_BUCKET")


def make_client():
    return boto3.client("s3", endpoint_url=os.environ["S3_ENDPOINT"])


shared = make_client() if BUCKET and os.environ.get("HOIST") else None


def read(name):
    if BUCKET:
        answer = (shared or make_client()).get_object(Bucket=BUCKET, Key=name + ".json")
        return json.load(answer["Body"])
    with open(os.path.join(LISTS_DIR, name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def write(name, state):
    if BUCKET:
        body = json.dumps(state).encode()
        (shared or make_client()).put_object(Bucket=BUCKET, Key=name + ".json", Body=body)
        return
    with open(os.path.join(LISTS_DIR, name + ".json"), "w", encoding="utf-8") as file:
        json.dump(state, file)


class State:
    def on_get(self, _, resp, name):
        try:
            resp.media = read(name)
        except Exception as trouble:  # as the predecessor did
            resp.status = falcon.HTTP_404
            resp.media = {"cause": str(trouble)}

    def on_put(self, req, resp, name):
        write(name, req.media)


app = falcon.App(cors_enable=True)
app.add_route("/api/state/{name}", State())
