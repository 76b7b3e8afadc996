"""One object, though its key has several spellings: only the host's database can tell.

MariaDB's usual collations take ``ABC``, ``abc``, ``ABC `` and ``ÁBC`` for one primary key; so do a
collation of PostgreSQL that is not deterministic, and ``NOCASE`` of SQLite, for some of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from django_liveactivity import ModelActivity, Progress, conf, selectors, services
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.tracking import SyncResult
from tests.reads import statements
from tests.shop.models import Machine, Order, Parcel

from .orders import OrderActivity, followed, kinds, reconciled

CONTENT = Progress(title="Card", percentage=1)
STORED = "ABC"
EQUAL = {
    "mysql": ["abc", "aBC", "ABC ", "ÁBC", "abc  "],
    "postgresql": ["abc", "aBC", "ÁBC"],
    "sqlite": ["abc", "aBC"],
}[connection.vendor]
SEES_CARDS = connection.vendor == "mysql"
"""Whether the column of our cards takes these keys for equal, too: then a signal is enough."""

pytestmark = pytest.mark.usefixtures("db", "liveactivity_outbox")


class MachineActivity(ModelActivity[Machine]):
    def is_live(self, machine: Machine) -> bool:
        return machine.load > 0

    def content(self, machine: Machine) -> Progress:
        return Progress(title="Load", percentage=machine.load)


class ChoosingActivity(MachineActivity):
    def get_account(self, machine: Machine) -> str:
        return "default"


@pytest.fixture
def folding(db: None) -> None:
    """A table whose keys are equal if only their case differs: MariaDB's is one without a word."""
    if connection.vendor == "mysql":
        return
    collation = "NOCASE"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            collation = "folding"
            cursor.execute(
                "CREATE COLLATION folding "
                "(provider = icu, locale = 'und-u-ks-level1', deterministic = false)"
            )
        cursor.execute("DROP TABLE shop_machine")
        cursor.execute(
            f"CREATE TABLE shop_machine (hostname varchar(300) COLLATE {collation} PRIMARY KEY, "
            "load integer NOT NULL)"
        )


@pytest.fixture(params=[MachineActivity, ChoosingActivity], ids=["one account", "chosen account"])
def machine(request: pytest.FixtureRequest, folding: None) -> Iterator[Machine]:
    with followed(Machine, request.param):
        yield Machine.objects.create(hostname=STORED, load=5)


@pytest.fixture(params=EQUAL)
def written(request: pytest.FixtureRequest) -> str:
    return request.param


class TestAnObjectThatIsSavedUnderAnotherSpelling:
    def test_keeps_its_card(self, machine, written):
        Machine(hostname=written, load=7).save()
        assert Machine.objects.get().load == 7
        card = LiveActivity.objects.get()
        assert card.subject_pk == STORED
        assert Operation.objects.latest("pk").content["percentage"] == 7
        assert reconciled() == SyncResult(examined=1)

    def test_gets_a_card_that_names_the_row(self, folding, written):
        Machine.objects.bulk_create([Machine(hostname=STORED)])
        with followed(Machine, MachineActivity):
            Machine(hostname=written, load=7).save()
        assert LiveActivity.objects.get().subject_pk == STORED

    def test_ends_its_card(self, machine, written):
        Machine(hostname=written, load=0).save()
        if SEES_CARDS:
            assert kinds() == ["stream", "end"]
        reconciled()
        assert kinds() == ["stream", "end"]

    def test_ends_its_card_when_it_is_deleted(self, machine, written):
        Machine(hostname=written).delete()
        assert not Machine.objects.exists()
        if SEES_CARDS:
            assert kinds() == ["stream", "end"]
        reconciled()
        assert kinds() == ["stream", "end"]


class TestACardThatSpellsItsKeyInAnotherWay:
    """It was shown for an instance that no row was read for, or the row was renamed since."""

    def test_is_left_as_long_as_its_object_lives(self, folding, written):
        machine = Machine.objects.create(hostname=STORED)
        services.stream_activity("machine", CONTENT, subject=Machine(hostname=written))
        assert reconciled() == SyncResult(examined=1)
        machine.delete()
        assert reconciled() == SyncResult(examined=1, ended=1)

    def test_follows_its_object(self, machine, written):
        LiveActivity.objects.update(subject_pk=written)
        assert reconciled() == SyncResult(examined=1)
        Machine.objects.update(load=8)
        assert reconciled(dry_run=True) == SyncResult(examined=1, updated=1)
        assert reconciled() == SyncResult(examined=1, updated=1)
        Machine.objects.update(load=0)
        assert reconciled() == SyncResult(examined=1, ended=1)
        assert kinds() == ["stream", "stream", "end"]

    def test_ends_when_its_object_is_gone(self, machine, written):
        LiveActivity.objects.update(subject_pk=written)
        Machine.objects.all()._raw_delete("default")
        assert reconciled() == SyncResult(examined=1, ended=1)

    def test_ends_beside_a_newer_one_of_its_object(self, machine, written):
        first = LiveActivity.objects.get()
        LiveActivity.objects.update(subject_pk="elsewhere")
        machine.save()
        LiveActivity.objects.filter(pk=first.pk).update(subject_pk=written)
        assert LiveActivity.objects.count() == 2
        assert reconciled() == SyncResult(examined=2, ended=1)
        assert Operation.objects.get(kind="end").activity == first

    def test_leads_to_its_object(self, folding, written):
        machine = Machine.objects.create(hostname=STORED)
        for number, name in enumerate((written, "gone", STORED)):
            services.stream_activity(str(number), CONTENT, subject=Machine(hostname=name))
        cards = list(LiveActivity.objects.order_by("pk"))
        assert [card.subject for card in cards] == [machine, None, machine]
        assert [*selectors.subjects(cards).values()] == [machine, None, machine]

    @pytest.mark.skipif(not SEES_CARDS, reason="our column takes these keys for different ones")
    class TestInAColumnWithTheSameCollation:
        def test_is_updated_by_a_save(self, machine, written):
            LiveActivity.objects.update(subject_pk=written)
            machine.load = 9
            machine.save()
            assert LiveActivity.objects.get().subject_pk == written
            assert Operation.objects.latest("pk").content["percentage"] == 9

        def test_is_updated_by_sync(self, machine, written):
            LiveActivity.objects.update(subject_pk=written)
            Machine.objects.update(load=9)
            (activity,) = {type(each) for each in followed_classes()}
            assert activity.sync(Machine.objects.all()) == SyncResult(examined=1, updated=1)
            assert LiveActivity.objects.count() == 1

        def test_ends_with_its_object(self, machine, written):
            LiveActivity.objects.update(subject_pk=written)
            machine.delete()
            assert kinds() == ["stream", "end"]


