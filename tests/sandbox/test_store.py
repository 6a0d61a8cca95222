"""The store: several may open it at once, a refusal undoes its writes, privates stay private."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Barrier

import pytest

from demo.stripe.store import Store, Transaction


def test_eight_may_open_a_new_store_at_the_same_instant(tmp_path: Path) -> None:
    for number in range(10):
        start = Barrier(8)

        def begin(_: int, path: Path = tmp_path / f"{number}.db", start: Barrier = start) -> str:
            start.wait()
            store = Store(path)
            with store.read() as tx:
                found = tx.setting("nothing", "empty")
            store.close()
            return found

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(begin, range(8))) == ["empty"] * 8


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.db")
    refund = {"id": "re_1", "object": "refund", "created": 1, "charge": "ch_1"}

    def write_and_break(scope: AbstractContextManager[Transaction | None], tx: Transaction) -> None:
        with scope as opened:
            (opened or tx).put("ncal", refund)
            raise RuntimeError

    with store.write() as tx:
        with pytest.raises(RuntimeError):
            write_and_break(tx.savepoint(), tx)
        tx.put("ncal", {**refund, "id": "re_2"})
    with pytest.raises(RuntimeError):
        write_and_break(store.write(), tx)
    with store.read() as tx:
        assert [found["id"] for found in tx.find("ncal", "refund", {"charge": "ch_1"})] == ["re_2"]
        assert list(tx.find("georgia", "refund")) == []
        with pytest.raises(ValueError, match="not a field name"):
            tx.find("ncal", "refund", {"charge') OR 1=1 --": "x"})
    store.close()
