variable "name" {
  description = "Name of the image repository."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9]+([._/-][a-z0-9]+)*$", var.name)) && length(var.name) >= 2 && length(var.name) <= 256
    error_message = "name has 2 to 256 lower-case letters and digits with single . _ - or / between them."
  }
}

variable "keep_images" {
  description = "Number of images that are kept. The oldest are deleted first, even if they run: keep more than all releases that any environment may roll back to."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.keep_images >= 10 && var.keep_images <= 10000 && floor(var.keep_images) == var.keep_images
    error_message = "keep_images is a whole number from 10 to 10000: fewer than ten could remove the image that a rollback needs."
  }
}

variable "allow_destroy" {
  description = "Whether destroying the repository also deletes the images in it."
  type        = bool
  default     = false
  nullable    = false
}
