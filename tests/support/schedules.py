"""How the models of schedules are played: all of them, in whatever time they take, and the same ones every time.

But for some numbers: the library also draws constants of whatever modules are loaded. So what a model must come to, it
must come to often.
"""

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
