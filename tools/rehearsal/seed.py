"""Makes in an emulated account what Terraform makes in a real one.

Reads the account, the buckets, and what is published of each environment from standard input as JSON. Every environment
gets the distribution's id. Writes credentials of the account, the login of its registry, and what was published.
"""

import json
import sys

import boto3

wanted = json.load(sys.stdin)
region, account = wanted["region"], wanted["account"]

# moto knows the account of a request by its access key.
anybody = boto3.client("sts", region_name=region, aws_access_key_id="anybody", aws_secret_access_key="anybody")
role = anybody.assume_role(RoleArn=f"arn:aws:iam::{account}:role/deploy", RoleSessionName="rehearsal")["Credentials"]
session = boto3.Session(
    aws_access_key_id=role["AccessKeyId"], aws_secret_access_key=role["SecretAccessKey"], aws_session_token=role["SessionToken"], region_name=region
)

s3 = session.client("s3")
for bucket in wanted["buckets"]:
    s3.create_bucket(Bucket=bucket)

distribution = session.client("cloudfront").create_distribution(
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

for group in {published["log_group"] for published in wanted["published"].values()}:
    session.client("logs").create_log_group(logGroupName=group)

ssm = session.client("ssm")
for name, published in wanted["published"].items():
    published["distribution_id"] = distribution
    ssm.put_parameter(Name=f"/{wanted['project']}/{name}/deploy", Type="String", Value=json.dumps(published))

login = session.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
keys = {"key": role["AccessKeyId"], "secret": role["SecretAccessKey"], "session": role["SessionToken"]}
json.dump({**keys, "login": login, "published": wanted["published"]}, sys.stdout)
