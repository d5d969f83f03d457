"""The contract over HTTP: what every operation takes and answers, told as OpenAPI 3.1."""
