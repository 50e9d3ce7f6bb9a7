environments = ["production"]
