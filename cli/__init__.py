"""The `cqrs` command."""
