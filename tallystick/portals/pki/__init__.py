"""The national PKI for officers: authorities with their ends, lists, certificates found, revoked and held."""
