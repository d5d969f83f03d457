"""Metrics, traces, log lines and the doctor, on real services."""
