"""What stands beside a body and is none of ours: ids, numbers, versions, keys, types, encodings."""

UUID = "6f3b4f0e-4a8c-4f0e-9d57-0c5d2e6b7a10"
NO_IDS = (
    *(UUID.upper(), UUID.replace("-", ""), "{" + UUID + "}", "urn:uuid:" + UUID, UUID[:-1], UUID + "0"),
    *("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "1", "null", "x" * 7_000),
    *("a%2Fb", "%00", UUID + "%00", UUID + "%0a", "%20" + UUID, "%ff", "%zz", "$ne", "%7B%22$ne%22:1%7D", "*"),
)
NO_NUMBERS = (
    *("0", "-1", "01", "1.0", "1e3", "abc", "null", "9007199254740992", "1" * 5000, "%EF%BC%91", "%D9%A1"),
    *("1%00", "%201", "1%0a", "0x1", "1_0", "+1", "true", "$gt", "1%2F2"),
)
WRONG_IF_MATCH = (
    *("1", '"1', '""', "'1'", '"a"', '"-1"', '"1-x"', '"1-1-1"', '"1 "', '"' + "1" * 20 + '"', '"１"', '"٣"', '"1.0"'),
    *("\xe9", b"\xff", '"1"x', '"*"', "null", '"1"' * 500),
)
WRONG_KEYS: tuple[str | bytes, ...] = ("", " ", "k" * 256, "k" * 300, "k" * 7000, "schlüssel", b"\xff", "a\tb")
STRANGE_KEYS = ("k" * 255, "~!@#$%^&*()", '"quoted"', "a b", "'; --", "../..", "${jndi:ldap://x}")
WRONG_CORRELATION_IDS: tuple[str | bytes, ...] = ("c" * 129, "ü", b"\xff", "a\tb")
WRONG_TYPES = ("", "text/plain", "multipart/form-data; boundary=x", "application/xml", ";;", "json")
UNREAD_ENCODINGS = ("br", "zstd", "compress", "x-nonsense")
