"""The pages of people on the line, for those who may open the admin's."""

from django.contrib import admin
from django.urls import path

from desk import talk
from desk.board import panel, views

app_name = "desk"
opened = admin.site.admin_view
urlpatterns = [
    path("", opened(views.page), name="board"),
    path("stream/", opened(views.stream), name="stream"),
    path("calls/<uuid:call_id>/", opened(panel.panel), name="call"),
    path("talk/", opened(talk.page), name="talk"),
    path("talk/start/", opened(talk.start), name="talk-start"),
    path("talk/<str:room_name>/", opened(talk.progress), name="talk-progress"),
]
