"""`make reset`: throw the demo's data away. The next `make run` starts from nothing."""

import shutil
import sys

from demo import environment, postgres


def main() -> int:
    folder = environment.demo_folder()
    if not folder.exists():
        print("There is no demo data.")
        return 0
    claim = environment.hold_demo(folder)
    if claim is None:
        print("The demo runs. Stop it first (Ctrl-C), then reset.", file=sys.stderr)
        return 1
    postgres.stop(folder / "pg")
    shutil.rmtree(folder)
    print("The demo's data is gone. `make run` makes it anew.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
