"""`python -m benchmarks.load`."""

from benchmarks.load.harness import main

if __name__ == "__main__":
    main(prog_name="python -m benchmarks.load")
