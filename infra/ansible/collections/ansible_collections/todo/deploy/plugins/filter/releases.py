"""The rule by which a release is chosen to go back to."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError


def _same(record, serving):
    return record.get("digest") == serving["digest"] and record.get("page") == serving["page"]


def rollback_target(releases, serving, to=None):
    """The release to go back to, by the rule in rollback_target.yml."""
    if to:
        to = str(to)  # seven digits of a commit may all be decimal, and JSON has numbers
        named = [r for r in releases if to in (r["id"], r["id"].split("-")[0]) or (len(to) >= 7 and r["revision"].startswith(to))]
        if not named:
            raise AnsibleFilterError(f"no release is called {to}; status.yml lists them")
        for record in named:
            if record["state"] == "healthy":
                return record
        raise AnsibleFilterError(f"the release {to} was never healthy (it is {named[0]['state']}); status.yml lists the ones that were")
    if releases and releases[0]["kind"] == "rollback" and releases[0]["state"] == "healthy" and _same(releases[0], serving):
        return releases[0]
    # What the rollbacks met so far went back from. Releases are read newest first, so one that was deployed again later is not among them.
    left = []
    for record in releases:
        if record["state"] == "healthy" and not _same(record, serving) and not any(_same(record, gone) for gone in left):
            return record
        if record["kind"] == "rollback" and not record.get("returned") and record.get("from"):
            left.append(record["from"])
    raise AnsibleFilterError("there is no healthy release to go back to; status.yml lists what there is")


def page_version(files):
    """One version for a set of files, from their names and digests; config.json, which differs by environment, apart."""
    import hashlib

    text = "".join(f"{name} {digest}\n" for name, digest in sorted(files.items()) if name != "config.json")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class FilterModule:
    """The filters of this collection."""

    def filters(self):
        return {"rollback_target": rollback_target, "page_version": page_version}
