import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_member_number_index"),
        ("billing", "0004_money_that_goes_back"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="billingaccount",
            index=models.Index(
                models.F("region"),
                django.db.models.functions.text.Upper(
                    django.db.models.functions.text.Replace(
                        django.db.models.functions.text.Replace(
                            models.F("account_number"), models.Value(" "), models.Value("")
                        ),
                        models.Value("-"),
                        models.Value(""),
                    )
                ),
                name="account_by_number_as_typed",
            ),
        ),
    ]
