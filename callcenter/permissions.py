"""Who may read the API: users whose groups give them the view permission of the model."""

from rest_framework.permissions import DjangoModelPermissions


class ReadPermission(DjangoModelPermissions):
    """Reading needs the model's `view` permission; the viewer and supervisor groups have it."""

    perms_map = {
        **DjangoModelPermissions.perms_map,
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
    }
