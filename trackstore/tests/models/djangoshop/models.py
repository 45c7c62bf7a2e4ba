"""What a shop has."""

import uuid

from django.contrib.auth.models import User
from django.db import models
from django.utils.translation import gettext_lazy


class CompanyAccount(models.Model):
    name = models.CharField(max_length=100, unique=True)
    is_demo = models.BooleanField(default=False)


class BuyerProfile(models.Model):
    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4)
    ctime = models.DateTimeField()
    user = models.OneToOneField(User, models.CASCADE, related_name='buyer')
    company = models.ForeignKey(CompanyAccount, models.CASCADE, null=True,
                                related_name='buyers')


class Order(models.Model):
    class State(models.TextChoices):
        PAID = 'paid', gettext_lazy('Paid')

    number = models.IntegerField()
    total = models.DecimalField(max_digits=10, decimal_places=2)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PAID)
    data = models.JSONField(default=dict)
    buyer = models.ForeignKey(BuyerProfile, models.CASCADE, related_name='orders')

    class Meta:
        ordering = ['number']
        constraints = [models.UniqueConstraint(fields=['number'], name='number'),
                       models.UniqueConstraint(fields=['state', 'total'], name='both')]

    @property
    def doubled(self):
        return self.total * 2


class Express(Order):
    hours = models.IntegerField()


class Hidden(models.Model):
    pass
