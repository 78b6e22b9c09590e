"""`python -m longtail`, and so `torchrun -m longtail`: the same as the `longtail` command."""

from longtail.cli import main

if __name__ == "__main__":
    main()