def followed_classes() -> list[ModelActivity[Machine]]:
    from django_liveactivity.tracking.registry import registered

    return [each for each in registered() if each.model is Machine]


@pytest.fixture
def exact(transactional_db: None) -> Iterator[None]:
    """A table whose keys are equal if their bytes are; our own columns stay as they are."""
    if connection.vendor != "mysql":
        yield
        return
    change = "ALTER TABLE shop_machine MODIFY hostname varchar(300) COLLATE {} NOT NULL"
    with connection.cursor() as cursor:
        cursor.execute(change.format("utf8mb4_nopad_bin"))
        try:
            yield
        finally:
            Machine.objects.all().delete()
            cursor.execute(change.format("utf8mb4_general_ci"))


class TestObjectsThatDifferInCaseOnly:
    @pytest.fixture
    def machines(self, exact: None) -> Iterator[list[Machine]]:
        names = (STORED, "abc", "ABC ", "ÁBC")
        with followed(Machine, MachineActivity):
            yield [Machine.objects.create(hostname=name, load=5) for name in names]

    def test_have_a_card_each(self, machines):
        assert reconciled() == SyncResult(examined=4)
        assert MachineActivity.sync(Machine.objects.all()) == SyncResult(examined=4)
        for machine in machines:
            machine.save()
        assert kinds() == ["stream"] * 4
        cards = list(LiveActivity.objects.order_by("pk"))
        assert [*selectors.subjects(cards).values()] == machines

    def test_end_their_own_card(self, machines):
        machines[1].load = 0
        machines[1].save()
        machines[2].delete()
        ended = [end.activity.subject_pk for end in Operation.objects.filter(kind="end")]
        assert ended == ["abc", "ABC "]
        assert reconciled().ended == 0


@pytest.mark.parametrize("model", [Order, Parcel])
def test_a_key_that_its_field_writes_in_another_way_leads_to_its_object(model):
    """A card of before the model's key had its type of today."""
    written = {Order: "0042", Parcel: "550E8400e29b41d4a716446655440000"}[model]
    alive = model.objects.create(pk=written)
    services.stream_activity("card", CONTENT, subject=alive)
    LiveActivity.objects.update(subject_pk=written)
    card = LiveActivity.objects.get()
    assert card.subject == selectors.subjects([card])[card.pk] == model.objects.get()
    assert reconciled() == SyncResult(examined=1)
    model.objects.all().delete()
    assert reconciled() == SyncResult(examined=1, ended=1)


def test_a_card_whose_key_is_written_in_another_way_follows_its_order():
    with followed(Order, OrderActivity):
        order = Order.objects.create(pk=42, status="cooking")
        LiveActivity.objects.update(subject_pk="0042")
        Order.objects.update(progress=70)
        assert reconciled() == SyncResult(examined=1, updated=1)
        order.delete()
        assert reconciled() == SyncResult(examined=1, ended=1)


def test_keys_without_a_row_cost_one_more_query_all_together():
    Machine.objects.create(hostname="there")
    keys = ["there", *(f"gone-{number}" for number in range(400))]
    found: dict[str, str] = {}
    read = statements(lambda: found.update(selectors.stored_keys(Machine, "default", keys)))
    assert found == {"there": "there"}
    assert len(read) == 2
    assert len(statements(lambda: selectors.stored_keys(Machine, "default", keys[1:]))) == 1
    assert statements(lambda: selectors.stored_keys(Machine, "default", [])) == []


def test_a_thousand_keys_of_one_table_are_told_apart_in_few_queries(folding):
    Machine.objects.bulk_create(Machine(hostname=f"HOST-{number}") for number in range(8))
    keys = [f"{name}-{number}" for name in ("host", "HOST", "gone") for number in range(8)]
    found: dict[str, str] = {}
    read = statements(lambda: found.update(selectors.stored_keys(Machine, "default", keys)))
    assert found == {
        f"{name}-{number}": f"HOST-{number}" for name in ("host", "HOST") for number in range(8)
    }
    assert len(read) < 32


def test_an_account_has_the_card_of_the_row_whichever_way_it_is_asked(machine, written):
    """The services stay exact: what the caller names is what ends."""
    account = conf.account()
    assert services.end_activities(subject=Machine(hostname=written)) == []
    [end] = services.end_activities(subject=machine)
    assert (end.account, end.activity.subject_pk) == (account.alias, STORED)
