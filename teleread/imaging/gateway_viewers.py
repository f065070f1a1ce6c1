"""What the local gateway hands to viewers besides DICOMweb: OHIF's own files, Weasis' manifest.

Only what is behind a one-use code names a key or a patient; OHIF's files are public and say nothing.
"""

from __future__ import annotations

import json
import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import quoteattr

from teleread.model.errors import TelereadError

from .gateway_answers import Answer, refusal

if TYPE_CHECKING:
    from .gateway_study import Shared, Shown

__all__ = ["POLICY", "ohif_config", "ohif_file", "proxy_json", "weasis_manifest"]

MAX_FILE: Final = 64 * 1024 * 1024
"""Largest file of a viewer that is served, bytes."""
POLICY: Final = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:; "
    "worker-src 'self' blob:; connect-src 'self' blob: data:; img-src 'self' blob: data:; "
    "style-src 'self' 'unsafe-inline'; font-src 'self' data:; manifest-src 'self'; media-src 'self' blob:; "
    "object-src 'self' blob:; frame-src 'self' blob:; frame-ancestors 'none'; "
    "form-action 'none'; base-uri 'self'"
)
"""The viewer's pages may talk to this gateway and to nobody else."""
_TYPES: Final = {
    ".js": "text/javascript",
    ".wasm": "application/wasm",
    ".css": "text/css",
    ".mjs": "text/javascript",
}
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}


def ohif_file(folder: Path, path: tuple[str, ...]) -> Answer:
    """A file of OHIF's published build; its page for every place that is none (its router is in the browser).

    Args:
        folder: The build, ``dist`` of the npm package.
        path: Segments of the request.
    """
    place = folder.joinpath(*path) if path else folder / "index.html"
    if any(one in ("", ".", "..") or "\\" in one or "\0" in one or ":" in one for one in path):
        return refusal(404, "There is nothing of that name.")
    if "." not in (path[-1] if path else "."):
        place = folder / "index.html"
    try:
        whole = place.resolve(strict=True)
        if (
            not whole.is_relative_to(folder.resolve())
            or not whole.is_file()
            or whole.stat().st_size > MAX_FILE
        ):
            return refusal(404, "There is nothing of that name.")
        kind = _TYPES.get(whole.suffix) or mimetypes.guess_type(whole.name)[0] or "application/octet-stream"
        return Answer(200, kind, whole.read_bytes(), _HEADERS)
    except OSError:
        return refusal(404, "There is nothing of that name.")


def _source(root: str) -> dict[str, Any]:
    return {
        "friendlyName": "teleread",
        "name": "teleread",
        "qidoRoot": root,
        "wadoRoot": root,
        "wadoUriRoot": f"{root}/wado",
        "qidoSupportsIncludeField": False,
        "imageRendering": "wadors",
        "thumbnailRendering": "wadors",
        "enableStudyLazyLoad": True,
        "supportsFuzzyMatching": False,
        "supportsWildcard": True,
        "supportsReject": False,
        "supportsStow": False,
        "dicomUploadEnabled": False,
        "omitQuotationForMultipartRequest": True,
        "bulkDataURI": {"enabled": True},
    }


def ohif_config(root: str) -> Answer:
    """``app-config.js`` for OHIF: this gateway is its only source, and it lists no studies."""
    config = {
        "name": "teleread",
        "routerBasename": "/",
        "extensions": [],
        "modes": [],
        "customizationService": {"ohif.tours": {"$set": []}},
        "showStudyList": False,
        "maxNumberOfWebWorkers": 3,
        "showWarningMessageForCrossOrigin": False,
        "showCPUFallbackMessage": True,
        "showLoadingIndicator": True,
        "strictZSpacingForVolumeViewport": True,
        "investigationalUseDialog": {"option": "never"},
        "maxNumRequests": {"interaction": 20, "thumbnail": 5, "prefetch": 10},
        "defaultDataSourceName": "teleread",
        "dataSources": [
            {
                "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
                "sourceName": "teleread",
                "configuration": _source(root),
            }
        ],
    }
    body = f"window.config = {json.dumps(config)};\n".encode()
    return Answer(200, "text/javascript", body, _HEADERS)


def proxy_json(root: str) -> Answer:
    """What OHIF's ``dicomwebproxy`` source reads: where the gateway is."""
    return Answer(200, "application/json", json.dumps({"servers": {"dicomWeb": [_source(root)]}}).encode())


def weasis_manifest(shared: Shared, root: str, token: str) -> Answer:
    """A manifest of Weasis (schema 2.5): what to load, and the key to load it with.

    Args:
        shared: The studies.
        root: The service's own URL.
        token: The bearer token.
    """
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<manifest xmlns="http://www.weasis.org/xsd/2.5">',
        f'<arcQuery arcId="teleread" baseUrl={quoteattr(f"{root}/wado")} requireOnlySOPInstanceUID="false"'
        ' additionnalParameters="" overrideDicomTagsList="">',
        f'<httpTag key="Authorization" value={quoteattr(f"Bearer {token}")}/>',
    ]
    for study in shared.studies:
        lines += _patient(shared, study, root)
    lines += ["</arcQuery>", "</manifest>"]
    return Answer(200, "text/xml; charset=utf-8", "\n".join(lines).encode())


def _patient(shared: Shared, study: Shown, root: str) -> list[str]:
    held = shared.instances(study)
    if not held:
        return []
    try:
        top = shared.metadata(study, held[0], root)
    except TelereadError:
        top = {}
    patient = {
        "PatientID": _first(top, "00100020"),
        "PatientName": _first(top, "00100010"),
        "PatientBirthDate": _first(top, "00100030"),
        "PatientSex": _first(top, "00100040"),
    }
    about = {
        "StudyInstanceUID": study.study_uid,
        "StudyDescription": _first(top, "00081030"),
        "StudyDate": _first(top, "00080020"),
        "StudyTime": _first(top, "00080030"),
        "AccessionNumber": _first(top, "00080050"),
        "StudyID": _first(top, "00200010"),
    }
    lines = [f"<Patient{_attributes(patient)}>", f"<Study{_attributes(about)}>"]
    series = ""
    for one in held:
        info = one.info
        if info.series_uid != series:
            lines += ["</Series>"] if series else []
            series = info.series_uid
            number = "" if info.series_number is None else str(info.series_number)
            said = {
                "SeriesInstanceUID": series,
                "SeriesDescription": str(info.series_description),
                "SeriesNumber": number,
                "Modality": str(info.modality),
            }
            lines.append(f"<Series{_attributes(said)}>")
        number = "" if info.instance_number is None else str(info.instance_number)
        lines.append(f"<Instance{_attributes({'SOPInstanceUID': info.sop_uid, 'InstanceNumber': number})}/>")
    return [*lines, "</Series>", "</Study>", "</Patient>"]


def _attributes(values: dict[str, str]) -> str:
    return "".join(f" {name}={quoteattr(_printable(value))}" for name, value in values.items() if value)


def _printable(text: str) -> str:
    """Without what XML 1.0 has no place for (section 2.2)."""
    return "".join(one for one in text if one.isprintable())


def _first(top: dict[str, Any], tag: str) -> str:
    value = next(iter(top.get(tag, {}).get("Value", ())), "")
    return str(value.get("Alphabetic", "")) if isinstance(value, dict) else str(value or "")
