"""What the benchmark without media leaves out of the product, it leaves out as an operator would."""

import pytest

from callcenter.celery import app
from callcenter.celery_adapters.scheduler import SteadyScheduler
from tools.measure.world import no_rooms


@pytest.mark.django_db(transaction=True)
def test_beat_starts_without_the_reaper_and_with_everything_else() -> None:
    no_rooms.main()

    schedule = SteadyScheduler(app=app).all_as_schedule()

    assert app.conf.beat_schedule.keys() - schedule.keys() == {"reap"}
