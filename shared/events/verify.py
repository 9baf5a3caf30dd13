# mypy: ignore-errors
"""Checks a bundle of Xianjie without Xianjie: one file, Python 3.9 or later, its standard library, no network.

    python verify.py BUNDLE.zip [--key KEY]...

A key is the public key of a log or of a witness as its owner handed it over (`name+id+base64`). Without --key the keys in
the bundle are used and printed: compare them with those that the owners publish, or the check says only that the bundle
agrees with itself. Exit code 0: everything is proved. 1: something is not; each fault is a line. 2: no bundle.

It checks: the signatures of each log's head (Ed25519 and SM2, those whose keys are given), cosignatures of witnesses,
that each event is in the tree of its head (RFC 6962, SHA-256) with the content shown (SM3), that each record is as the
last event about it left it, that entries of the ledger add up to zero, the digest of each file, and that each part is
whole as its service signed it: no event, record or file was changed, added, removed or put in another order later. The
index is for reading; it is not checked.
"""

import argparse
import base64
import hashlib
import json
import sys
import zipfile

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
BASE_Y = 4 * pow(5, P - 2, P) % P
MAX_JSON_BYTES, MAX_FILE_BYTES, MAX_ENTRIES = 200_000_000, 500_000_000, 20_000
FORMAT = "xianjie-bundle-2"
LOG, WITNESS, LOG_SM2 = b"\x01", b"\x04", b"\xffGB/T 32918.2"
PUBLIC_KEY_BYTES = {LOG: 32, WITNESS: 32, LOG_SM2: 64}
EVIDENCE = "/evidence"
"""What the name of a log has behind it in a signature over a part of a bundle."""


class Fault(Exception):
    """What is not as it should be; the words say what."""


# --- Ed25519 (RFC 8032), verification only -------------------------------------------------------------------------


def _recover_x(y, sign):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign else x


def _point(x, y):
    return (x, y, 1, x * y % P)


def _add(one, other):
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c, d = 2 * one[3] * other[3] * D % P, 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _multiply(number, point):
    found = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = _add(found, point)
        point, number = _add(point, point), number >> 1
    return found


def _decompress(data):
    if len(data) != 32:
        return None
    number = int.from_bytes(data, "little")
    y = number & ((1 << 255) - 1)
    x = _recover_x(y, number >> 255)
    return None if x is None else _point(x, y)


def verify_ed25519(public, signature, message):
    """Whether a signature of 64 bytes over a message is that of a public key; points of small order are refused."""
    if len(signature) != 64 or len(public) != 32:
        return False
    key, point = _decompress(public), _decompress(signature[:32])
    number = int.from_bytes(signature[32:], "little")
    if key is None or point is None or number >= L:
        return False
    if _multiply(8, key)[0] % P == 0:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    left = _multiply(number, _point(_recover_x(BASE_Y, 0), BASE_Y))
    right = _add(point, _multiply(int.from_bytes(digest, "little") % L, key))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 == (left[1] * right[2] - right[1] * left[2]) % P


# --- SM3 (GB/T 32905), for a Python whose OpenSSL has none ---------------------------------------------------------

SM3_START = (0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E)


def _rotate(word, by):
    by %= 32
    return (word << by | word >> (32 - by)) & 0xFFFFFFFF


def _compress(state, block):
    w = [int.from_bytes(block[at : at + 4], "big") for at in range(0, 64, 4)]
    for j in range(16, 68):
        x = w[j - 16] ^ w[j - 9] ^ _rotate(w[j - 3], 15)
        w.append(x ^ _rotate(x, 15) ^ _rotate(x, 23) ^ _rotate(w[j - 13], 7) ^ w[j - 6])
    a, b, c, d, e, f, g, h = state
    for j in range(64):
        t = 0x79CC4519 if j < 16 else 0x7A879D8A
        ss1 = _rotate((_rotate(a, 12) + e + _rotate(t, j)) & 0xFFFFFFFF, 7)
        ff = a ^ b ^ c if j < 16 else (a & b) | (a & c) | (b & c)
        gg = e ^ f ^ g if j < 16 else (e & f) | (~e & g)
        tt1 = (ff + d + (ss1 ^ _rotate(a, 12)) + (w[j] ^ w[j + 4])) & 0xFFFFFFFF
        tt2 = (gg + h + ss1 + w[j]) & 0xFFFFFFFF
        d, c, b, a = c, _rotate(b, 9), a, tt1
        h, g, f, e = g, _rotate(f, 19), e, tt2 ^ _rotate(tt2, 9) ^ _rotate(tt2, 17)
    return tuple(x ^ y for x, y in zip(state, (a, b, c, d, e, f, g, h)))


