"""What one environment verified is what the next one runs: fetched there, deployed here, never built again."""

import shutil

import pytest


@pytest.fixture(scope="module")
def verified(place):
    """The environment `first` serves A and had B, which failed; `second` serves nothing. Nothing that was built is left."""
    place.create("first")
    place.create("second")
    place.commit("a")
    code, said = place.play("deploy.yml", "first")
    assert code == 0, said
    shutil.rmtree(place.root / ".cache/releases")
    return place


def test_promotion(verified):
    code, said = verified.play("deploy.yml", "second", release="0123456789ab")
    assert code != 0 and "No release 0123456789ab was fetched: here are none. Fetch it from the environment that verified it" in said, said
    code, said = verified.play("fetch.yml", "first", release="r7")
    assert code != 0 and "no release is called r7" in said, said

    code, said = verified.play("fetch.yml", "first")
    assert code == 0 and f"-e release={verified.commits['a'][:12]}" in said, said
    code, said = verified.play("deploy.yml", "second", release=verified.commits["a"][:12])
    assert code == 0 and verified.serves("second") == ("a", "a"), said
    assert verified.s3.list_objects_v2(Bucket="second-releases", Prefix="e/sbom/")["KeyCount"] == 1, "the bill of materials travels along"
    code, said = verified.play("status.yml", "second")
    assert "deploy healthy" in said and "as verified in first" in said, said


def test_image_that_is_gone(verified):
    (verified.directory / "registry" / ("sha256:" + "a" * 64)).unlink()
    code, said = verified.play("fetch.yml", "first", release="r1")
    assert code != 0 and "has no image sha256:aaaa" in said and "or no longer" in said, said
