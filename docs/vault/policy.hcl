# The one thing that the role's token may do, once: read the key of the sealed tier.
path "secret/data/vae-grade-sealed" {
  capabilities = ["read"]
}
