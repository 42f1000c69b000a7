from django.urls import re_path

from desk.api import views

_CALL = r"^calls/(?P<pk>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"

urlpatterns = [  # with a slash at the end or without, as the other addresses of the API
    re_path(rf"{_CALL}/listen/?$", views.ListenView.as_view(), name="call-listen"),
    re_path(rf"{_CALL}/whisper/?$", views.WhisperView.as_view(), name="call-whisper"),
    re_path(rf"{_CALL}/take-over/?$", views.TakeOverView.as_view(), name="call-take-over"),
    re_path(rf"{_CALL}/hand-back/?$", views.HandBackView.as_view(), name="call-hand-back"),
    re_path(rf"{_CALL}/notes/?$", views.NoteView.as_view(), name="call-notes"),
]
