"""Asking Overpass and Nominatim through OSMnx, with bounded patience and nothing believed unseen.

OSMnx by itself believes a truncated answer, and waits for ever on a busy server. Here every answer is looked at
before OSMnx sees it (a response hook of requests, handed over in OSMnx's own `requests_kwargs`): an answer with a
server `remark` is never used, and retries are bounded. OSMnx's settings are set for the time of a call and put back,
as is `socket.getaddrinfo`, which OSMnx replaces. Nothing is sent anywhere but what the call asks (OSMnx's DNS-over-
HTTPS fallback is off).
"""

from __future__ import annotations

import dataclasses
import logging
import os
import re
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs

import osmnx
import requests

from doorview.errors import InputError, NetworkError

__all__ = ["BusyError", "Endpoint", "NothingFoundError", "TooLargeError", "ask_patiently", "host", "plain", "strange"]

_LOG = logging.getLogger(__name__)
_Result = TypeVar("_Result")

_BUSY = frozenset({429, 500, 502, 503, 504})
_STATUS_TIMEOUT_S = 10
_ONE_AT_A_TIME = threading.Lock()  # OSMnx's settings are one per process


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """Where to ask and how patiently.

    `waits_s` are the pauses [s] before each further try when a server is busy (429, 5xx or a broken-off answer), so
    their number is the number of retries. `timeout_s` [s] is what the server is given for a query and how long it may
    stay silent.
    """

    overpass_url: str = "https://overpass-api.de/api"
    nominatim_url: str = "https://nominatim.openstreetmap.org"
    timeout_s: int = 180
    waits_s: tuple[float, ...] = (15.0, 45.0, 90.0)

    def __post_init__(self) -> None:
        """Refuse what is no http address (`InputError`)."""
        for what, url in (("overpass_url", self.overpass_url), ("nominatim_url", self.nominatim_url)):
            if not re.match(r"https?://[^/\s]+", url):
                raise InputError(
                    f"{what} is {url!r}, which is no http address, so nothing can be asked there. Write it in full, "
                    "e.g. Endpoint(overpass_url='https://overpass-api.de/api'), or set DOORVIEW_OVERPASS_URL / "
                    "DOORVIEW_NOMINATIM_URL."
                )

    @classmethod
    def from_environment(cls) -> Endpoint:
        """Return the default, its addresses replaced by DOORVIEW_OVERPASS_URL and DOORVIEW_NOMINATIM_URL where set."""
        return cls(
            overpass_url=os.environ.get("DOORVIEW_OVERPASS_URL") or cls.overpass_url,
            nominatim_url=os.environ.get("DOORVIEW_NOMINATIM_URL") or cls.nominatim_url,
        )


class BusyError(Exception):
    """The server is overloaded or broke off: the same question may be asked again later."""


class TooLargeError(Exception):
    """The server ran out of time or memory and sent a part: a smaller question may be answered."""


class NothingFoundError(Exception):
    """The geocoder knows no such place."""


def ask_patiently(
    call: Callable[[], _Result],
    endpoint: Endpoint,
    url: str,
    expected: type,
    *,
    answers: Path | None = None,
    max_query_area_m2: float = 1e8,
    queries: list[str] | None = None,
) -> _Result:
    """Call OSMnx, and again after each of the endpoint's waits while the server at `url` is busy.

    Parameters
    ----------
    call
        What calls OSMnx.
    endpoint, url
        How to ask, and the address of the service that is asked.
    expected
        `dict` (Overpass) or `list` (Nominatim): what the JSON must be.
    answers
        Folder that collects Overpass's answers, so that a retry asks only what was not yet answered.
    max_query_area_m2
        OSMnx divides a polygon into queries no larger than this [m2].
    queries
        The queries that were answered are appended here.

    Raises
    ------
    NetworkError
        The server cannot be reached, stays busy, or answers something else than it should.
    TooLargeError
        The server sent a part only, for want of time or memory.
    NothingFoundError
        The geocoder found nothing.
    """
    tries = 1 + len(endpoint.waits_s)
    trouble = ""
    for turn, wait_s in enumerate((*endpoint.waits_s, None), start=1):
        try:
            with _osmnx_settings(endpoint, expected, answers, max_query_area_m2, queries):
                if answers is not None:
                    _wait_for_slot(endpoint)
                return call()
        except BusyError as busy:
            trouble = str(busy)
        except requests.exceptions.ChunkedEncodingError as error:
            trouble = f"broke off while answering ({type(error).__name__})"
        except requests.exceptions.RequestException as error:
            raise _unreachable(url, error, endpoint) from error
        if wait_s is not None:
            _LOG.warning("%s %s: asking again in %g s (try %d of %d)", host(url), trouble, wait_s, turn + 1, tries)
            time.sleep(wait_s)
    raise NetworkError(
        f"{host(url)} {trouble}, {tries} times with waits of "
        f"{', '.join(f'{wait:g}' for wait in endpoint.waits_s) or 'no'} s between, "
        "so the place could not be downloaded. Try again later, choose another server with DOORVIEW_OVERPASS_URL / "
        "DOORVIEW_NOMINATIM_URL, or download an extract and give that file."
    )


