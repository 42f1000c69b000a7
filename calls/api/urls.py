from rest_framework.routers import DefaultRouter

from calls.api import views

router = DefaultRouter()
router.trailing_slash = "/?"  # a POST cannot be redirected to the address with a slash
router.register("calls", views.CallViewSet)
router.register("turns", views.TurnViewSet)
router.register("personas", views.PersonaViewSet)
router.register("numbers", views.PhoneNumberViewSet)

urlpatterns = router.urls
