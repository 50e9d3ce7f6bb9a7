output "deployment_alarms" {
  description = "Names of the alarms that roll a deployment back."
  value       = [aws_cloudwatch_metric_alarm.server_errors.alarm_name]
}

output "topic_arn" {
  description = "ARN of the alarms' topic."
  value       = aws_sns_topic.alarms.arn
}

output "stopped_tasks_log_group" {
  description = "Name of the log group with the reasons why tasks stopped."
  value       = aws_cloudwatch_log_group.stopped_tasks.name
}

output "alarm_names" {
  description = "Names of all alarms."
  value       = concat([aws_cloudwatch_metric_alarm.server_errors.alarm_name], [for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name])
}
