"""The character sets that a sender may declare for a body that is no UTF-8: a list of Headrace's own.

Python knows codecs that are none (``rot13``), and some that differ from one version to the next.
"""

from __future__ import annotations

import functools
import re
from typing import Final

_CHARSET: Final = re.compile(r";\s*charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE | re.ASCII)
_CODECS: Final = {
    "windows-1252": "ascii us-ascii ansi cp1252 x-cp1252 iso-8859-1 iso8859-1 iso_8859-1 latin1 latin-1 l1",
    "windows-1250": "cp1250 x-cp1250",
    "windows-1251": "cp1251 x-cp1251",
    "windows-1253": "cp1253",
    "windows-1254": "cp1254 iso-8859-9 iso8859-9 latin5",
    "windows-1255": "cp1255",
    "windows-1256": "cp1256",
    "windows-1257": "cp1257",
    "windows-1258": "cp1258",
    "iso-8859-2": "iso8859-2 latin2",
    "iso-8859-5": "iso8859-5 cyrillic",
    "iso-8859-6": "iso8859-6 arabic",
    "iso-8859-7": "iso8859-7 greek",
    "iso-8859-8": "iso8859-8 hebrew",
    "iso-8859-15": "iso8859-15 latin9 latin-9",
    "koi8-r": "koi8 koi",
    "koi8-u": "",
    "cp866": "ibm866 866",
    "cp874": "windows-874 tis-620 iso-8859-11",
    "mac_roman": "macintosh mac x-mac-roman",
    "cp932": "shift_jis shift-jis sjis x-sjis ms_kanji windows-31j ms932",
    "euc_jp": "euc-jp x-euc-jp",
    "cp949": "euc-kr ks_c_5601-1987 ksc5601 korean windows-949",
    "gbk": "gb2312 gb18030 x-gbk chinese gb_2312-80 cp936 windows-936",
    "cp950": "big5 big5-hkscs cn-big5 x-x-big5",
}
_BY_LABEL: Final = {label: codec for codec, labels in _CODECS.items() for label in (codec, *labels.split())}


@functools.lru_cache(maxsize=256)
def codec_of(content_type: str) -> str:
    """Return Python's name of the character set that a ``Content-Type`` declares.

    It is "" for UTF-8, for none, and for one that is not known. As on the Web, ASCII and Latin-1 mean
    windows-1252 (WHATWG Encoding §4.2).
    """
    declared = _CHARSET.search(content_type)
    return _BY_LABEL.get(declared[1].lower(), "") if declared else ""
