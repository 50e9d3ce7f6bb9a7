variable "allow_destroy" {
  description = "Whether the environment may be destroyed with its lists, page and logs. Apply with true once, then destroy."
  type        = bool
  default     = false
  nullable    = false
}
