output "url" {
  description = "The address as the API's TODO_HINTS takes it. Serverless caches speak TLS alone."
  value       = "rediss://${aws_elasticache_serverless_cache.this.endpoint[0].address}:${local.port}"
}
