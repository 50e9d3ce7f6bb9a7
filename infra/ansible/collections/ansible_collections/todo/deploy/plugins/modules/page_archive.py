#!/usr/bin/python
"""The copies of built pages in S3."""

from __future__ import annotations

DOCUMENTATION = r"""
module: page_archive
short_description: Archive a built page, or fetch an archived one
description:
  - Packs and unpacks in Python, so that no C(tar) is needed.
version_added: 1.0.0
author: [The maintainers]
options:
  bucket:
    description: The bucket that keeps every page.
    required: true
    type: str
  key:
    description: Key of the archive.
    required: true
    type: str
  root:
    description: The directory of the page; replaced by O(state=fetched).
    required: true
    type: path
  state:
    description: V(kept) writes the archive unless it exists, V(fetched) unpacks it.
    choices: [kept, fetched]
    required: true
    type: str
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Keep the page
  todo.deploy.page_archive:
    state: kept
    bucket: releases
    key: staging/pages/0123.tar.gz
    root: dist
"""

RETURN = r"""
written:
  description: Whether the archive was written.
  returned: always
  type: bool
"""

import gzip
import io
import os
import shutil
import tarfile
import tempfile
import zlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.todo.deploy.plugins.module_utils.calls import BotoCoreError, Calls, ClientError, code


def pack(root):
    """The same bytes for the same files."""
    raw = io.BytesIO()
    with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for directory, directories, names in os.walk(root):
            directories.sort()
            for name in sorted(names):
                path = os.path.join(directory, name)
                entry = tarfile.TarInfo(os.path.relpath(path, root).replace(os.sep, "/"))
                entry.size, entry.mode = os.path.getsize(path), 0o644
                with open(path, "rb") as f:
                    archive.addfile(entry, f)
    return raw.getvalue()


def unpack(body, root):
    """Replaces the directory when everything is unpacked."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(root), prefix=".page-") as new:  # another playbook may fetch the same page
        with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
            archive.extractall(f"{new}/page", filter="data")
        shutil.rmtree(root, ignore_errors=True)
        os.rename(f"{new}/page", root)


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "bucket": {"required": True}, "key": {"required": True, "no_log": False}, "root": {"required": True, "type": "path"},
            "state": {"required": True, "choices": ["kept", "fetched"]},
        },
        supports_check_mode=True,
    )
    params, written = module.params, False
    place = f"s3://{params['bucket']}/{params['key']}"
    try:
        s3 = Calls(module, "s3")
        if params["state"] == "fetched":
            unpack(s3.read(params["bucket"], params["key"])[1], params["root"])
        elif not module.check_mode:
            try:
                s3.put_object(Bucket=params["bucket"], Key=params["key"], Body=pack(params["root"]), ContentType="application/gzip", IfNoneMatch="*")
                written = True
            except ClientError as e:
                if code(e) != "PreconditionFailed":
                    raise
    except (BotoCoreError, ClientError) as e:
        module.fail_json_aws(e, msg=place)
    except (EOFError, OSError, tarfile.TarError, zlib.error) as e:  # tarfile lets those of a damaged gzip stream pass
        module.fail_json(msg=f"{place} and {params['root']}: {e}")
    module.exit_json(changed=written, written=written)


if __name__ == "__main__":
    main()
