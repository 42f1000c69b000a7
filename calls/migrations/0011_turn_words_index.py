"""What was said is found by its words in an index, and no longer by reading every turn."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # an index is not built concurrently inside a transaction

    dependencies = [
        ("calls", "0010_turn_reply_index"),
    ]

    operations = [
        # Turns are written meanwhile. A build that was stopped leaves an index that is not valid: drop it
        # (DROP INDEX turn_words) and migrate again.
        AddIndexConcurrently(
            model_name="turn",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.search.SearchVector(
                    models.Func(
                        models.F("text"),
                        models.Value("-+./@_<>&"),
                        models.Value("         "),
                        function="translate",
                        output_field=models.TextField(),
                    ),
                    config="simple",
                ),
                name="turn_words",
            ),
        ),
    ]
