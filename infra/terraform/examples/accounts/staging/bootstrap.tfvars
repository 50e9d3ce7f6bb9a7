environments = ["staging"]
