"""The vendor's five calls over HTTP: one call, one answer, nothing retried."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Self, Unpack

from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.content.parsing import ContentInput, OptionFields

from . import config
from .answer import (
    ANSWER_LIMIT,
    Answer,
    NoAnswerError,
    Outcome,
    map_texts,
    read_answer,
    read_text,
)
from .call import Call, build_call
from .proxy import Proxy
from .secret import Redaction, Secret

if TYPE_CHECKING:
    import httpcore
    import httpx

    from .transport import Sender, TransportWrapper


class Client:
    """The vendor's API; safe to share between threads, not across a fork.

    Args:
        api_key: the account's key, as text or as a ``Secret``; surrounding whitespace is ignored.
        base_url: where the API is; https, or http on a loopback address.
        connect_timeout: seconds to find and reach the server.
        deadline: seconds for a whole call, connecting, sending and reading included.
        proxy: passes the calls on: a URL (http, https or socks5), or a ``Proxy``; None for none. A
            loopback address is called directly. The environment's proxies are never used.
        ca_bundle: a file or directory of the certificate authorities to trust; empty for those that
            SSL_CERT_FILE or SSL_CERT_DIR names, else certifi's.
        transport: in place of the proxy a transport of httpx's, which then has to keep the deadline
            itself; or a network backend of httpcore's, which opens the connections.
        transport_wrapper: puts a transport of httpx's around the client's own, once, and returns
            it. It sees each request without the API key.

    Raises:
        InvalidInputError: at ``api_key``, ``base_url``, ``proxy``, ``proxy_auth``,
            ``connect_timeout`` or ``deadline``.

    No network failure is raised: every call returns an ``Answer``. Bad input raises
    InvalidInputError, before anything is sent.
    """

    _base_url = ""  # so that the repr works in the traceback of a constructor that fails

    def __init__(
        self,
        api_key: str | Secret,
        *,
        base_url: str = config.DEFAULT_BASE_URL,
        connect_timeout: float = 5.0,
        deadline: float = 15.0,
        proxy: str | Proxy | None = None,
        ca_bundle: str = "",
        transport: httpx.BaseTransport | httpcore.NetworkBackend | None = None,
        transport_wrapper: TransportWrapper | None = None,
    ) -> None:
        secret = api_key if isinstance(api_key, Secret) else Secret(lambda: api_key)
        opaque = Proxy(lambda: proxy) if isinstance(proxy, str) else proxy
        api_key, proxy = secret, opaque  # error pages print locals, and errors may follow
        secret.check()
        if opaque is not None:
            opaque.check()
        self._secret, self._proxy, self._ca_bundle = secret, opaque, ca_bundle
        self._redaction = Redaction(secret, *(opaque.secrets if opaque else ()))
        self._base_url = config.check_base_url(base_url)
        self._address = hashlib.sha256(self._base_url.encode()).hexdigest()
        self._deadline = config.check_seconds("deadline", deadline)
        self._connect_timeout = config.check_seconds("connect_timeout", connect_timeout)
        self._transport, self._transport_wrapper = transport, transport_wrapper
        self._lock = threading.Lock()
        self._sender: Sender | None = None
        self._closed = False

    def key_fingerprint(self, salt: str) -> str:
        """Return 16 characters that tell the key from others, and do not reveal it.

        Args:
            salt: a secret; without it a guessed key cannot be compared with the fingerprint.
        """
        return self._secret.fingerprint(salt)

    def __repr__(self) -> str:
        return f"Client(base_url={self._base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; no call can be made afterward."""
        with self._lock:
            self._closed = True
            if self._sender is not None:
                self._sender.close()

    def stream(self, key: str, content: ContentInput, **options: Unpack[OptionFields]) -> Answer:
        """Show a card, or bring it up to date: PUT /live-activity/stream/{key}."""
        return self.send(build_call(Endpoint.STREAM, key, content, None, options))

    def end_stream(
        self,
        key: str,
        content: ContentInput | None = None,
        *,
        dismiss_after: timedelta | None = None,
        **options: Unpack[OptionFields],
    ) -> Answer:
        """End a card by its stream key: DELETE /live-activity/stream/{key}.

        Args:
            key: the stream key.
            content: what the ended card shows; None leaves it as it is.
            dismiss_after: how long the ended card stays, 0 s to 4 h; needs content. Content as a
                dict may have ``auto_dismiss_seconds`` or ``auto_dismiss_minutes`` instead.
            options: action, secondary_action, alert, tags, metadata.
        """
        return self.send(build_call(Endpoint.END_STREAM, key, content, dismiss_after, options))

    def start(self, content: ContentInput, **options: Unpack[OptionFields]) -> Answer:
        """Show a card of the manual lifecycle: POST /live-activity/start.

        A start that times out can neither be repeated nor found again; prefer ``stream``.
        """
        return self.send(build_call(Endpoint.START, "", content, None, options))

    def update(
        self, activity_id: str, content: ContentInput, **options: Unpack[OptionFields]
    ) -> Answer:
        """Bring a card of the manual lifecycle up to date: POST /live-activity/update."""
        return self.send(build_call(Endpoint.UPDATE, activity_id, content, None, options))

    def end(
        self,
        activity_id: str,
        content: ContentInput,
        *,
        dismiss_after: timedelta | None = None,
        **options: Unpack[OptionFields],
    ) -> Answer:
        """End a card of the manual lifecycle: POST /live-activity/end.

        Args:
            activity_id: as the start's answer gave it.
            content: what the ended card shows, with at least a title.
            dismiss_after: how long the ended card stays, 0 s to 4 h, rounded up to minutes. Content
                as a dict may have ``auto_dismiss_minutes`` or ``auto_dismiss_seconds`` instead.
            options: action, secondary_action, tags, metadata.
        """
        return self.send(build_call(Endpoint.END, activity_id, content, dismiss_after, options))

    def send(self, call: Call) -> Answer:
        """Make one call and return its answer; no network failure is raised.

        Raises:
            InvalidInputError: at ``body``, if it is not JSON.
        """
        content = call.encode()
        try:
            return self._answer(call, content)
        except BaseException as error:  # noqa: BLE001 - raised again below
            # A time limit of Celery, say. The frames below hold the Authorization header and the
            # answer as it came, and error pages print what frames hold.
            error.__context__ = None
            problem = self._redaction.redact_text(repr(error))
            if problem == repr(error):
                raise error.with_traceback(None) from None
        # It quotes the key. Raised out here, it is not the new error's context, which is shown too.
        raise RuntimeError(problem)

    def _answer(self, call: Call, content: bytes | None) -> Answer:
        started = time.monotonic()
        try:
            sender = self._connected()
            started = time.monotonic()  # to read the certificates is not part of the call
            with self._redaction.kept_out_of_logs():
                received = sender.send(call.method, self._base_url + call.path, content)
        except NoAnswerError as error:
            return self._failure(error, time.monotonic() - started)
        duration = time.monotonic() - started
        is_cut = len(received.content) > ANSWER_LIMIT
        text = self._redaction.redact(received.content, cut=is_cut)
        received = received._replace(content=text)
        answer = read_answer(call.endpoint, received, duration, self._address)
        # Without escapes, what was read is what was redacted.
        return answer if text.isascii() and b"\\" not in text else self._redacted(answer)

    def _redacted(self, answer: Answer) -> Answer:
        redact = self._redaction.redact_text
        body = map_texts(answer.body, redact)
        return replace(
            answer,
            body=body if isinstance(body, dict) else None,
            text=redact(answer.text),
            error=redact(answer.error),
        )

    def _failure(self, error: NoAnswerError, duration: float) -> Answer:
        outcome = Outcome.AMBIGUOUS if error.sent else Outcome.NOT_SENT
        message = self._redaction.redact(str(error).encode(errors="replace"))
        return Answer(outcome, duration=duration, error=read_text(message))

    def _connected(self) -> Sender:
        """Return the sender, which the first call makes: most processes make no call."""
        with self._lock:
            if self._closed:
                raise RuntimeError("Cannot send a call: the client is closed.")
            if self._sender is None:
                self._sender = self._make_sender()
            return self._sender

    def _make_sender(self) -> Sender:
        from .transport import ProxyBackend, Sender, tls_context  # noqa: PLC0415 - loads httpx

        transport, ssl_context = self._transport, None
        if self._base_url.startswith("https:"):
            try:
                ssl_context = tls_context(self._ca_bundle)
            except config.CertificatesError as error:
                raise NoAnswerError(str(error), sent=False) from None
            if transport is None and self._proxy and not config.is_loopback(self._base_url):
                transport = ProxyBackend(self._proxy, ssl_context)
        return Sender(
            self._secret,
            deadline=self._deadline,
            connect_timeout=self._connect_timeout,
            transport=transport,
            ssl_context=ssl_context,
            wrapper=self._transport_wrapper,
        )
