"""How the models of schedules are played: the same schedules every time, all of them, in whatever time they take."""

from hypothesis import HealthCheck, Phase, settings


def some_schedules(count: int) -> settings:
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],  # add Phase.shrink to hunt a failure down; that takes minutes
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
