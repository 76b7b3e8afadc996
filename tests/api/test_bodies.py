"""How a body is read: of bounded size, in UTF-8 only, and every refusal is JSON."""

from __future__ import annotations

import codecs
import io

import pytest
from django.contrib.auth.models import User
from django.test import RequestFactory
from rest_framework.exceptions import APIException
from rest_framework.test import APIClient

from django_liveactivity.api.parsers import MAX_BYTES, BoundedJSONParser, BoundedRequest

from .conftest import ends

pytestmark = pytest.mark.django_db
TEXT = '{"stream_key": "a", "reason": "Größe"}'
BODY = TEXT.encode()
JSON = ("application/json", "application/problem+json")


def post(client, url, body=BODY, content_type="application/json"):
    return client.post(url, body, content_type=content_type)


def is_refused(answer, status: int) -> bool:
    is_json = answer.headers["Content-Type"].split(";")[0] in JSON and answer.json()
    return answer.status_code == status and bool(is_json) and not ends().exists()


class TestCharsets:
    @pytest.mark.parametrize("parameter", ["utf-8", "UTF-8", '"utf-8"', "utf8"])
    def test_utf_8_may_be_named(self, client, url, parameter):
        answer = post(client, url, content_type=f"application/json; charset={parameter}")

        assert answer.status_code == 202
        assert ends().get().reason == "Größe"

    @pytest.mark.parametrize(
        "name", ["utf-16", "utf-8-sig", "latin-1", "ascii", "zlib", "idna", "nothing", ""]
    )
    def test_another_charset_is_not_supported(self, client, url, name):
        answer = post(client, url, content_type=f"application/json; charset={name}")

        assert is_refused(answer, 415)
        assert "UTF-8" in answer.content.decode()

    @pytest.mark.parametrize(
        "body",
        [
            codecs.BOM_UTF8 + BODY,
            TEXT.encode("latin-1"),
            *(TEXT.encode(name) for name in ("utf-16", "utf-16-le", "utf-16-be")),
            *(TEXT.encode(name) for name in ("utf-32", "utf-32-le", "utf-32-be")),
            codecs.BOM_UTF16_LE,
            b'{"stream_key": "\xed\xa0\x80"}',
        ],
        ids=lambda body: ascii(body)[:30],
    )
    def test_a_body_in_another_charset_is_refused_with_the_reason(self, client, url, body):
        answer = post(client, url, body)

        assert is_refused(answer, 400)
        assert "Send JSON in UTF-8, without a byte order mark." in answer.content.decode()


class TestSizes:
    def test_a_body_of_the_largest_size_is_read(self, client, url):
        assert post(client, url, b'{"stream_key": "a"}'.ljust(MAX_BYTES)).status_code == 202

    @pytest.mark.parametrize("size", [MAX_BYTES + 1, 3_000_000])
    @pytest.mark.parametrize("django_s_own", [2_621_440, MAX_BYTES, None])
    def test_a_larger_one_is_refused_whatever_django_would_take(
        self, client, url, settings, size, django_s_own
    ):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = django_s_own

        answer = post(client, url, b" " * size)

        assert is_refused(answer, 413)
        assert f"at most {MAX_BYTES} bytes" in answer.content.decode()

    def test_a_lower_limit_of_the_project_holds(self, client, url, settings):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100

        assert is_refused(post(client, url, b'{"stream_key": "a"}'.ljust(101)), 413)
        assert post(client, url, b'{"stream_key": "a"}'.ljust(100)).status_code == 202

    @pytest.mark.parametrize(
        ("content_type", "status"),
        [
            ("application/x-www-form-urlencoded", 415),
            ("multipart/form-data; boundary=x", 415),
            ("application/json", 413),
        ],
    )
    def test_no_larger_body_is_read_to_look_for_a_csrf_token(
        self, user: User, url, content_type, status
    ):
        client = APIClient(enforce_csrf_checks=True)
        client.force_login(user)
        client.cookies["csrftoken"] = "x" * 32

        assert is_refused(post(client, url, b"a=1&" * 1_000_000, content_type), status)


class TestBrokenReads:
    def test_a_client_that_goes_away_is_no_error_of_the_server(self):
        class Gone(io.RawIOBase):
            def read(self, size: int = -1) -> bytes:
                raise ConnectionResetError

        with pytest.raises(APIException) as refused:
            BoundedJSONParser().parse(Gone())

        assert refused.value.status_code == 400

    @pytest.mark.parametrize(
        ("environ", "status"),
        [({}, 411), ({"wsgi.input_terminated": False}, 411), ({"wsgi.input_terminated": True}, 0)],
    )
    def test_chunks_are_read_where_the_server_says_that_they_end(self, environ, status):
        made = RequestFactory(HTTP_TRANSFER_ENCODING="chunked").post("/", **environ)
        made.environ["wsgi.input"] = io.BytesIO(BODY)
        made.environ.pop("CONTENT_LENGTH", None)
        request = BoundedRequest(made, parsers=[BoundedJSONParser()])
        request.META["CONTENT_TYPE"] = "application/json"

        try:
            assert request.data == {"stream_key": "a", "reason": "Größe"}
            assert status == 0
        except APIException as refused:
            assert refused.status_code == status

    def test_a_request_without_a_body_has_no_data(self):
        assert (
            BoundedRequest(RequestFactory().delete("/"), parsers=[BoundedJSONParser()]).data == {}
        )
