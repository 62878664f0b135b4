"""seqcast beside a bare-torch floor and whichever rivals are installed: one command, measured in turns.

    python tests/benchmarks/compare.py                            # seqcast and the floor: eight minutes on two cores
    python tests/benchmarks/compare.py --install ../rivals        # an environment each; takes minutes
    python tests/benchmarks/compare.py --rivals ../rivals         # with them: forty minutes
    python tests/benchmarks/compare.py --only training smallest   # some of the sections; results add up
    python tests/benchmarks/compare.py --only accuracy --who ours --seeds 5 --budgets 15 35
    python tests/benchmarks/compare.py --only --markdown README.md   # no measurement: the table from the results

Each contender runs in a process and interpreter of its own, on the same numbers, network size, batch, steps, threads
and allocator setting; ``contenders/`` shows how each is set up.  The published files are found as the data sets of the
catalogue are (``FORECAST_DATA``, ``FORECAST_MIRROR``); without them test errors are left out and waves of their size
stand in for the rest.  Rivals are also looked for in the interpreters and folders that ``FORECAST_RIVALS`` names.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from comparison import accuracy, first_step, prediction, smallest, table, training
from comparison.context import LABELS, Context, Results
from comparison.process import Contender
from comparison.rivals import find, install

SECTIONS = {
    "smallest": smallest.run,
    "prediction": prediction.run,
    "training": training.run,
    "first-step": first_step.run,
    "accuracy": accuracy.run,
}
BUILD = Path(__file__).parents[2] / "build"
BUDGETS = [5.0, 10.0, 15.0, 35.0]


def main() -> None:
    options = arguments()
    if options.install:
        install(options.install.resolve(), options.who)
        return
    results = Results(options.results or BUILD / ("comparison-quick.json" if options.quick else "comparison.json"))
    named = [Path(place) for place in os.environ.get("FORECAST_RIVALS", "").split(os.pathsep) if place]
    contenders = [Contender("ours"), Contender("floor"), *find([*options.rivals, *named])]
    contenders = [contender for contender in contenders if contender.name in options.who]
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        context = Context(
            contenders=contenders,
            results=results,
            folder=Path(folder),
            threads=options.threads,
            rounds=1 if options.quick else options.rounds,
            seeds=options.seeds,
            budgets=[3.0] if options.quick else options.budgets,
            quick=options.quick,
        )
        if options.only:
            context.conditions()
        for name in options.only:
            print(name, flush=True)
            SECTIONS[name](context)
    if options.markdown:
        table.write(options.markdown, results)
    print(f"\n{table.full(results)}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=SECTIONS, default=list(SECTIONS), metavar="SECTION")
    parser.add_argument("--rivals", nargs="+", type=Path, default=[], help="interpreters, or folders of environments")
    parser.add_argument("--install", type=Path, help="make an environment per rival in this folder, and stop")
    parser.add_argument("--who", nargs="+", choices=LABELS, default=list(LABELS), metavar="CONTENDER")
    parser.add_argument("--results", type=Path, help="file that keeps the figures; else one in build/")
    parser.add_argument("--markdown", type=Path, help="file for the tables; the summary where it has marks")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each side, in turns")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seeds", type=int, default=1, help="fits of seqcast and the floor per test error")
    parser.add_argument("--budgets", nargs="+", type=float, default=BUDGETS, help="seconds that seqcast fits")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does everything work?")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
