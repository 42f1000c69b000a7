"""`POST /api/calls/<id>/hang-up`: end a live call."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from access.permissions import HasScope
from calls.api.serializers import CallSerializer
from calls.lifecycle import services
from calls.models import Call
from calls.privacy import audit
from calls.reporting.collectors import count_supervision


class EndsCalls(viewsets.GenericViewSet[Call]):
    """Adds ending calls to the list of calls."""

    @extend_schema(
        request=None,
        responses={200: CallSerializer, 409: OpenApiResponse(description="The call has already ended.")},
    )
    @action(detail=True, methods=["post"], url_path="hang-up", permission_classes=[HasScope.of("dispatch")])
    def hang_up(self, request: Request, pk: str) -> Response:
        """End a call for everyone in it: the end is written first, then the room is closed."""
        call = self.get_object()
        if not services.hang_up(call.pk):
            return Response({"detail": "The call has already ended."}, status=status.HTTP_409_CONFLICT)
        audit.record(request.user, call, "hung up")
        count_supervision("hang_up")
        call = self.get_object()
        return Response(self.get_serializer(call).data)
