"""Merkle tree of RFC 6962 over the seals of an event log, kept in tiles of 256 hashes (as in C2SP tlog-tiles).

Leaf `i` is SHA-256(0x00 ‖ digest of the seal at position i + 1); a node is SHA-256(0x01 ‖ left ‖ right). Level L of the
tiles has the roots of complete subtrees of 256^L leaves. A proof reads a few tiles whatever the size of the log.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import sqlalchemy as sa
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.db import execute_core, log_seal, log_tile

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
EMPTY_ROOT = hashlib.sha256(b"").digest()
Node = tuple[int, int]
"""A complete subtree: its height, and its number among those of that height."""
Tiles = Mapping[tuple[int, int], bytes]


def hash_leaf(data: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\0" + data).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\1" + left + right).digest()


def _split(size: int) -> int:
    """The largest power of two below a size of at least two."""
    return 1 << (size - 1).bit_length() - 1


def list_inclusion_ranges(leaf: int, low: int, high: int) -> list[tuple[int, int]]:
    """The ranges of leaves whose hashes prove that a leaf is in the tree of leaves low…high, from the leaf upwards."""
    if high - low == 1:
        return []
    middle = low + _split(high - low)
    if leaf < middle:
        return [*list_inclusion_ranges(leaf, low, middle), (middle, high)]
    return [*list_inclusion_ranges(leaf, middle, high), (low, middle)]


def list_consistency_ranges(old: int, size: int) -> list[tuple[int, int]]:
    """The ranges whose hashes prove that the tree of the first `old` leaves (at least one) is the start of that of `size`."""

    def subproof(count: int, low: int, high: int, whole: bool) -> list[tuple[int, int]]:
        if count == high - low:
            return [] if whole else [(low, high)]
        middle = low + _split(high - low)
        if count <= middle - low:
            return [*subproof(count, low, middle, whole), (middle, high)]
        return [*subproof(count - (middle - low), middle, high, whole=False), (low, middle)]

    return subproof(old, 0, size, whole=True)


def _list_nodes(low: int, high: int) -> list[Node]:
    """The complete subtrees, left to right, whose hashes fold to the hash of a range that a proof names."""
    nodes = []
    while low < high:
        height = (high - low).bit_length() - 1
        nodes.append((height, low >> height))
        low += 1 << height
    return nodes


def _locate(node: Node) -> tuple[tuple[int, int], int, int]:
    """The tile that holds a node's hashes, the first of them, and how many."""
    height, number = node
    count = 1 << height % TILE_HEIGHT
    first = number * count
    return (height // TILE_HEIGHT, first // TILE_WIDTH), first % TILE_WIDTH, count


def _hash_entries(tile: bytes, first: int, count: int) -> bytes:
    hashes = [tile[at * HASH_BYTES : (at + 1) * HASH_BYTES] for at in range(first, first + count)]
    while len(hashes) > 1:
        hashes = [hash_node(*hashes[at : at + 2]) for at in range(0, len(hashes), 2)]
    return hashes[0]


def _hash_range(tiles: Tiles, low: int, high: int) -> bytes:
    parts = []
    for node in _list_nodes(low, high):
        place, first, count = _locate(node)
        parts.append(_hash_entries(tiles[place], first, count))
    found = parts.pop()
    while parts:
        found = hash_node(parts.pop(), found)
    return found


async def read_hashes(session: AsyncSession, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    """The hashes of ranges of leaves, with one statement for the tiles they need."""
    places = {_locate(node)[0] for low, high in ranges for node in _list_nodes(low, high)}
    if not places:
        return []
    tile = log_tile.c
    wanted = sa.or_(
        *(
            sa.and_(tile.level == level, tile.number.in_(sorted(n for other, n in places if other == level)))
            for level in {level for level, _ in places}
        )
    )
    query = sa.select(tile.level, tile.number, tile.hashes).where(wanted)
    tiles = {(row.level, row.number): bytes(row.hashes) for row in await execute_core(session, query)}
    return [_hash_range(tiles, low, high) for low, high in ranges]


async def read_root(session: AsyncSession, size: int) -> bytes:
    """The root of the tree of the first `size` leaves."""
    return (await read_hashes(session, [(0, size)]))[0] if size else EMPTY_ROOT


async def read_size(session: AsyncSession) -> int:
    """The number of leaves."""
    tile = log_tile.c
    query = sa.select(tile.number, sa.func.length(tile.hashes).label("held")).where(tile.level == 0)
    row = (await execute_core(session, query.order_by(tile.number.desc()).limit(1))).first()
    return 0 if row is None else int(row.number) * TILE_WIDTH + int(row.held) // HASH_BYTES


async def grow_tree(session: AsyncSession, limit: int) -> int:
    """Add the next sealed rows, at most `limit`, as leaves; their number. The caller's transaction seals them, too."""
    size = await read_size(session)
    query = sa.select(log_seal.c.digest).where(log_seal.c.position > size).order_by(log_seal.c.position)
    digests = list((await execute_core(session, query.limit(limit))).scalars())
    await _append_hashes(session, 0, size, [hash_leaf(bytes.fromhex(digest)) for digest in digests])
    return len(digests)


async def find_tree_fault(session: AsyncSession) -> int | None:
    """The position of the first seal that the tiles do not follow from; None when all tiles follow from the seals."""
    levels: dict[int, list[bytes]] = {}
    last = 0
    size = await read_size(session)
    while last < size:
        page = min(size - last, TILE_WIDTH * 16)
        query = sa.select(log_seal.c.digest).where(log_seal.c.position > last).order_by(log_seal.c.position)
        digests = list((await execute_core(session, query.limit(page))).scalars())
        levels.setdefault(0, []).extend(hash_leaf(bytes.fromhex(digest)) for digest in digests)
        first = last // TILE_WIDTH
        stored = await _read_tiles(session, 0, first, first + page // TILE_WIDTH)
        expected = [b"".join(chunk) for chunk in _cut(levels.pop(0))]
        for number, tile in enumerate(expected, first):
            if stored.get(number) != tile:
                return number * TILE_WIDTH + 1
            if len(tile) == TILE_WIDTH * HASH_BYTES:
                levels.setdefault(1, []).append(_hash_entries(tile, 0, TILE_WIDTH))
        if len(digests) < page:
            return last + len(digests) + 1
        last += page
    return None if await _fits_upper_levels(session, levels.get(1, [])) else 1


async def _fits_upper_levels(session: AsyncSession, hashes: list[bytes], level: int = 1) -> bool:
    chunks = [b"".join(chunk) for chunk in _cut(hashes)]
    stored = await _read_tiles(session, level, 0, len(chunks))
    if [stored.get(number) for number in range(len(chunks))] != chunks:
        return False
    full = [chunk for chunk in chunks if len(chunk) == TILE_WIDTH * HASH_BYTES]
    roots = [_hash_entries(chunk, 0, TILE_WIDTH) for chunk in full]
    return not roots or await _fits_upper_levels(session, roots, level + 1)


async def _read_tiles(session: AsyncSession, level: int, first: int, last: int) -> dict[int, bytes]:
    tile = log_tile.c
    query = sa.select(tile.number, tile.hashes).where(tile.level == level, tile.number.between(first, last))
    return {row.number: bytes(row.hashes) for row in await execute_core(session, query)}


async def _append_hashes(session: AsyncSession, level: int, size: int, hashes: list[bytes]) -> None:
    """Append to a level that has `size` hashes, and the roots of the tiles that become full to the level above."""
    if not hashes:
        return
    number, tile = size // TILE_WIDTH, log_tile.c
    held = size % TILE_WIDTH
    old = b""
    if held:
        mine = sa.and_(tile.level == level, tile.number == number)
        old = bytes((await execute_core(session, sa.select(tile.hashes).where(mine))).scalar_one())
    chunks = list(_cut([*_unpack(old), *hashes]))
    new = [
        {"level": level, "number": number + at, "hashes": b"".join(chunk)} for at, chunk in enumerate(chunks)
    ]
    if held:
        await execute_core(session, log_tile.update().where(mine).values(hashes=new.pop(0)["hashes"]))
    if new:
        await execute_core(session, log_tile.insert(), new)
    roots = [_hash_entries(b"".join(chunk), 0, TILE_WIDTH) for chunk in chunks if len(chunk) == TILE_WIDTH]
    await _append_hashes(session, level + 1, number, roots)


def _unpack(tile: bytes) -> Iterator[bytes]:
    return (tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES))


def _cut(hashes: Sequence[bytes]) -> Iterable[Sequence[bytes]]:
    return (hashes[at : at + TILE_WIDTH] for at in range(0, len(hashes), TILE_WIDTH))


def _fold(
    place: tuple[int, int], first: bytes, second: bytes, path: Sequence[bytes]
) -> tuple[bytes, bytes] | None:
    """Go up from a node (its number, the last number of its level) along a path; None when the path has another length.

    `first` is the root of the old tree so far, `second` that of the whole tree (RFC 9162, 2.1.3.2 and 2.1.4.2).
    """
    node, last = place
    for one in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            first, second = hash_node(one, first), hash_node(one, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = hash_node(second, one)
        node, last = node >> 1, last >> 1
    return (first, second) if last == 0 else None


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to; None when the proof does not fit."""
    found = _fold((index, size - 1), leaf, leaf, path) if 0 <= index < size else None
    return found[1] if found else None


def is_consistent(old: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> bool:
    """Whether a consistency proof leads from the root of an old size, at least one, to that of a size not below it."""
    if old == size:
        return not path and old_root == root
    hashes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not 0 < old < size or not hashes:
        return False
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    return _fold((node, last), hashes[0], hashes[0], hashes[1:]) == (old_root, root)
