output "url" {
  description = "The cache's address for the API's TODO_HINTS. Serverless caches accept only TLS."
  value       = "rediss://${aws_elasticache_serverless_cache.this.endpoint[0].address}:${local.port}"
}
