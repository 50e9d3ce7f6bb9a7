"""Servers of this process: an edge before moto, and a site as CloudFront and the API serve it."""

import contextlib
import http.client
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

XML = "<Error><Code>{}</Code><Message>planted</Message></Error>"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_words):
        pass

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "server", "date"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextlib.contextmanager
def serving(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def passed(handler, to, body):
    """The answer of another server to a handler's request: status, body and headers."""
    upstream = http.client.HTTPConnection(to.removeprefix("http://"), timeout=60)
    try:
        upstream.request(handler.command, handler.path, body or None, dict(handler.headers))
        got = upstream.getresponse()
        return got.status, got.read(), dict(got.getheaders())
    finally:
        upstream.close()


class Edge:
    """Passes requests to moto. The first requests get the planted errors; `changed` is called with the handler of each that changed something, before its answer.

    `faults` are what each request meets the first times, in their order: an error as in `planted`, or LOST, which drops the answer of one that moto has done.
    """

    LOST = "lost"

    def __init__(self, moto):
        self.moto, self.planted, self.changed, self.requests = moto, [], lambda _: None, []
        self.faults, self.met = [], {}

    def fault(self, request):
        """What a request meets now, or nothing."""
        return next(self.met.setdefault(request, iter(list(self.faults))), None)

    def handler(self):
        edge = self

        class Passing(Handler):
            def answer(self):
                body, target = self.body(), self.headers.get("X-Amz-Target", "").rpartition(".")[2]
                edge.requests.append(f"{self.command} {target or self.path.partition('?')[0]}")
                fault = edge.planted.pop(0) if edge.planted else edge.fault(edge.requests[-1])
                if fault and fault != edge.LOST:
                    status, code = fault
                    if target:
                        return self.reply(status, json.dumps({"__type": code, "message": "planted"}).encode())
                    s3 = not re.match(r"/$|/2020-05-31/", self.path)  # STS and CloudFront wrap their errors
                    return self.reply(status, (XML if s3 else f"<ErrorResponse>{XML}</ErrorResponse>").format(code).encode())
                answer = passed(self, edge.moto, body)
                reads = self.command in ("GET", "HEAD") or target.startswith(("Describe", "Filter", "Get", "List")) or (self.path == "/" and not target)  # STS
                if answer[0] < 300 and not reads:
                    edge.changed(self)
                if fault:
                    self.close_connection = True
                    return None
                return self.reply(*answer)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

        return Passing


class Site:
    """The page of a bucket, and an API that is the release which the service runs; `ready` is whether it says so."""

    def __init__(self, client):
        self.s3, self.ecs, self.ready = client("s3"), client("ecs"), True
        self.bucket = self.service = None
        self.requires_sign_in = False  # whether callers must sign in; these tests never do
        self.api = None  # address of a real API that answers instead, if set
        self.planted = []  # of (method, pattern of the path, status, content), each given once

    def running(self):
        """The digest that the service runs."""
        arn = self.ecs.describe_services(cluster=self.service, services=[self.service])["services"][0]["taskDefinition"]
        container = self.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]["containerDefinitions"][0]
        return container["image"].partition("@")[2]

    def handler(self):
        site, todos = self, {}

        class Serving(Handler):
            def answer(self):
                body = self.body()
                for each in site.planted:
                    if self.command == each[0] and re.fullmatch(each[1], self.path):
                        site.planted.remove(each)
                        return self.reply(each[2], each[3], {"Content-Type": "application/json"})
                if self.path == "/readyz":
                    return self.reply(200 if site.ready else 503)
                if self.path == "/livez":
                    return self.told(200, {"release": site.running()})
                if self.path.startswith("/api/") and site.api:
                    return self.reply(*passed(self, site.api, body))
                if self.path.startswith("/api/") and site.requires_sign_in:
                    return self.reply(401, headers={"WWW-Authenticate": 'Bearer realm="todo"'})
                if self.path.startswith("/api/"):
                    if self.command == "POST":
                        todos["1"] = {"id": "1", **json.loads(body)}
                        return self.told(201, todos["1"])
                    return self.told(200, todos.get("1", {})) if self.command == "GET" else self.reply(204)
                try:
                    got = site.s3.get_object(Bucket=site.bucket, Key=self.path.strip("/") or "index.html")
                except site.s3.exceptions.NoSuchKey:
                    return self.reply(404)
                headers = ("content-security-policy", "strict-transport-security", "x-content-type-options")
                named = {"Content-Type": got["ContentType"], "Cache-Control": got["CacheControl"], **dict.fromkeys(headers, "set")}
                return self.reply(200, got["Body"].read(), named)

            def told(self, status, answer):
                self.reply(status, json.dumps(answer).encode(), {"Content-Type": "application/json"})

            do_GET = do_POST = do_DELETE = answer

        return Serving
