"""Who of the staff answers in the chat, and who changes what people read.

Every role sees conversations; agents and supervisors answer; supervisors change numbers, hours and
banners; auditors see who did.
"""

from django.db import migrations

from accounts.roles import EVERY_ROLE, Role, let_view

SETTINGS = ["organisation", "socialprofile", "deskhours", "banner"]
# What a supervisor may do beyond looking. The organisation is one row, which stays.
EDITS = [
    "change_organisation",
    *(f"{act}_{model}" for model in SETTINGS[1:] for act in ("add", "change", "delete")),
]


def let_do(apps, *, model_name, codenames, roles):
    content_type = apps.get_model("contenttypes", "ContentType").objects.get(
        app_label="support", model=model_name
    )
    for codename in codenames:
        permission, _created = apps.get_model("auth", "Permission").objects.get_or_create(
            content_type=content_type,
            codename=codename,
            defaults={"name": f"Can {codename.replace('_', ' ')}"},
        )
        for role in roles:
            apps.get_model("auth", "Group").objects.get(name=role.value).permissions.add(permission)


def add_rights(apps, schema_editor):
    let_view(
        apps,
        app_label="support",
        model_names=["conversation", *SETTINGS],
        roles=EVERY_ROLE,
    )
    let_view(apps, app_label="support", model_names=["change"], roles=[Role.SUPERVISOR, Role.AUDITOR])
    let_do(
        apps,
        model_name="conversation",
        codenames=["answer_conversation"],
        roles=[Role.BILLING_AGENT, Role.SUPERVISOR],
    )
    for model_name in SETTINGS:
        let_do(
            apps,
            model_name=model_name,
            codenames=[name for name in EDITS if name.endswith(f"_{model_name}")],
            roles=[Role.SUPERVISOR],
        )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_staff_roles"),
        ("support", "0002_how_to_reach_us"),
    ]

    operations = [migrations.RunPython(add_rights, migrations.RunPython.noop)]
