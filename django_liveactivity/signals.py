"""The public signals, sent robustly after the row is stored, outside any transaction of ours.

The process that delivers sends them: a Celery worker, ``liveactivity_dispatch``, or with the
dispatcher ``immediate`` the caller's own thread. Every receiver gets ``sender`` (the model class),
``signal``, and the keyword arguments named here, whose rows are read anew. A receiver that raises
is logged by Django and disturbs nothing. A crash between the commit and the signal loses the
signal.
"""

from django.dispatch import Signal

operation_delivered = Signal()
"""An operation is done: ``operation`` (Operation, with its activity), ``outcome`` (str).

The vendor has acknowledged it, or it is known that no call is needed: ``never_started`` for an end
of a card that was never sent, ``already_ended`` for one whose card has ended with another's end.
"""

operation_failed = Signal()
"""An operation will not continue by itself: ``operation`` (Operation), ``outcome`` (str).

``operation.state`` says why: ``failed`` for content that the vendor refused for good,
``needs_operator`` for an end that is refused, sent when it is refused first, and ``given_up``.
"""

activity_started = Signal()
"""The vendor accepted the first content of a stream: ``activity`` (LiveActivity)."""

activity_ended = Signal()
"""A card has ended: ``activity`` (LiveActivity), ``outcome`` (str) as of ``operation_delivered``.

Sent once for each row, though a card may have several, where two hosts showed one key at once.
"""
