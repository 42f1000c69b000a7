"""`POST /api/calls/<id>/listen`, `whisper`, `take-over`, `hand-back` and `notes`."""

import uuid
from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.permissions import HasPermission
from calls.models import Call
from desk import supervision
from desk.supervision import NotNow, Unreachable

LONGEST_TEXT = 1000
DONE = OpenApiResponse(description="Done.")
NOT_NOW = OpenApiResponse(description="The call is not in a state for this; the response says why.")


class Refused(exceptions.APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "not_now"


class LiveKitAway(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "LiveKit is unavailable: try again."
    default_code = "livekit_away"


class ListeningSerializer(serializers.Serializer[Any]):
    """What livekit-client's `room.connect(url, token)` takes. The token is good for 30 s and one room."""

    url = serializers.CharField()
    token = serializers.CharField()
    identity = serializers.CharField(help_text="This listener's participant: `take-over` asks for it.")


class WhisperSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=LONGEST_TEXT, help_text="For the agent; the caller does not hear it.")
    say_now = serializers.BooleanField(
        default=False, help_text="Whether the agent acts on it at once, or keeps it in mind for its next reply."
    )


class TakeOverSerializer(serializers.Serializer[Any]):
    identity = serializers.CharField(max_length=128, help_text="As `listen` returned it, once that browser has joined.")


class HandBackSerializer(serializers.Serializer[Any]):
    note = serializers.CharField(
        max_length=LONGEST_TEXT, allow_blank=True, default="", help_text="What the agent should know."
    )


class NoteSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=LONGEST_TEXT)


def _supervise(act: Callable[[Call], Any], call_id: uuid.UUID) -> Any:
    try:
        return act(get_object_or_404(Call, pk=call_id))
    except NotNow as error:
        raise Refused(str(error)) from error
    except Unreachable as error:
        raise LiveKitAway from error


def _valid(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    asked = serializer(data=request.data)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


class ListenView(APIView):
    permission_classes = [HasPermission.of("calls.listen_call")]

    @extend_schema(request=None, responses={200: ListeningSerializer, 409: NOT_NOW})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Hear a live call, hidden from everyone in it. Recorded in the audit log, and shown on the call's page."""
        listening = _supervise(lambda call: supervision.listen(request.user, call), pk)
        return Response(ListeningSerializer(listening).data)


class WhisperView(APIView):
    permission_classes = [HasPermission.of("calls.whisper_call")]

    @extend_schema(request=WhisperSerializer, responses={204: DONE, 409: NOT_NOW})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Tell the agent something that the caller does not hear."""
        asked = _valid(WhisperSerializer, request)
        _supervise(lambda call: supervision.whisper(request.user, call, asked["text"], say_now=asked["say_now"]), pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


class TakeOverView(APIView):
    permission_classes = [HasPermission.of("calls.take_over_call")]

    @extend_schema(request=TakeOverSerializer, responses={204: DONE, 409: NOT_NOW})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Speak to the caller in the agent's place, with a browser that listens already. The agent falls silent."""
        identity = _valid(TakeOverSerializer, request)["identity"]
        _supervise(lambda call: supervision.take_over(request.user, call, identity), pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


class HandBackView(APIView):
    permission_classes = [HasPermission.of("calls.take_over_call")]

    @extend_schema(request=HandBackSerializer, responses={204: DONE, 409: NOT_NOW})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Give the call back to the agent, which goes on with what was said meanwhile, and with the note."""
        note = _valid(HandBackSerializer, request)["note"]
        _supervise(lambda call: supervision.hand_back(request.user, call, note), pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


class NoteView(APIView):
    permission_classes = [HasPermission.of("calls.annotate_call")]

    @extend_schema(request=NoteSerializer, responses={204: DONE})
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Add a note to a call, live or over. It is shown on the call's page, and erased with the call's words."""
        text = _valid(NoteSerializer, request)["text"]
        _supervise(lambda call: supervision.add_note(request.user, call, text), pk)
        return Response(status=status.HTTP_204_NO_CONTENT)
