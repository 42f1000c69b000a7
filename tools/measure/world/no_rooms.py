"""`python -m tools.measure.world.no_rooms`: fills the database as `seed` does, for calls that have no rooms.

The reaper's periodic task is disabled, as in the admin: it would end every call, because no caller is in a room.
"""

from tools.measure.world import seed


def main() -> None:
    """Write it to the database of the environment, which is the benchmark's own and empty."""
    seed.main()
    # Models can be imported only now.
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    from callcenter.celery import app

    task = app.conf.beat_schedule["reap"]
    every, _ = IntervalSchedule.objects.get_or_create(every=int(task["schedule"]), period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(name="reap", task=task["task"], interval=every, enabled=False)


if __name__ == "__main__":
    main()