def sm3_in_python(data):
    """SM3 in hexadecimal."""
    padded = data + b"\x80" + b"\0" * ((55 - len(data)) % 64) + (8 * len(data)).to_bytes(8, "big")
    state = SM3_START
    for at in range(0, len(padded), 64):
        state = _compress(state, padded[at : at + 64])
    return "".join(f"{word:08x}" for word in state)


def sm3(data):
    """SM3 in hexadecimal, by OpenSSL where it has it."""
    try:
        return hashlib.new("sm3", data).hexdigest()
    except ValueError:
        return sm3_in_python(data)


# --- SM2 (GB/T 32918.2 on the curve of GB/T 32918.5), verification only ---------------------------------------------

SM2_P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
SM2_A = SM2_P - 3
SM2_B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
SM2_N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
SM2_G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
SM2_USER = b"1234567812345678"


def _sm2_add(one, other):
    if one is None or other is None:
        return one or other
    if one[0] == other[0]:
        if (one[1] + other[1]) % SM2_P == 0:
            return None
        slope = (3 * one[0] * one[0] + SM2_A) * pow(2 * one[1], -1, SM2_P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, SM2_P)
    x = (slope * slope - one[0] - other[0]) % SM2_P
    return x, (slope * (one[0] - x) - one[1]) % SM2_P


def _sm2_multiply(number, point):
    found = None
    while number:
        if number & 1:
            found = _sm2_add(found, point)
        point, number = _sm2_add(point, point), number >> 1
    return found


def verify_sm2(public, signature, message):
    """Whether r ‖ s of 64 bytes over a message is the signature of a public key x ‖ y."""
    if len(signature) != 64 or len(public) != 64:
        return False
    x, y = int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (x < SM2_P and y < SM2_P and (y * y - x**3 - SM2_A * x - SM2_B) % SM2_P == 0):
        return False
    if not (0 < r < SM2_N and 0 < s < SM2_N and (r + s) % SM2_N):
        return False
    numbers = b"".join(one.to_bytes(32, "big") for one in (SM2_A, SM2_B, *SM2_G))
    identity = bytes.fromhex(sm3((8 * len(SM2_USER)).to_bytes(2, "big") + SM2_USER + numbers + public))
    point = _sm2_add(_sm2_multiply(s, SM2_G), _sm2_multiply((r + s) % SM2_N, (x, y)))
    return point is not None and (int(sm3(identity + message), 16) + point[0]) % SM2_N == r


# --- signed notes (C2SP) -------------------------------------------------------------------------------------------


def _decode(text):
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, TypeError) as error:
        raise Fault("不是 base64") from error


