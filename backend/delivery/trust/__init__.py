"""How sure a connection out must be: DANE (`dane`), MTA-STS (`sts`, `policies`), exceptions of the site (`demand`)."""
