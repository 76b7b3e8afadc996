"""The admin of the customers: add them, change their keys, and remove them. No page shows a key."""

# ruff: noqa: ARG002 - Django calls these methods by its own signatures

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from django_liveactivity.admin import LiveActivitiesInline, LiveActivitiesMixin

from .models import Customer, Job


class CustomerForm(forms.ModelForm):
    key = forms.CharField(widget=forms.PasswordInput, required=False, strip=True)

    class Meta:
        model = Customer
        fields = ("slug",)

    def clean(self) -> None:
        super().clean()
        if not (self.instance.pk or self.cleaned_data.get("key")):
            self.add_error("key", "Give the customer's API key.")

    def save(self, commit: bool = True) -> Customer:
        if key := self.cleaned_data["key"]:
            self.instance.api_key = key
        return super().save(commit)


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin):
    form = CustomerForm
    list_display = ("slug", "leaving")
    actions = ("remove",)

    def get_readonly_fields(self, request: HttpRequest, obj: Customer | None = None) -> list[str]:
        return ["slug"] if obj else []  # it is the account's alias

    def has_delete_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        return False  # the key is needed to end the cards: see the action

    @admin.action(permissions=["change"], description="Remove customers")
    def remove(self, request: HttpRequest, queryset: QuerySet[Customer]) -> None:
        for customer in queryset:
            customer.leaving = True
            customer.save()
        self.message_user(request, "Their cards end, and then their keys are forgotten.")


@admin.register(Job)
class JobAdmin(LiveActivitiesMixin, admin.ModelAdmin):
    list_display = ("name", "customer", "running", "live_activities")
    inlines = (LiveActivitiesInline,)
