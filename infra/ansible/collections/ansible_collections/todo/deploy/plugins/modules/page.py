#!/usr/bin/python
"""A built page in its bucket."""

from __future__ import annotations

DOCUMENTATION = r"""
module: page
short_description: Upload a built page to its bucket
description:
  - Files whose names carry a hash of their content come first and may be cached for a year. All others follow and must be asked for again each time; O(entry)
    is the last, so that no page names a file that is missing.
  - Objects that are neither of this page nor in O(keep) are removed, after that.
  - Precompressed copies, X.br and X.gz of a file X, are not uploaded, because CloudFront compresses files itself.
version_added: 1.0.0
author: [The maintainers]
options:
  bucket:
    description: The bucket.
    required: true
    type: str
  root:
    description: The directory with the built page.
    required: true
    type: path
  files:
    description: The content of additional files by name. They replace files of O(root), which is not changed, because other environments use it.
    type: dict
    default: {}
  immutable:
    description: Prefix of the names of files that never change.
    type: list
    elements: str
    default: [assets/]
  entry:
    description: The file that names all others.
    type: str
    default: index.html
  keep:
    description: Names of objects to keep although this page does not have them.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Publish the page
  todo.deploy.page:
    bucket: todo-staging-website
    root: dist
    keep: [assets/index-0123abcd.js]
"""

RETURN = r"""
uploaded:
  description: The files that were missing or different, in the order in which they were written.
  returned: always
  type: list
  elements: str
removed:
  description: The objects that were removed.
  returned: always
  type: list
  elements: str
files:
  description: The page's files, each with the SHA-256 of its content.
  returned: always
  type: dict
"""

import hashlib
import mimetypes
import os

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.todo.deploy.plugins.module_utils.calls import BotoCoreError, Calls, ClientError

# Types for which Python's table depends on the machine, or has no entry.
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


def content_type(name):
    return TYPES.get(os.path.splitext(name)[1]) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def is_immutable(name, params):
    return any(name.startswith(prefix) for prefix in params["immutable"])


def cache_control(name, params):
    return "public, max-age=31536000, immutable" if is_immutable(name, params) else "no-cache"


def gather(params):
    """The names of the page's files, without precompressed copies."""
    found = set(params["files"])
    for directory, _directories, names in os.walk(params["root"]):
        for name in names:
            original, extension = os.path.splitext(name)
            if extension not in (".br", ".gz") or original not in names:
                found.add(os.path.relpath(os.path.join(directory, name), params["root"]).replace(os.sep, "/"))
    return sorted(found)


def content(name, params):
    if name in params["files"]:
        return params["files"][name].encode()
    with open(os.path.join(params["root"], name), "rb") as f:
        return f.read()


def is_there(client, params, name, digest, sizes):
    if name not in sizes:
        return False
    if is_immutable(name, params):
        # The name is the content; an interrupted upload leaves no object.
        return sizes[name] == len(content(name, params))
    head = client.head_object(Bucket=params["bucket"], Key=name)
    # They are sent as headers, so the case of the names may change.
    metadata = {key.lower(): value for key, value in head["Metadata"].items()}
    return (metadata.get("sha256"), head.get("CacheControl"), head["ContentType"]) == (
        digest, cache_control(name, params), content_type(name),
    )


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "bucket": {"required": True},
            "root": {"required": True, "type": "path"},
            "files": {"type": "dict", "default": {}},
            "immutable": {"type": "list", "elements": "str", "default": ["assets/"]},
            "entry": {"default": "index.html"},
            "keep": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    params = module.params
    files = {name: hashlib.sha256(content(name, params)).hexdigest() for name in gather(params)}
    if params["entry"] not in files:
        module.fail_json(msg=f"{params['root']} is no built page: it has no {params['entry']}.")
    order = sorted(files, key=lambda name: (name == params["entry"], not is_immutable(name, params), name))
    try:
        client = Calls(module, "s3")
        sizes = {entry["Key"]: entry["Size"] for entry in client.list_objects(params["bucket"])}
        uploaded = [name for name in order if not is_there(client, params, name, files[name], sizes)]
        removed = sorted(set(sizes) - set(files) - set(params["keep"]))
        if not module.check_mode:
            for name in uploaded:
                client.put_object(
                    Bucket=params["bucket"], Key=name, Body=content(name, params), ContentType=content_type(name), CacheControl=cache_control(name, params),
                    Metadata={"sha256": files[name]},
                )
            for name in removed:
                client.delete_object(Bucket=params["bucket"], Key=name)
    except (BotoCoreError, ClientError) as e:
        module.fail_json_aws(e, msg=f"The page's bucket {params['bucket']}")
    result = {"changed": bool(uploaded or removed), "uploaded": uploaded, "removed": removed, "files": files}
    if module._diff and result["changed"]:  # pylint: disable=protected-access
        before = sorted(set(sizes))
        after = sorted((set(sizes) | set(files)) - set(removed))
        result["diff"] = {
            "before_header": f"s3://{params['bucket']}",
            "after_header": f"s3://{params['bucket']}",
            "before": "".join(f"{name}\n" for name in before),
            "after": "".join(f"{name}{' (new content)' if name in uploaded and name in sizes else ''}\n" for name in after),
        }
    module.exit_json(**result)


if __name__ == "__main__":
    main()