@contextmanager
def _osmnx_settings(
    endpoint: Endpoint, expected: type, answers: Path | None, max_query_area_m2: float, queries: list[str] | None
) -> Iterator[None]:
    """Set OSMnx's settings for one call and put them back, with what else OSMnx changes in the process."""
    wanted: dict[str, Any] = {
        "overpass_url": endpoint.overpass_url,
        "nominatim_url": endpoint.nominatim_url,
        "requests_timeout": endpoint.timeout_s,
        "requests_kwargs": {**osmnx.settings.requests_kwargs, "hooks": {"response": _inspector(expected, queries)}},
        "overpass_settings": "[out:json][timeout:{timeout}]{maxsize}",
        "overpass_memory": None,
        "overpass_rate_limit": False,  # OSMnx would wait for a slot without end; `_wait_for_slot` does it with one
        "max_query_area_size": max_query_area_m2,
        "doh_url_template": None,
        "use_cache": answers is not None,
        "cache_folder": str(answers),
        "cache_only_mode": answers is not None,
        "http_user_agent": "doorview (research software, through OSMnx)",
        "http_referer": "doorview",
    }
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="This area is .* times your configured Overpass", category=UserWarning
        )
        before = {key: getattr(osmnx.settings, key) for key in wanted}
        resolve = socket.getaddrinfo
        try:
            for key, value in wanted.items():
                setattr(osmnx.settings, key, value)
            yield
        finally:
            for key, value in before.items():
                setattr(osmnx.settings, key, value)
            socket.getaddrinfo = resolve


def _inspector(expected: type, queries: list[str] | None) -> Callable[..., None]:
    """Return the hook that looks at each response before OSMnx does, and raises for what must not be used."""

    def inspect(response: requests.Response, **_: object) -> None:
        if response.is_redirect:
            return
        where = response.url
        if response.status_code in _BUSY:
            raise BusyError(f"answered {response.status_code} {plain(response.reason or '')}{_aside(response.text)}")
        if not response.ok:
            raise strange(where, f"{response.status_code} {plain(response.reason or '')}{_aside(response.text)}")
        document: Any
        try:
            document = response.json()
        except requests.exceptions.JSONDecodeError as error:
            if response.text.lstrip()[:1] in ("{", "["):
                raise BusyError("broke off in the middle of its answer") from error
            raise strange(where, f"something that is not JSON{_aside(response.text)}") from error
        if isinstance(document, list) and expected is list:
            if not document:
                raise NothingFoundError
            if all(isinstance(item, dict) for item in document):
                return
        if not isinstance(document, dict) or expected is not dict:
            raise strange(where, f"JSON of another kind{_aside(response.text)}")
        if "remark" in document:
            remark = plain(str(document["remark"]))
            if re.search(r"timed out|timeout|out of memory|memory", remark, flags=re.IGNORECASE):
                raise TooLargeError(remark)
            raise BusyError(f"answered only in part (it remarks: {remark})")
        if not isinstance(document.get("elements"), list):
            raise strange(where, f"JSON without elements{_aside(response.text)}")
        body = response.request.body
        if queries is not None and isinstance(body, str):
            queries.extend(parse_qs(body).get("data", []))

    return inspect


def _wait_for_slot(endpoint: Endpoint) -> None:
    """Ask Overpass's `status` once, and raise `BusyError` if it grants no slot now.

    A server without a readable status page is asked right away: the query itself will tell.
    """
    url = endpoint.overpass_url.rstrip("/") + "/status"
    try:
        with requests.get(
            url,
            timeout=min(_STATUS_TIMEOUT_S, endpoint.timeout_s),
            headers={"User-Agent": osmnx.settings.http_user_agent},
        ) as response:
            status = response.text if response.ok else ""
    except requests.exceptions.Timeout:
        return
    waiting = re.search(r"^Slot available after: .*?, in (\d+) seconds", status, flags=re.MULTILINE)
    if waiting and not re.search(r"^\d+ slots available now", status, flags=re.MULTILINE):
        raise BusyError(f"has no free slot for this address (the next in {int(waiting[1])} s)")


def _unreachable(url: str, error: requests.exceptions.RequestException, endpoint: Endpoint) -> NetworkError:
    """Say in plain words why a server could not be asked."""
    text = str(error)
    if isinstance(error, requests.exceptions.Timeout):
        reason = f"did not answer within {endpoint.timeout_s} s"
    elif re.search(r"resolve|getaddrinfo|Name or service", text, flags=re.IGNORECASE):
        reason = "could not be found (its name does not resolve)"
    elif "refused" in text:
        reason = "refused the connection"
    else:
        reason = f"could not be asked ({type(error).__name__})"
    return NetworkError(
        f"{host(url)} {reason}, so the place could not be downloaded. Check the network (and a proxy, HTTPS_PROXY), "
        "choose another server with DOORVIEW_OVERPASS_URL / DOORVIEW_NOMINATIM_URL, or work offline from an extract "
        "file."
    )


def strange(url: str, what: str) -> NetworkError:
    """Return the error for a server that answered something else than it should."""
    return NetworkError(
        f"{host(url)} answered {what}, so there is nothing that could be read. A wrong address, a proxy or a login "
        "page does that: check DOORVIEW_OVERPASS_URL / DOORVIEW_NOMINATIM_URL and the network, or download an extract "
        "and give that file."
    )


def host(url: str) -> str:
    """Return the host (and port) of an address, without a user name or password in it."""
    return re.sub(r"^https?://([^/?#@]*@)?([^/?#]*).*$", r"\2", url)


def _aside(text: str) -> str:
    """Return ` (it says: ...)` with the readable beginning of a page, or nothing."""
    line = plain(re.sub(r"(?s)<(script|style|head)\b.*?</\1>|<[^>]*>", " ", text[:5_000]))
    return f" (it says: {line})" if line else ""


def plain(text: str) -> str:
    """Return text from outside as one short printable line."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= 200 else line[:197] + "..."