def parse_key(text):
    """(name, kind, public key, id) of a key as it was handed over."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3:
        raise Fault(f"不是公钥: {text[:80]}")
    data = _decode(parts[2])
    key_id = hashlib.sha256(parts[0].encode() + b"\n" + data).digest()[:4]
    for kind, length in PUBLIC_KEY_BYTES.items():
        if data.startswith(kind) and len(data) == len(kind) + length and key_id.hex() == parts[1]:
            return parts[0], kind, data[len(kind) :], key_id
    raise Fault(f"不是公钥: {text[:80]}")


def parse_note(text):
    """(signed body, origin, size, root, signature lines) of the head of a log."""
    body, empty, rest = text.partition("\n\n")
    lines = body.split("\n")
    if (
        len(lines) != 3
        or not empty
        or not rest.endswith("\n")
        or not lines[1].isdecimal()
        or not lines[1].isascii()
    ):
        raise Fault("日志头的格式不对")
    root = _decode(lines[2])
    if len(root) != 32 or str(int(lines[1])) != lines[1]:
        raise Fault("日志头的格式不对")
    signatures = []
    for line in rest[:-1].split("\n"):
        parts = line.split(" ")
        if len(parts) != 3 or parts[0] != "\u2014":
            raise Fault("签名行的格式不对")
        signatures.append((parts[1], _decode(parts[2])))
    return body + "\n", lines[0], int(lines[1]), root, signatures


def check_note(text, keys):
    """(size, root, names of witnesses) of a head that its log signed with each key known of it; Fault when it did not."""
    body, origin, size, root, signatures = parse_note(text)
    signed, witnesses = set(), []
    wanted = {kind for name, kind, _, _ in keys if name == origin and kind != WITNESS}
    for name, data in signatures:
        for key_name, kind, public, key_id in keys:
            if key_name != name or data[:4] != key_id:
                continue
            message, signature = body.encode(), data[4:]
            if kind == WITNESS:
                time = int.from_bytes(data[4:12], "big")
                message, signature = f"cosignature/v1\ntime {time}\n{body}".encode(), data[12:]
            verify = verify_sm2 if kind == LOG_SM2 else verify_ed25519
            if not verify(public, signature, message):
                raise Fault(f"{name} 的签名不成立")
            if kind == WITNESS:
                witnesses.append(name)
            elif name == origin:
                signed.add(kind)
    if not signed or signed != wanted:
        raise Fault(f"日志头没有 {origin} 的签名, 或公钥不同")
    return size, root, witnesses


# --- the tree (RFC 6962, RFC 9162) ---------------------------------------------------------------------------------


def check_inclusion(leaf, index, size, path, root):
    """Whether a leaf is at a place in the tree of a size with this root."""
    if not 0 <= index < size:
        return False
    node, last, found = index, size - 1, leaf
    for one in path:
        if last == 0 or len(one) != 32:
            return False
        if node & 1 or node == last:
            found = hashlib.sha256(b"\1" + one + found).digest()
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\1" + found + one).digest()
        node, last = node >> 1, last >> 1
    return last == 0 and found == root


def _canonical(value):
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def check_event(event, size, root):
    """Fault unless an event is in the tree of a head with the content shown."""
    digest = sm3(_canonical([event["before"], event["row"]]))
    if digest != event["digest"]:
        raise Fault(f"事件 {event['row'].get('id')}: 内容与摘要不符")
    leaf = hashlib.sha256(b"\0" + bytes.fromhex(digest)).digest()
    path = [_decode(one) for one in event["hashes"]]
    if type(event["index"]) is not int or not check_inclusion(leaf, event["index"], size, path, root):
        raise Fault(f"事件 {event['row'].get('id')}: 不在日志里")


def evidence_digest(subjects, digests, rows):
    """The 32 bytes that a service signs with its part: what was asked for, the events in their order, all rows."""
    return hashlib.sha256(_canonical([subjects, digests, rows])).digest()


def check_whole(part, keys):
    """Fault unless the part is what its service signed."""
    named = []
    for name, kind, public, _ in keys:
        if kind != WITNESS:
            key_id = hashlib.sha256((name + EVIDENCE).encode() + b"\n" + kind + public).digest()[:4]
            named.append((name + EVIDENCE, kind, public, key_id))
    origin = parse_note(part["note"])[1]
    count, content, _ = check_note(part["signature"], named)
    if parse_note(part["signature"])[1] != origin + EVIDENCE:
        raise Fault("签名是另一个服务的")
    digests = [event["digest"] for event in part["events"]]
    if count != len(digests) or content != evidence_digest(part["subjects"], digests, part["rows"]):
        raise Fault("事件或记录有增减、改动或换了次序: 与服务签名时不同")


def _last_mentions(events):
    told = {}
    for event in sorted(events, key=lambda one: one["index"]):
        for table, keys in event["row"].get("records", {}).items():
            for key, described in keys.items():
                told[table, key] = described
    return told


def check_rows(part):
    """Faults of records: each must be as the last event about it left it."""
    told = _last_mentions(part["events"])
    for table, rows in part["rows"].items():
        for key, values in rows.items():
            described = told.get((table, key))
            digest = described.get("digest") if isinstance(described, dict) else described
            if digest is None:
                yield f"{table} {key}: 所附的事件没有提到这条记录"
            elif sm3(_canonical([table, values])) != digest:
                yield f"{table} {key}: 内容与日志不符"
    yield from _check_entries(part["rows"])


def _check_entries(rows):
    sums = {}
    for line in rows.get("ledger_posting", {}).values():
        sums[line["entry_id"]] = sums.get(line["entry_id"], 0) + line["amount"]
    for key in rows.get("ledger_entry", {}):
        if sums.get(key, 1):
            yield f"分录 {key}: 借贷不平"


# --- the bundle ----------------------------------------------------------------------------------------------------


def _refuse_duplicates(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Fault("bundle.json 里有重复的名称")
    return found


def _refuse_constant(name):
    raise Fault(f"bundle.json 里有 {name}")


def read_bundle(archive):
    """The content of bundle.json; Fault when the archive has no such file or another form."""
    entries = archive.infolist()
    names = [one.filename for one in entries]
    if len(names) != len(set(names)) or len(names) > MAX_ENTRIES:
        raise Fault("压缩包里的文件重名或过多")
    if "bundle.json" not in names or archive.getinfo("bundle.json").file_size > MAX_JSON_BYTES:
        raise Fault("压缩包里没有 bundle.json, 或它过大")
    if sum(one.file_size for one in entries) > MAX_FILE_BYTES:
        raise Fault("压缩包过大")
    bundle = json.loads(
        archive.read("bundle.json").decode(),
        object_pairs_hook=_refuse_duplicates,
        parse_constant=_refuse_constant,
    )
    if bundle.get("format") != FORMAT:
        raise Fault(f"不是 {FORMAT} 格式")
    return bundle


def check_files(archive, bundle):
    """Faults of files: each content has the digest in its name, a record names it, and none is missing but those left out."""
    known = set()
    for part in bundle["services"].values():
        known |= {row["sha256"] for row in part["rows"].get("file", {}).values()}
    held = {
        one.filename.split("/")[1].split(".")[0]
        for one in archive.infolist()
        if one.filename.startswith("files/")
    }
    for digest in sorted(known - held - set(bundle["left_out"])):
        yield f"文件 {digest}: 记录提到它, 包里没有"
    for entry in archive.infolist():
        if entry.filename.startswith("files/"):
            digest = entry.filename.split("/")[1].split(".")[0]
            if hashlib.sha256(archive.read(entry)).hexdigest() != digest:
                yield f"{entry.filename}: 内容与摘要不符"
            elif digest not in known:
                yield f"{entry.filename}: 没有记录提到这个文件"


def check_service(name, part, keys):
    """(summary, faults) of one service's part."""
    try:
        size, root, witnesses = check_note(part["note"], keys)
        check_whole(part, keys)
    except Fault as fault:
        return "", [f"{name}: {fault}"]
    faults = []
    for event in part["events"]:
        try:
            check_event(event, size, root)
        except Fault as fault:
            faults.append(f"{name}: {fault}")
    faults += [f"{name}: {words}" for words in check_rows(part)]
    rows = sum(len(one) for one in part["rows"].values())
    seen = "、".join(witnesses) or "没有见证方"
    return f"{name}: {size} 条的日志, 事件 {len(part['events'])} 条, 记录 {rows} 条, 见证: {seen}", faults


