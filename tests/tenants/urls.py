"""The URLs of the project with tenants: none."""

urlpatterns: list[object] = []
