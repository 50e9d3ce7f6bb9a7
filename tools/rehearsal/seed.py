"""Makes in the emulated account what Terraform makes in a real one.

Reads the content of each SSM parameter by name, and the buckets, from standard
input as JSON; every parameter gets the distribution's id.
"""

import json
import sys

import boto3

wanted = json.load(sys.stdin)
region = wanted["region"]

s3 = boto3.client("s3", region_name=region)
for bucket in wanted["buckets"]:
    s3.create_bucket(Bucket=bucket)

distribution = boto3.client("cloudfront", region_name=region).create_distribution(
    DistributionConfig={
        "CallerReference": "rehearsal",
        "Comment": "rehearsal",
        "Enabled": True,
        "Origins": {
            "Quantity": 1,
            "Items": [{"Id": "page", "DomainName": "page.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}],
        },
        "DefaultCacheBehavior": {
            "TargetOriginId": "page",
            "ViewerProtocolPolicy": "redirect-to-https",
            "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}},
            "MinTTL": 0,
        },
    }
)["Distribution"]["Id"]

ssm = boto3.client("ssm", region_name=region)
for name, value in wanted["parameters"].items():
    ssm.put_parameter(Name=name, Type="String", Value=json.dumps({**value, "distribution_id": distribution}))

token = boto3.client("ecr", region_name=region).get_authorization_token()["authorizationData"][0]["authorizationToken"]
json.dump({"distribution": distribution, "token": token}, sys.stdout)
