output "deployment_alarms" {
  description = "Names of the alarms that a deployment should watch and go back on."
  value       = [aws_cloudwatch_metric_alarm.server_errors.alarm_name]
}

output "topic_arn" {
  description = "ARN of the topic that alarms are sent to."
  value       = aws_sns_topic.alarms.arn
}

output "stopped_tasks_log_group" {
  description = "Name of the log group that keeps why tasks stopped."
  value       = aws_cloudwatch_log_group.stopped_tasks.name
}

output "alarm_names" {
  description = "Names of all alarms."
  value       = concat([aws_cloudwatch_metric_alarm.server_errors.alarm_name], [for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name])
}
