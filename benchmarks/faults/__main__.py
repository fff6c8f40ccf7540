"""`python -m benchmarks.faults`."""

from benchmarks.faults.harness import main

if __name__ == "__main__":
    main(prog_name="python -m benchmarks.faults")
