variable "allow_destroy" {
  description = "Whether the environment may be destroyed with all that is in it. Apply with true once, then destroy."
  type        = bool
  default     = false
  nullable    = false
}