def check_archive(path, given):
    """(lines to read, faults) of a bundle; `given` are the keys of the caller."""
    with zipfile.ZipFile(path) as archive:
        bundle = read_bundle(archive)
        texts = list(given) or [
            *(
                part[key]
                for part in bundle["services"].values()
                for key in ("key", "sm2_key")
                if part.get(key)
            ),
            *bundle.get("witness_keys", []),
        ]
        keys = [parse_key(text) for text in texts]
        lines = [] if given else ["公钥取自本包, 请与各方公布的公钥比较:", *(f"  {text}" for text in texts)]
        faults = []
        if not bundle["services"]:
            faults.append("包里没有任何日志")
        for name, part in sorted(bundle["services"].items()):
            summary, found = check_service(name, part, keys)
            lines += [summary] if summary else []
            faults += found
        lines += [f"没有放进来的文件: SHA-256 {digest}" for digest in bundle["left_out"]]
        faults += list(check_files(archive, bundle))
    return lines, faults


def main(arguments=None):
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle")
    parser.add_argument("--key", action="append", default=[])
    asked = parser.parse_args(arguments)
    try:
        lines, faults = check_archive(asked.bundle, asked.key)
    except Fault as fault:
        sys.stdout.write(f"不能核对: {fault}\n")
        return 2
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
        zipfile.BadZipFile,
    ) as error:
        sys.stdout.write(f"不能核对, 不是完整的证据包: {type(error).__name__}\n")
        return 2
    for line in lines:
        sys.stdout.write(f"{line}\n")
    for fault in faults:
        sys.stdout.write(f"不符 {fault}\n")
    sys.stdout.write("核对未通过\n" if faults else "全部核对通过\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
